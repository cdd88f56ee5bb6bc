"""ResNet and the plain networks for ImageNet: the paper's counts, torchvision as the oracle, the idea."""

import pytest
import torch
import torchvision
from torch import nn

from decanet.core.errors import UsageError
from decanet.models import create_model, model_entry
from decanet.models.resnet import from_torchvision
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_he_initialized,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
    weighted_layers,
)
from tests.models._oracle import check_same_outputs, random_weights

ALL = [
    "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "plain18", "plain34",
    "resnet50_v1_5", "resnet101_v1_5", "resnet152_v1_5",
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        # Multiply-adds in Table 1 of arXiv:1512.03385: 1.8, 3.6, 3.8, 7.6 and 11.3 billion. The whole
        # numbers: torchvision 0.29.1 with shortcuts B; the same counted with the stride moved for version
        # 1, and without the projections for the plain networks.
        ("resnet18", 11_689_512, 1_814_073_344),
        ("resnet34", 21_797_672, 3_663_761_408),
        ("resnet50", 25_557_032, 3_857_973_248),
        ("resnet101", 44_549_160, 7_570_194_432),
        ("resnet152", 60_192_808, 11_282_415_616),
        ("plain18", 11_515_688, 1_794_805_760),
        ("plain34", 21_623_848, 3_644_493_824),
        ("resnet50_v1_5", 25_557_032, 4_089_184_256),
        ("resnet101_v1_5", 44_549_160, 7_801_405_440),
        ("resnet152_v1_5", 60_192_808, 11_513_626_624),
    ],
)
def test_counts(name: str, params: int, macs: int) -> None:
    check_counts(name, params=params, macs=macs)


def test_shortcuts_without_weights_cost_nothing() -> None:
    """Section 4.1: with option A a residual network has the plain network's parameters and multiply-adds."""
    check_counts("resnet18", shortcut="A", params=11_515_688, macs=1_794_805_760)
    check_counts("resnet34", shortcut="A", params=21_623_848, macs=3_644_493_824)


def test_option_c_projects_everywhere() -> None:
    """B projects 3 of ResNet-34's 16 shortcuts, C all: 3 + 3 + 5 + 2 more of k*k weights and a norm's 2k."""
    more = 3 * (64**2 + 128) + 3 * (128**2 + 256) + 5 * (256**2 + 512) + 2 * (512**2 + 1024)
    check_counts("resnet34", shortcut="C", params=21_797_672 + more)


@pytest.mark.parametrize("name", ALL)
def test_depth_is_in_the_name(name: str) -> None:
    assert weighted_layers(name) == int(
        name.removesuffix("_v1_5").removeprefix("resnet").removeprefix("plain")
    )


@pytest.mark.parametrize("name", ["resnet34", "plain18", "resnet50", "resnet50_v1_5"])
def test_stages_of_table_1(name: str) -> None:
    widths = (256, 512, 1024, 2048) if "50" in name else (64, 128, 256, 512)
    stages = {f"conv{i + 2}_x": (width, 56 >> i, 56 >> i) for i, width in enumerate(widths)}
    check_stages(name, {"conv1": (64, 112, 112), "pool": (64, 56, 56), **stages})


@pytest.mark.parametrize(
    ("name", "sizes", "num_classes"),
    [
        ("resnet18", [33, 64, 95], [1000, 7]),
        ("resnet34", [64], [5]),
        ("resnet50_v1_5", [33, 64], [10]),
        ("resnet101_v1_5", [33], [1000]),
        ("resnet152_v1_5", [64], [2]),
    ],
)
def test_equals_torchvision(name: str, sizes: list[int], num_classes: list[int]) -> None:
    check_same_outputs(name, sizes=sizes, num_classes=num_classes)


@pytest.mark.parametrize("size", [33, 64])
def test_version_1_is_torchvision_with_the_stride_moved(size: int) -> None:
    theirs = torchvision.models.resnet50(weights=None, num_classes=4)
    for layer in (theirs.layer2, theirs.layer3, theirs.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    weights = random_weights(theirs.state_dict())
    theirs.load_state_dict(weights)
    ours = create_model("resnet50", num_classes=4)
    later = create_model("resnet50_v1_5", num_classes=4)
    for model in (ours, later):
        model.load_state_dict(from_torchvision(weights))
    images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected = theirs.eval()(images)
        torch.testing.assert_close(ours.eval()(images), expected, rtol=1e-4, atol=1e-4)
        # The same weights in the other version: another function, hence two networks and no shared file.
        assert (later.eval()(images) - expected).abs().max() > 0.1 * expected.abs().max()


def test_version_1_has_no_pretrained_weights() -> None:
    for depth in (50, 101, 152):
        assert model_entry(f"resnet{depth}").pretrained == ()
        assert [p.name for p in model_entry(f"resnet{depth}_v1_5").pretrained] == [f"resnet{depth}"]


@pytest.mark.parametrize("shortcut", ["A", "B", "C"])
def test_a_residual_block_can_do_nothing(shortcut: str) -> None:
    """Section 3.1: where F = 0, a block gives what it is given (nothing negative, after a ReLU)."""
    torch.manual_seed(0)
    block = create_model("resnet18", num_classes=2, shortcut=shortcut).eval().conv2_x[1]
    nn.init.zeros_(block.bn2.weight)
    x = torch.rand(2, 64, 9, 7)
    carried = block.shortcut(x).relu() if shortcut == "C" else x
    torch.testing.assert_close(block(x), carried)
    assert isinstance(block.shortcut, nn.Identity) == (shortcut != "C")


def test_option_a_keeps_every_second_pixel_and_adds_empty_channels() -> None:
    shortcut = create_model("resnet18", num_classes=2, shortcut="A").conv3_x[0].shortcut
    x = torch.rand(2, 64, 9, 6)
    out = shortcut(x)
    assert out.shape == (2, 128, 5, 3)
    assert torch.equal(out[:, :64], x[:, :, ::2, ::2])
    assert out[:, 64:].count_nonzero() == 0


def test_a_plain_network_is_a_chain() -> None:
    """Its layers one after another, with nothing between them, give the same."""
    torch.manual_seed(0)
    model = create_model("plain18", num_classes=3).eval()
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.bias.normal_(std=0.1)
    chain = [model.conv1, model.bn1, nn.ReLU(), model.pool]
    for stage in (model.conv2_x, model.conv3_x, model.conv4_x, model.conv5_x):
        for block in stage:
            chain += [block.conv1, block.bn1, nn.ReLU(), block.conv2, block.bn2, nn.ReLU()]
    chain += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), model.fc]
    x = torch.randn(2, 3, 40, 40)
    with torch.inference_mode():
        torch.testing.assert_close(model(x), nn.Sequential(*chain)(x))


def test_initialization() -> None:
    torch.manual_seed(0)
    model = create_model("resnet50", num_classes=10)
    for conv in (model.conv1, model.conv3_x[1].conv2, model.conv4_x[0].conv3, model.conv5_x[0].shortcut[0]):
        check_he_initialized(conv)
    assert model.fc.bias.count_nonzero() == 0
    norms = [m for m in model.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all((m.weight == 1).all() and (m.bias == 0).all() for m in norms)  # no scale starts at zero


@pytest.mark.parametrize("name", ALL)
def test_input(name: str) -> None:
    check_smallest(name, 1)
    check_wrong_channels(name)


@pytest.mark.parametrize(
    ("name", "options"), [("resnet18", {"shortcut": "A"}), ("plain18", {}), ("resnet50", {})]
)
def test_gradients_reach_every_parameter(name: str, options: dict[str, str]) -> None:
    check_gradients(name, 64, **options)


def test_an_unknown_shortcut_is_refused() -> None:
    with pytest.raises(UsageError, match="A, B or C, got 'D'"):
        on_meta("resnet18", shortcut="D")
    with pytest.raises(UsageError, match="no option"):
        on_meta("resnet50", shortcut="A")


@pytest.mark.parametrize("name", ["resnet18", "plain34", "resnet152"])
def test_recipe_of_section_3_4(name: str) -> None:
    check_learning_rates(
        name, {0: 0.1}, batch_size=256, epochs=120, momentum=0.9, weight_decay=1e-4, tta="ten_crop"
    )
    recipe = model_entry(name).recipe
    assert recipe is not None
    assert recipe.schedule.shape == "plateau"
    assert recipe.validation > 0  # a plateau is found on held-out images


def test_version_1_5_has_no_recipe_of_the_paper() -> None:
    assert model_entry("resnet50_v1_5").recipe is None
