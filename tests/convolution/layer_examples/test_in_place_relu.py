"""In-place ReLU: memory in AlexNet, and what autograd does."""

import numpy as np
import pytest
import torch
from torch import nn

from decanet.convolution.layer_examples.in_place_relu import InPlaceRelu, compute, draw, text
from decanet.core.errors import UsageError
from decanet.models import create_model
from tests.convolution.layer_examples._printed import all_words


@pytest.fixture(scope="module")
def example() -> InPlaceRelu:
    return compute(batch=2)


def test_shapes_are_those_of_the_relus_of_the_networks_own_forward_pass(example):
    with torch.device("meta"):
        model = create_model("alexnet")
        found: list[tuple[int, ...]] = []
        for module in model.modules():
            if isinstance(module, nn.ReLU):
                module.register_forward_hook(lambda _, __, y: found.append(tuple(y.shape[1:])))
        with torch.no_grad():
            model.eval()(torch.empty(2, 3, 224, 224))
    assert list(example.shapes.values()) == found
    assert example.saved_bytes == {
        name: 4 * 2 * int(np.prod(shape)) for name, shape in example.shapes.items()
    }
    assert example.total_bytes == sum(example.saved_bytes.values())
    assert example.largest_bytes == example.saved_bytes["conv1"]


def test_autograd_keeps_the_same_arrays_with_and_without(example):
    """The input of each convolution, its weight, and the output of the last ReLU."""
    image, maps, weights = 3 * 16 * 16, 8 * 16 * 16, (8 * 3 * 9, 8 * 8 * 9)
    assert example.kept_bytes == (4 * (image + 2 * maps + sum(weights)),) * 2


def test_autograd_refuses_what_it_notices(example):
    chain, sigmoid, leaf, shortcut = example.cases
    assert [case.verdict for case in example.cases] == ["works", "refused", "refused", "wrong"]
    low, high = example.x
    assert low < 0 < high
    assert chain.outcome == f"y = [0.0, {3 * high}], dL/dx = [0.0, 3.0]"
    assert "modified by an inplace operation" in sigmoid.outcome
    assert "leaf Variable that requires grad" in leaf.outcome
    assert f"y = [0.0, {6 * high}], but relu(z) + z is [{3 * low}, {6 * high}]" in shortcut.outcome


def test_memory_and_outcomes_are_printed_and_drawn(example):
    shown = text(example)
    assert max(map(len, shown.splitlines())) <= 100
    assert f"{example.total_bytes:,}" in shown
    figure = draw(example)
    widths = [bar.get_width() for bar in figure.axes[0].patches]
    np.testing.assert_allclose(widths, [count / 1e6 for count in example.saved_bytes.values()])
    words = all_words(figure)
    for case in example.cases:
        assert case.title in shown
        assert case.title in words
        assert case.outcome.split()[0] in words


def test_an_empty_batch_is_refused():
    with pytest.raises(UsageError, match="at least 1 image"):
        compute(batch=0)
