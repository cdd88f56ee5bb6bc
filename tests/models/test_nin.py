"""Network in Network against its authors' layer files."""

import pytest
import torch

from decanet.core import facts
from decanet.models import create_model, model_entry
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_learning_rates,
    check_smallest,
    check_stages,
    check_wrong_channels,
    on_meta,
)


def test_counts() -> None:
    # Counted from the authors' files. Caffe rounds sizes up: feature maps of 54, 27, 13 and 6 pixels.
    check_counts("nin_cifar", params=966_986, macs=222_486_528)
    macs = (
        54**2 * (3 * 96 * 11**2 + 2 * 96**2)
        + 27**2 * (96 * 256 * 5**2 + 2 * 256**2)
        + 13**2 * (256 * 384 * 3**2 + 2 * 384**2)
        + 6**2 * (384 * 1024 * 3**2 + 1024**2 + 1024 * 1000)
    )
    check_counts("nin", params=7_595_176, macs=macs)
    assert facts.architecture("nin_imagenet").stated("macs_exact").value == macs == 1_100_188_800


def test_stages() -> None:
    check_stages(
        "nin",
        {
            "mlpconv1": (96, 54, 54), "pool1": (96, 27, 27), "mlpconv2": (256, 27, 27),
            "pool2": (256, 13, 13), "mlpconv3": (384, 13, 13), "pool3": (384, 6, 6), "mlpconv4": (1000, 6, 6),
        },
    )  # fmt: skip
    check_stages(
        "nin_cifar",
        {
            "mlpconv1": (96, 32, 32), "pool1": (96, 16, 16), "mlpconv2": (192, 16, 16), "pool2": (192, 8, 8),
            "mlpconv3": (10, 8, 8),
        },
    )  # fmt: skip


@pytest.mark.parametrize(("name", "image_size"), [("nin", 224), ("nin_cifar", 32)])
def test_an_mlpconv_is_a_perceptron_at_every_position(name: str, image_size: int) -> None:
    """Section 3.1: the same small network, applied to each patch on its own."""
    torch.manual_seed(0)
    block = create_model(name).mlpconv1
    first = block[0]
    x = torch.randn(1, 3, image_size, image_size)
    maps = block(x)
    k, stride, pad = first.kernel_size[0], first.stride[0], first.padding[0]
    padded = torch.nn.functional.pad(x, (pad,) * 4)
    row, column = 5, 7
    patch = padded[0, :, row * stride : row * stride + k, column * stride : column * stride + k].reshape(-1)
    for layer in (block[0], block[2], block[4]):
        patch = torch.relu(layer.weight.flatten(1) @ patch + layer.bias)
    torch.testing.assert_close(maps[0, :, row, column], patch, rtol=1e-4, atol=1e-6)


def test_scores_are_averages_of_class_maps() -> None:
    """Section 3.2: no parameters after the last mlpconv, and rectified feature maps have no negative average."""
    torch.manual_seed(0)
    model = create_model("nin_cifar", num_classes=4).eval()
    maps: list[torch.Tensor] = []
    model.mlpconv3.register_forward_hook(lambda _module, _args, output: maps.append(output))
    scores = model(torch.randn(2, 3, 32, 32))
    torch.testing.assert_close(scores, maps[0].mean(dim=(2, 3)))
    assert (scores >= 0).all()


def test_initial_weights_have_the_authors_deviations() -> None:
    torch.manual_seed(0)
    model = create_model("nin")
    for path, std in (("mlpconv1.0", 0.01), ("mlpconv2.0", 0.05), ("mlpconv3.0", 0.01), ("mlpconv4.4", 0.01)):
        assert model.get_submodule(path).weight.std().item() == pytest.approx(std, rel=0.05)


def test_gradients_reach_every_parameter() -> None:
    check_gradients("nin_cifar", 32)


def test_wrong_input() -> None:
    assert on_meta("nin").eval()(torch.empty(1, 3, 320, 256, device="meta")).shape == (1, 1000)
    check_smallest("nin", 39, "pool3")
    check_smallest("nin_cifar", 4, "pool2")
    check_wrong_channels("nin")
    check_wrong_channels("nin_cifar")


def test_recipe_declares_the_bias_rate() -> None:
    check_learning_rates("nin_cifar", {0: 0.1, 200: 0.01, 230: 0.001}, decay_vectors=False)
    assert any("twice that rate" in departure for departure in model_entry("nin_cifar").recipe.departures)
