"""First-layer filters: their values, their composition with the next layer, and the contact sheet."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from decanet.insight.views.filters import as_images, compute, draw, mean_frequency
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
def test_learned_filters_are_those_of_the_first_convolution(
    name: str, layer: str, shape: tuple[int, ...]
) -> None:
    with torch.device("meta"):
        model = create_model(name)
    names = {name for name, module in model.named_modules() if isinstance(module, nn.Conv2d)}
    first = next(m for m in model.modules() if isinstance(m, nn.Conv2d))
    first.to_empty(device="cpu")
    nn.init.normal_(first.weight)
    (found,) = compute(model)
    assert found.layer in names
    assert found.weights.shape == shape
    assert torch.equal(found.weights, first.weight.detach())
    assert found.description == f"{shape[0]} learned filters of {shape[2]} × {shape[2]}"


def test_computed_filters_come_with_the_composed_ones_of_the_next_layer() -> None:
    model = whitened()
    computed, learned = compute(model)
    assert computed.layer == "whiten"
    assert computed.weights.shape == (24, 3, 2, 2)
    assert "not learned" in computed.description
    assert learned.layer == "block1.conv1"
    assert learned.weights.shape == (32, 3, 4, 4)
    assert "32 learned filters, composed with those of whiten to 4 × 4" in learned.description


def test_composed_filters_equal_the_two_convolutions_in_a_row() -> None:
    """Without padding, which the second layer would apply between the two."""
    model = whitened()
    _, learned = compute(model)
    x = torch.randn(2, 3, 20, 20, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        first = F.conv2d(x, model.whiten.weight)  # type: ignore[union-attr, arg-type]
        second = F.conv2d(first, model.block1.conv1.weight)  # type: ignore[union-attr, arg-type]
        composed = F.conv2d(x, learned.weights)
    assert composed.shape == second.shape == (2, 32, 17, 17)
    torch.testing.assert_close(composed, second, rtol=1e-4, atol=1e-4 * second.abs().max().item())


def test_a_network_without_a_convolution_has_no_filters() -> None:
    assert compute(nn.Linear(3, 3)) == []


def test_filters_for_gray_images_are_repeated_for_three_channels() -> None:
    model = create_model("lenet5_modern")
    (found,) = compute(model)
    assert found.weights.shape == (6, 3, 5, 5)
    for channel in range(3):
        assert torch.equal(found.weights[:, channel], model.c1.weight[:, 0])


def test_filters_are_a_copy() -> None:
    model = whitened()
    found = compute(model)
    before = [layer.weights.clone() for layer in found]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert all(torch.equal(layer.weights, weights) for layer, weights in zip(found, before, strict=True))


def test_gray_is_zero_and_each_filter_has_its_own_range() -> None:
    weights = torch.zeros(3, 3, 2, 2)
    weights[0, 0, 0, 0] = 5.0  # red, top left
    weights[1, 2, 1, 1] = -0.01  # against blue, bottom right
    images = as_images(weights)
    assert images.shape == (3, 2, 2, 3)
    assert images[0, 0, 0].tolist() == [1.0, 0.5, 0.5]
    assert images[1, 1, 1].tolist() == [0.5, 0.5, 0.0]
    assert (images[2] == 0.5).all(), "a filter of zeros is gray"


def test_the_sheet_shows_every_filter_in_order_of_frequency() -> None:
    layers = compute(whitened())
    figure = draw(layers)
    for panel, layer in zip(figure.subfigs, layers, strict=True):
        assert panel.get_suptitle() == f"{layer.layer}: {layer.description}"
        shown = [axes for axes in panel.axes if axes.axison]
        assert len(shown) == len(layer.weights)
        images = np.stack([np.asarray(axes.images[0].get_array()) for axes in shown])
        order = np.argsort(mean_frequency(layer.weights), kind="stable")
        np.testing.assert_allclose(images, as_images(layer.weights)[order])
        assert not any(axes.get_xticks().size or axes.get_yticks().size for axes in shown)


def test_the_sheet_of_one_layer() -> None:
    (layer,) = compute(nn.Conv2d(3, 5, 3))
    (panel,) = draw([layer]).subfigs
    assert [bool(axes.images) for axes in panel.axes] == [True] * 5 + [False] * 3


def test_frozen_filters_are_still_learned_ones() -> None:
    (layer,) = compute(create_model("alexnet_cifar").requires_grad_(False))
    assert layer.description == "64 learned filters of 3 × 3"


def test_images_of_other_channels_have_no_color_view() -> None:
    assert compute(nn.Conv2d(4, 5, 3)) == []


def test_fine_patterns_have_a_higher_frequency() -> None:
    place = torch.arange(8.0)
    blob = torch.ones(8, 8)
    waves = [torch.cos(2 * torch.pi * f * place).expand(8, 8) for f in (0.125, 0.25, 0.5)]
    checkerboard = torch.cos(torch.pi * (place[:, None] + place[None, :]))
    found = mean_frequency(torch.stack([blob, *waves, checkerboard])[:, None].repeat(1, 3, 1, 1))
    assert (np.diff(found) > 0).all()
    assert found[2] == pytest.approx(0.25, abs=0.06)
    assert mean_frequency(torch.zeros(1, 3, 3, 3)) == 0
