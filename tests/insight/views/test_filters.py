"""First-layer filters: their values, their composition with the next layer, and the contact sheet."""

import numpy as np
import pytest
import torch
from matplotlib.text import Text
from torch import nn
from torch.nn import functional as F

from decanet.insight.filter_statistics import mean_frequency
from decanet.insight.views.filters import as_images, compute, describe, draw, draw_described
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


def test_large_filters_get_gabor_functions_and_an_order() -> None:
    (layer,) = compute(nn.Conv2d(3, 10, 7))
    found = describe(layer.weights)
    assert len(found.gabors) == 10
    assert not found.refused
    assert sorted(found.order) == list(range(10))
    rows = found.rows()
    assert rows[3]["gabor_r2"] == pytest.approx(found.gabors[3].r2, abs=1e-3)
    figure = draw_described([layer], [found], "mine")
    titles = [
        axes.get_title().partition("\n")[0] for axes in figure.findobj(lambda a: hasattr(a, "get_title"))
    ]
    assert "how well a Gabor function fits" in titles


def test_small_filters_are_refused_a_gabor_function_with_the_reason() -> None:
    (layer,) = compute(nn.Conv2d(3, 10, 5))
    found = describe(layer.weights)
    assert found.gabors == ()
    assert "a kernel of 5 × 5 has only 25 to explain; 7 × 7 is the least" in found.refused
    assert "gabor_r2" not in found.rows()[0]
    figure = draw_described([layer], [found], "mine")
    texts = [" ".join(text.get_text().split()) for text in figure.findobj(Text)]
    assert found.refused in texts


def test_sheets_have_their_own_and_a_common_range() -> None:
    layer = compute(nn.Conv2d(3, 8, 3))[0]
    with torch.no_grad():
        layer.weights[0] *= 0.01
    figure = draw_described([layer], [describe(layer.weights)], "mine")
    own, common = (np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images)
    index = list(describe(layer.weights).order).index(0)
    place = slice(index * 28, index * 28 + 24)  # eight times as large, four pixels between two filters
    assert np.abs(own[:24, place] - 0.5).max() == pytest.approx(0.5)
    assert np.abs(common[:24, place] - 0.5).max() < 0.02
