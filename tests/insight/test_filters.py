"""The first layer's kernels: found in every network, and two layers in a row are one with larger kernels."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

from decanet.core.plotting import save_figure
from decanet.insight.filters import as_images, fineness, first_kernels, kernel_sheet
from decanet.models import create_model


def whitened() -> nn.Module:
    torch.manual_seed(0)
    model = create_model("decanet_s", num_classes=10)
    model.initialize_from(torch.randn(200, 3, 32, 32))  # type: ignore[operator]
    with torch.no_grad():  # the second layer starts as the identity, which would prove little
        model.block1.conv1.weight.normal_()  # type: ignore[union-attr]
    return model


@pytest.mark.parametrize(
    ("name", "layer", "shape"),
    [
        ("alexnet_cifar", "conv1", (64, 3, 3, 3)),
        ("alexnet", "features.0", (64, 3, 11, 11)),
        ("alexnet_two_tower", "conv1", (96, 3, 11, 11)),
    ],
)
def test_learned_kernels_are_those_of_the_first_convolution(
    name: str, layer: str, shape: tuple[int, ...]
) -> None:
    with torch.device("meta"):
        model = create_model(name)
    names = {name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    first.to_empty(device="cpu")
    nn.init.normal_(first.weight)
    (found,) = first_kernels(model)
    assert found.layer in names
    assert found.weights.shape == shape
    assert torch.equal(found.weights, first.weight.detach())
    assert found.about == f"{shape[0]} learned kernels of {shape[2]} × {shape[2]}"


def test_of_decanet_both_the_computed_and_the_learned_kernels_are_found() -> None:
    model = whitened()
    computed, learned = first_kernels(model)
    assert computed.layer == "whiten"
    assert computed.weights.shape == (24, 3, 2, 2)
    assert "not learned" in computed.about
    assert learned.layer == "block1.conv1"
    assert learned.weights.shape == (32, 3, 4, 4)
    assert "composed with those of whiten to 4 × 4" in learned.about


def test_the_composed_kernels_do_what_both_convolutions_do_in_a_row() -> None:
    """On an image, away from its border, where the second layer's zeros come in."""
    model = whitened()
    _, learned = first_kernels(model)
    x = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first = F.conv2d(x, model.whiten.weight)  # type: ignore[union-attr, arg-type]
        second = F.conv2d(first, model.block1.conv1.weight)  # type: ignore[union-attr, arg-type]
        composed = F.conv2d(x, learned.weights)
    assert composed.shape == second.shape == (2, 32, 17, 17)
    torch.testing.assert_close(composed, second, rtol=1e-4, atol=1e-4 * second.abs().max().item())


def test_a_network_without_a_convolution_has_none() -> None:
    assert first_kernels(nn.Linear(3, 3)) == []


def test_a_network_that_sees_gray_has_gray_kernels() -> None:
    model = create_model("lenet5_modern")
    (found,) = first_kernels(model)
    assert found.weights.shape == (6, 3, 5, 5)
    for channel in range(3):
        assert torch.equal(found.weights[:, channel], model.c1.weight[:, 0])


def test_the_kernels_are_a_copy_that_no_later_training_changes() -> None:
    model = whitened()
    found = first_kernels(model)
    before = [layer.weights.clone() for layer in found]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert all(torch.equal(layer.weights, weights) for layer, weights in zip(found, before, strict=True))


def test_gray_is_zero_and_each_kernel_has_its_own_range() -> None:
    weights = torch.zeros(3, 3, 2, 2)
    weights[0, 0, 0, 0] = 5.0  # red, top left
    weights[1, 2, 1, 1] = -0.01  # against blue, bottom right
    images = as_images(weights)
    assert images.shape == (3, 2, 2, 3)
    assert images[0, 0, 0].tolist() == [1.0, 0.5, 0.5]
    assert images[1, 1, 1].tolist() == [0.5, 0.5, 0.0]
    assert (images[2] == 0.5).all(), "a kernel of zeros is gray, not a division by zero"


def test_the_sheet_shows_every_kernel(tmp_path: Path) -> None:
    found = first_kernels(whitened())
    figure = kernel_sheet(found)
    for part, layer in zip(figure.subfigs, found, strict=True):
        drawn = [axes for axes in part.axes if axes.images]
        assert len(drawn) == len(layer.weights)
        shown = np.stack([np.asarray(axes.images[0].get_array()) for axes in drawn])
        order = np.argsort(fineness(layer.weights), kind="stable")
        np.testing.assert_allclose(shown, as_images(layer.weights)[order])
    path = save_figure(figure, tmp_path / "kernels.png", dpi=50)
    width, height = figure.get_size_inches()
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (int(width * 50), int(height * 50))


def test_one_layer_makes_a_sheet_too(tmp_path: Path) -> None:
    (found,) = first_kernels(nn.Conv2d(3, 5, 3))
    figure = kernel_sheet([found])
    assert sum(bool(axes.images) for axes in figure.subfigs[0].axes) == 5


def test_fine_patterns_have_the_higher_frequency() -> None:
    place = torch.arange(8.0)
    blob = torch.ones(8, 8)
    waves = [torch.cos(2 * torch.pi * f * place).expand(8, 8) for f in (0.125, 0.25, 0.5)]
    checkerboard = torch.cos(torch.pi * (place[:, None] + place[None, :]))
    found = fineness(torch.stack([blob, *waves, checkerboard])[:, None].repeat(1, 3, 1, 1))
    assert (np.diff(found) > 0).all()
    assert found[2] == pytest.approx(0.25, abs=0.06)
    assert fineness(torch.zeros(1, 3, 3, 3)) == 0
