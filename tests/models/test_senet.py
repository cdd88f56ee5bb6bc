"""Squeeze-and-excitation networks: counts, timm's ports of the authors' models as the oracle, the block."""

import pytest
import timm
import torch
from torch import nn

from decanet.core.errors import UsageError
from decanet.models import create_model, model_entry
from decanet.models.senet import SqueezeExcitation
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
from tests.models._oracle import random_weights

IMAGENET = ["se_resnet50", "se_resnext50_32x4d", "senet154"]
CIFAR = ["se_resnet20_cifar", "se_resnet56_cifar"]


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        # arXiv:1709.01507 Table 2: 3.87 and 4.25 billion; Table 10: 28.1 million with r = 16. The whole
        # numbers: timm 1.0.31, its ports of the authors' models.
        ("se_resnet50", 28_088_024, 3_860_488_192),
        ("se_resnext50_32x4d", 27_559_896, 4_232_994_816),
        ("senet154", 115_088_984, 20_688_363_520),
    ],
)
def test_counts(name: str, params: int, macs: int) -> None:
    check_counts(name, params=params, macs=macs)


@pytest.mark.parametrize(("name", "n", "params", "macs"), [
    ("se_resnet20_cifar", 3, 269_722, 40_551_040),  # of ResNet-20 and ResNet-56, arXiv:1512.03385 Table 6
    ("se_resnet56_cifar", 9, 853_018, 125_485_696),
])  # fmt: skip
def test_parameters_that_excitation_adds_to_the_small_networks(
    name: str, n: int, params: int, macs: int
) -> None:
    """Section 3.2: 2C*C/r weights in each block, with C + C/r biases; a weight is used once."""
    widths = [(c, c // 16) for c in (16, 32, 64)]
    weights = n * sum(2 * c * hidden for c, hidden in widths)
    biases = n * sum(c + hidden for c, hidden in widths)
    check_counts(name, params=params + weights + biases, macs=macs + weights)


@pytest.mark.parametrize(("reduction", "millions"), [(2, 45.7), (4, 35.7), (8, 30.7), (16, 28.1), (32, 26.9)])
def test_reduction_ratios_of_table_10(reduction: int, millions: float) -> None:
    """The table prints tenths of a million, mostly rounded up."""
    params = sum(p.numel() for p in on_meta("se_resnet50", reduction=reduction).parameters())
    assert params / 1e6 == pytest.approx(millions, abs=0.1)


@pytest.mark.parametrize(
    ("name", "depth"),
    [("se_resnet50", 50), ("se_resnext50_32x4d", 50), ("senet154", 154), ("se_resnet56_cifar", 56)],
)
def test_depth(name: str, depth: int) -> None:
    assert weighted_layers(name) == depth


@pytest.mark.parametrize("name", ["se_resnet50", "se_resnext50_32x4d"])
def test_stages(name: str) -> None:
    stages = {f"conv{i + 2}_x": (256 << i, 56 >> i, 56 >> i) for i in range(4)}
    check_stages(name, {"conv1": (64, 112, 112), "pool": (64, 56, 56), **stages})


def test_stages_of_senet154() -> None:
    stages = {f"stage{i + 1}": (256 << i, 56 >> i, 56 >> i) for i in range(4)}
    check_stages("senet154", {"stem": (128, 112, 112), "pool": (128, 56, 56), **stages})


@pytest.mark.parametrize(
    ("name", "sizes", "num_classes"),
    # 33 and 35 end in an odd map before the pooling that rounds up, 66 in an even one after it.
    [
        ("se_resnet50", [33, 35, 66], 1000),
        ("se_resnet50", [64], 3),
        ("se_resnext50_32x4d", [33, 64], 3),
        ("senet154", [64], 3),
    ],
)
def test_equals_timm(name: str, sizes: list[int], num_classes: int) -> None:
    """Branches and gates are kept mild: with hard gates a deep network amplifies the last bit of float32."""
    (pretrained,) = model_entry(name).pretrained
    with torch.device("meta"):
        theirs = timm.create_model(pretrained.name, num_classes=num_classes).eval()
        ours = create_model(name, num_classes=num_classes).eval()
    weights = {
        key: value * 0.2 if ".se_module." in key or key.endswith(".bn3.weight") else value
        for key, value in random_weights(theirs.state_dict()).items()
    }
    theirs.load_state_dict(weights, assign=True)
    ours.load_state_dict(pretrained.key_map(weights), assign=True)
    for size in sizes:
        images = torch.randn(2, 3, size, size, generator=torch.Generator().manual_seed(size))
        with torch.inference_mode():
            expected = theirs(images)
            scale = expected.abs().max().item()
            assert (expected[0] - expected[1]).abs().max() > 1e-3 * scale
            torch.testing.assert_close(ours(images), expected, rtol=1e-4, atol=1e-5 * scale)


def test_the_block_multiplies_each_channel_by_one_weight() -> None:
    torch.manual_seed(0)
    block = SqueezeExcitation(12, reduction=3)
    x = torch.rand(4, 12, 5, 7) + 0.5
    ratio = block(x) / x
    weights = ratio[:, :, :1, :1]
    torch.testing.assert_close(ratio, weights.expand_as(ratio))
    assert 0 < weights.min() < weights.max() < 1
    # The number depends on the whole map and on nothing but its mean.
    shuffled = x.flatten(2)[:, :, torch.randperm(35)].view_as(x)
    torch.testing.assert_close(block(shuffled) / shuffled, ratio)
    assert not torch.allclose(block(x + 1) / (x + 1), ratio)


def test_with_excitations_of_one_the_network_is_resnet() -> None:
    """With gates at one the network is the residual network of the same weights."""
    torch.manual_seed(0)
    theirs = create_model("resnet20_cifar").eval()
    ours = create_model("se_resnet20_cifar").eval()
    for module in ours.modules():
        if isinstance(module, SqueezeExcitation):
            nn.init.zeros_(module.fc2.weight)
            nn.init.constant_(module.fc2.bias, 40.0)  # its sigmoid is 1 in float32
    missing, unexpected = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert not unexpected
    assert all(".se." in key for key in missing)
    x = torch.randn(2, 3, 32, 32)
    torch.testing.assert_close(ours(x), theirs(x))


def test_initialization() -> None:
    torch.manual_seed(0)
    model = create_model("se_resnet50", num_classes=2)
    check_he_initialized(model.conv4_x[0].conv2)
    se = model.conv5_x[0].se
    assert se.fc1.weight.std().item() == pytest.approx((2 / 2048) ** 0.5, rel=0.02)
    assert se.fc2.weight.std().item() == pytest.approx((2 / 128) ** 0.5, rel=0.02)
    assert se.fc1.bias.count_nonzero() == se.fc2.bias.count_nonzero() == 0


def test_dropout_of_senet154_precedes_the_classifier() -> None:
    assert on_meta("senet154").dropout.p == 0.2
    assert on_meta("senet154", dropout=0.0).dropout.p == 0.0


@pytest.mark.parametrize("reduction", [0, 17])
def test_an_impossible_reduction_is_refused(reduction: int) -> None:
    with pytest.raises(UsageError, match="between 1 and the 16 channels"):
        on_meta("se_resnet20_cifar", reduction=reduction)


@pytest.mark.parametrize("name", IMAGENET)
def test_input(name: str) -> None:
    check_smallest(name, 3, layer="pool", instead="se_resnet56_cifar")
    check_wrong_channels(name)


@pytest.mark.parametrize("name", CIFAR)
def test_input_of_the_small_networks(name: str) -> None:
    check_smallest(name, 1)
    check_wrong_channels(name)


@pytest.mark.parametrize(("name", "image_size"), [("se_resnet20_cifar", 16), ("se_resnet50", 64)])
def test_gradients_reach_every_parameter(name: str, image_size: int) -> None:
    check_gradients(name, image_size)


@pytest.mark.parametrize("name", ["se_resnet50", "se_resnext50_32x4d"])
def test_recipe(name: str) -> None:
    check_learning_rates(
        name, {0: 0.6, 29: 0.6, 30: 0.06, 60: 0.006, 90: 0.0006}, batch_size=1024, epochs=100, momentum=0.9
    )
    check_learning_rates(name, {}, label_smoothing=0)


def test_recipe_of_the_entry_of_2017() -> None:
    """The appendix: eight servers, batches of 2048, a learning rate of 1.0, label smoothing, frozen statistics."""
    check_learning_rates("senet154", {0: 1.0, 30: 0.1}, batch_size=2048, label_smoothing=0.1)
    recipe = model_entry("senet154").recipe
    assert any("frozen" in departure for departure in recipe.departures)
