"""DenseNet: counts, torchvision as the oracle, and what dense connections promise."""

import pytest
import torch
from torch import nn
from torchvision.models.densenet import DenseNet as TorchvisionDenseNet

from decanet.models import create_model, model_entry
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

IMAGENET = ["densenet121", "densenet161", "densenet169", "densenet201"]
CIFAR = ["densenet40_12_cifar", "densenet_bc100_12_cifar"]


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        # arXiv:1608.06993 Table 2: 1.0 and 0.8 million at CIFAR size. The whole numbers: torchvision 0.29.1,
        # and the definition with growth rate 12.
        ("densenet121", 7_978_856, 2_834_161_664),
        ("densenet161", 28_681_000, 7_727_907_072),
        ("densenet169", 14_149_480, 3_359_843_328),
        ("densenet201", 20_013_928, 4_291_365_888),
        ("densenet40_12_cifar", 1_019_722, 264_812_928),
        ("densenet_bc100_12_cifar", 769_162, 287_929_692),
    ],
)
def test_counts(name: str, params: int, macs: int) -> None:
    check_counts(name, params=params, macs=macs)


@pytest.mark.parametrize("name", IMAGENET + CIFAR)
def test_depth_is_in_the_name(name: str) -> None:
    number = name.removeprefix("densenet").removeprefix("_bc").split("_")[0]
    assert weighted_layers(name) == int(number)


def test_stages_of_table_1() -> None:
    check_stages(
        "densenet121",
        {
            "conv1": (64, 112, 112), "pool": (64, 56, 56),
            "block1": (256, 56, 56), "transition1": (128, 28, 28),
            "block2": (512, 28, 28), "transition2": (256, 14, 14),
            "block3": (1024, 14, 14), "transition3": (512, 7, 7),
            "block4": (1024, 7, 7),
        },
    )  # fmt: skip
    check_stages(
        "densenet40_12_cifar",
        {
            "conv1": (16, 32, 32), "block1": (160, 32, 32), "transition1": (160, 16, 16),
            "block2": (304, 16, 16), "transition2": (304, 8, 8), "block3": (448, 8, 8),
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "sizes", "num_classes"),
    [
        ("densenet121", [33, 64], [1000, 3]),
        ("densenet161", [33], [4]),
        ("densenet169", [47], [4]),
        ("densenet201", [64], [4]),
    ],
)
def test_equals_torchvision(name: str, sizes: list[int], num_classes: list[int]) -> None:
    check_same_outputs(name, sizes=sizes, num_classes=num_classes)


def test_bc_for_32x32_equals_torchvisions_blocks() -> None:
    """Torchvision's network with three blocks and its large stem exchanged for one 3x3 convolution."""
    theirs = TorchvisionDenseNet(
        growth_rate=12, block_config=(16, 16, 16), num_init_features=24, num_classes=5
    )
    theirs.features.conv0 = nn.Conv2d(3, 24, 3, padding=1, bias=False)
    theirs.features.norm0 = theirs.features.relu0 = theirs.features.pool0 = nn.Identity()
    weights = random_weights(theirs.state_dict())
    theirs.load_state_dict(weights)
    mapped = model_entry("densenet121").pretrained[0].key_map(weights)
    mapped = {key.replace("bn2.", "bn.") if key.startswith("bn2.") else key: v for key, v in mapped.items()}
    ours = create_model("densenet_bc100_12_cifar", num_classes=5)
    ours.load_state_dict(mapped)
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected = theirs.eval()(x)
        torch.testing.assert_close(
            ours.eval()(x), expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item()
        )


def test_key_map_reads_the_old_names_of_weight_files() -> None:
    """Torchvision's weight files have the key ``denselayer1.norm.1.weight``; its modules have ``norm1``."""
    key_map = model_entry("densenet121").pretrained[0].key_map
    one = torch.zeros(1)
    assert key_map({"features.denseblock4.denselayer16.norm.1.weight": one}) == {"block4.15.bn1.weight": one}
    assert key_map({"features.denseblock2.denselayer1.conv2.weight": one}) == {"block2.0.conv2.weight": one}
    assert key_map({"features.transition1.norm.bias": one}) == {"transition1.bn.bias": one}
    assert key_map({"features.norm5.running_mean": one}) == {"bn2.running_mean": one}


@pytest.mark.parametrize("name", CIFAR)
def test_every_layer_keeps_its_input(name: str) -> None:
    """The first channels of a block's output are its input, untouched; each layer adds 12 more."""
    torch.manual_seed(0)
    block = create_model(name).eval().block1
    x = torch.randn(2, 24 if "bc" in name else 16, 6, 6)
    maps = x
    for count, layer in enumerate(block, start=1):
        maps = layer(maps)
        assert maps.shape[1] == x.shape[1] + 12 * count
    assert torch.equal(maps[:, : x.shape[1]], x)
    assert torch.equal(block(x), maps)


@pytest.mark.parametrize("name", CIFAR)
def test_dropout_follows_each_convolution_but_the_first_and_only_in_training(name: str) -> None:
    torch.manual_seed(0)
    dropped = create_model(name, dropout=1.0)
    whole = create_model(name)
    whole.load_state_dict(dropped.state_dict())
    x = torch.randn(2, 3, 16, 16)
    assert torch.equal(dropped.eval()(x), whole.eval()(x))
    dropped.train()
    assert dropped.conv1(x).abs().max() > 0
    maps = dropped.block1(dropped.conv1(x))
    assert maps[:, dropped.conv1.out_channels :].count_nonzero() == 0  # what the layers added is dropped
    assert dropped.transition1(maps).count_nonzero() == 0
    drops = [m for m in dropped.modules() if isinstance(m, nn.Dropout)]
    assert all(m.p == 1.0 for m in drops)


def test_initialization() -> None:
    torch.manual_seed(0)
    model = create_model("densenet121", num_classes=2)
    for conv in (model.conv1, model.block3[5].conv2, model.transition2.conv):
        check_he_initialized(conv)
    assert model.fc.bias.count_nonzero() == 0


def test_input() -> None:
    # 29 gives 15, 8, 4, 2 and 1; 28 gives 14, 7, 3, 1, and a 2x2 pooling needs 2.
    check_smallest("densenet121", 29, layer="transition3.pool", instead="densenet_bc100_12_cifar")
    check_wrong_channels("densenet121")


@pytest.mark.parametrize("name", IMAGENET[1:])
def test_input_of_the_deeper_networks(name: str) -> None:
    """Their transitions are the same; that 28 is explained alike would only cost time."""
    check_wrong_channels(name)
    model = on_meta(name).eval()
    assert model(torch.empty(1, 3, 29, 29, device="meta")).shape == (1, 1000)
    with pytest.raises(RuntimeError, match="too small"):
        model.forward.__wrapped__(model, torch.empty(1, 3, 28, 28, device="meta"))


@pytest.mark.parametrize("name", CIFAR)
def test_input_of_the_small_networks(name: str) -> None:
    check_smallest(name, 4, layer="transition2.pool")
    check_wrong_channels(name)


@pytest.mark.parametrize("name", CIFAR)
def test_gradients_reach_every_parameter(name: str) -> None:
    check_gradients(name, 8, dropout=0.2)


@pytest.mark.parametrize("name", ["densenet121", "densenet169", "densenet201"])
def test_recipe_for_imagenet(name: str) -> None:
    rates = {0: 0.1, 29: 0.1, 30: 0.01, 60: 0.001}
    check_learning_rates(name, rates, batch_size=256, epochs=90, nesterov=True, weight_decay=1e-4)
    check_learning_rates(
        name, {}, color_jitter=0.4, pca_noise=0.1, pca_scale="eigenvalue"
    )  # fb.resnet.torch: datasets/imagenet.lua


@pytest.mark.parametrize("name", CIFAR)
def test_recipe_for_cifar(name: str) -> None:
    rates = {0: 0.1, 149: 0.1, 150: 0.01, 225: 0.001}
    check_learning_rates(name, rates, batch_size=64, epochs=300, nesterov=True, weight_decay=1e-4)


def test_the_small_network_has_bottlenecks_and_compression() -> None:
    model = on_meta("small_densenet", layers=4, growth=12)
    assert model.conv1.out_channels == 24
    assert model.transition1.conv.out_channels == (24 + 48) // 2
    assert model.fc.in_features == 42 + 48
