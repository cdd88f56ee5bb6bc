"""AlexNet's three forms: torchvision's, the tutorial's for 32x32, and the 2012 paper's by section and formula."""

import pytest
import torch
import torchvision
from torch import nn

from decanet.models import create_model, model_entry
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
    order_of_layers,
)

TWO_TOWER_CONVOLUTIONS = {  # section 3.5: filters, kernel size, input channels of a filter
    "conv1": (96, 11, 3), "conv2": (256, 5, 48), "conv3": (384, 3, 256), "conv4": (384, 3, 192),
    "conv5": (256, 3, 192),
}  # fmt: skip


def test_one_tower_equals_torchvision() -> None:
    theirs = torchvision.models.alexnet(weights=None).eval()
    ours = create_model("alexnet").eval()
    ours.load_state_dict(theirs.state_dict())  # the same names, features.0 to classifier.6
    image = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        logits = ours(image)
        torch.testing.assert_close(logits, theirs(image))
    assert logits.shape == (1, 1000)
    assert [type(layer) for layer in ours.classifier] == [type(layer) for layer in theirs.classifier]
    assert [type(layer) for layer in ours.features] == [type(layer) for layer in theirs.features]


def test_feature_maps_of_the_tutorials_network_for_small_images() -> None:
    check_stages(
        "alexnet_cifar",
        {
            "features.0": (64, 32, 32), "features.2": (64, 16, 16), "features.3": (192, 16, 16),
            "features.5": (192, 8, 8), "features.6": (384, 8, 8), "features.8": (256, 8, 8),
            "features.10": (256, 8, 8), "features.12": (256, 4, 4), "classifier.1": (4096,),
            "classifier.4": (4096,), "classifier.6": (10,),
        },
    )  # fmt: skip
    model = on_meta("alexnet_cifar")
    assert all(conv.kernel_size == (3, 3) for conv in model.features if isinstance(conv, nn.Conv2d))
    assert [i for i, layer in enumerate(model.classifier) if isinstance(layer, nn.Dropout)] == [0, 3]


def test_two_tower_counts() -> None:
    weights = sum(
        kernels * kernel_size**2 * inputs + kernels
        for kernels, kernel_size, inputs in TWO_TOWER_CONVOLUTIONS.values()
    )
    linear = (256 * 6 * 6 + 1) * 4096 + 4097 * 4096 + 4097 * 1000
    positions = {"conv1": 55**2, "conv2": 27**2, "conv3": 13**2, "conv4": 13**2, "conv5": 13**2}
    macs = sum(
        positions[name] * k * kernel_size**2 * inputs
        for name, (k, kernel_size, inputs) in TWO_TOWER_CONVOLUTIONS.items()
    )
    check_counts(
        "alexnet_two_tower", params=weights + linear, macs=macs + 9216 * 4096 + 4096 * 4096 + 4096 * 1000
    )


def test_two_tower_feature_maps_are_those_of_figure_2() -> None:
    check_stages(
        "alexnet_two_tower",
        {
            "conv1": (96, 55, 55), "pool1": (96, 27, 27), "conv2": (256, 27, 27), "pool2": (256, 13, 13),
            "conv3": (384, 13, 13), "conv4": (384, 13, 13), "conv5": (256, 13, 13), "pool5": (256, 6, 6),
            "fc6": (4096,), "fc7": (4096,), "fc8": (1000,),
        },
    )  # fmt: skip
    model = on_meta("alexnet_two_tower").eval()
    assert model(torch.empty(1, 3, 227, 227, device="meta")).shape == (
        1,
        1000,
    )  # the other reading of the paper
    for name, (kernels, kernel_size, inputs) in TWO_TOWER_CONVOLUTIONS.items():
        assert model.get_submodule(name).weight.shape == (kernels, inputs, kernel_size, kernel_size), name


def test_response_normalization_is_the_formula_of_section_3_3_within_a_tower() -> None:
    activity = torch.rand(2, 18, 2, 3, dtype=torch.float64) * 100  # large enough for alpha to matter
    expected = torch.empty_like(activity)
    for i in range(18):
        first, last = (
            (0, 8) if i < 9 else (9, 17)
        )  # layers-145.cfg: rnorm1a and rnorm1b, each with the feature maps of its card
        squares = (
            activity[:, max(first, i - 2) : min(last, i + 2) + 1].square().sum(dim=1)
        )  # n = 5 feature maps, undivided
        expected[:, i] = activity[:, i] / (2 + 1e-4 * squares) ** 0.75
    norm = on_meta("alexnet_two_tower").norm
    torch.testing.assert_close(norm(activity), expected)
    torch.testing.assert_close(norm(activity.contiguous(memory_format=torch.channels_last)), expected)


def test_the_towers_are_separate_up_to_conv3() -> None:
    """Section 3.5: the kernels of conv2 take their input from the maps of the same card only; conv3's from all."""
    model = create_model("alexnet_two_tower", num_classes=2).eval()
    names = ("pool1", "norm", "conv2", "pool2", "conv3")
    seen: dict[str, torch.Tensor] = {}
    for name in names:
        model.get_submodule(name).register_forward_hook(
            lambda _, __, out, name=name: seen.update({name: out})
        )
    image = 100 * torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        model(image)
        before = dict(seen)
        model.conv1.weight[48:] += 0.1  # the second card's kernels
        model(image)
    for name in names[:-1]:
        half = before[name].shape[1] // 2
        assert torch.equal(seen[name][:, :half], before[name][:, :half]), name
        assert not torch.equal(seen[name][:, half:], before[name][:, half:]), name
    assert not torch.equal(seen["conv3"][:, :192], before["conv3"][:, :192])


def test_two_tower_initialization_is_that_of_section_5() -> None:
    torch.manual_seed(0)
    model = create_model("alexnet_two_tower", num_classes=5)
    for name in ("conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"):
        layer = model.get_submodule(name)
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.05), name
        bias = 1.0 if name in {"conv2", "conv4", "conv5", "fc6", "fc7"} else 0.0
        assert (layer.bias == bias).all(), name


def test_two_tower_order_of_layers() -> None:
    # Section 3.5: normalization after conv1 and conv2, then pooling; dropout after the hidden linear layers.
    order = order_of_layers("alexnet_two_tower")
    assert " ".join(order) == (
        "conv1 relu norm pool1 conv2 relu norm pool2 conv3 relu conv4 relu conv5 relu pool5 "
        "fc6 relu dropout fc7 relu dropout fc8"
    )


def test_gradients_reach_every_parameter() -> None:
    check_gradients("alexnet_cifar", 32)


def test_wrong_input() -> None:
    check_smallest("alexnet", 63, r"pool5 \(features.12\)", instead="alexnet_cifar")
    check_smallest("alexnet_cifar", 32, r"fc6 \(classifier.1\)")
    check_smallest("alexnet_two_tower", 223, "fc6", instead="alexnet_cifar")
    for name in ("alexnet", "alexnet_cifar", "alexnet_two_tower"):
        check_wrong_channels(name)


def test_biases_do_not_decay_as_in_cuda_convnet() -> None:
    # Its layers give biases the decay 0 (src/layer.cu), and the paper's update rule is stated for weights.
    recipe = model_entry("alexnet_two_tower").recipe
    assert (recipe.optimizer.weight_decay, recipe.optimizer.decay_vectors) == (5e-4, False)
