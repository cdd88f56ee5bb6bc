"""ReLU, sigmoid, tanh, flattening and dropout."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from decanet.convolution.reference import (
    Dropout,
    Flatten,
    Layer,
    ReLU,
    Sigmoid,
    Tanh,
)
from tests.convolution.reference._gradients import check_against_torch


@pytest.mark.parametrize(
    ("layer", "theirs"),
    [
        (ReLU(), torch.relu),
        (Sigmoid(), torch.sigmoid),
        (Tanh(), torch.tanh),
        (Flatten(), lambda x: x.flatten(1)),
    ],
    ids=["relu", "sigmoid", "tanh", "flatten"],
)
def test_simple_layers_equal_torch(layer: Layer, theirs: Callable[..., Tensor]) -> None:
    rng = np.random.default_rng(3)
    for scale in (0.1, 1.0, 30.0):
        check_against_torch(layer, rng.normal(size=(2, 3, 4, 5)) * scale, theirs, rng)


def test_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(Sigmoid().forward(np.array([-1e4, 0.0, 1e4])), [0, 0.5, 1])


def test_dropout_keeps_the_expected_value_and_masks_the_gradient() -> None:
    x = np.ones((200, 500))
    layer = Dropout(0.3, seed=0)
    y = layer.forward(x)
    assert set(np.unique(y)) == {0.0, 1 / 0.7}
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_array_equal(layer.backward(x), y)
    np.testing.assert_array_equal(Dropout(0.3, seed=0).forward(x), y)
    assert (layer.forward(x) != y).any()  # a new mask
    layer.training = False
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(x), x)
