"""What holds for every layer: gradients, precision, and one line for a wrong use."""

from collections.abc import Callable

import numpy as np
import pytest

from decanet.convolution.reference import (
    AveragePooling,
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPooling,
    ReLU,
    Sigmoid,
    Tanh,
)
from decanet.core.errors import DataError, UsageError
from tests.convolution.reference._gradients import check_by_finite_differences


def test_all_gradients_by_finite_differences() -> None:
    rng = np.random.default_rng(10)
    image, flat = (2, 4, 5, 4), (3, 6)

    def w(*shape: int) -> np.ndarray:
        return rng.normal(size=shape)

    evaluating = BatchNorm(w(4), w(4))
    evaluating.training = False
    layers = [
        (Convolution(w(4, 4, 3, 3), w(4), padding=1), image),
        (Convolution(w(4, 2, 2, 3), w(4), stride=(2, 1), padding=(1, 2), dilation=(2, 1), groups=2), image),
        (Convolution(w(4, 1, 2, 2), stride=3, groups=4), image),
        (MaxPooling(3, 2, 1), image),
        (MaxPooling(2, 2, ceil_mode=True), image),
        (AveragePooling(3, 2, 1, ceil_mode=True), image),
        (AveragePooling(2, 1), image),
        (ReLU(), image),
        (Sigmoid(), image),
        (Tanh(), image),
        (Flatten(), image),
        (Linear(w(2, 6), w(2)), flat),
        (Dropout(0.4, seed=1), image),
        (LocalResponseNorm(3, alpha=0.1), image),
        (BatchNorm(w(4), w(4)), image),
        (BatchNorm(w(6), w(6)), flat),
        (evaluating, image),
    ]
    for layer, shape in layers:
        check_by_finite_differences(layer, w(*shape), rng)


def test_float32_stays_float32() -> None:
    x = np.random.default_rng(12).normal(size=(2, 4, 6, 6)).astype(np.float32)
    ones = np.ones(4, np.float32)
    layers = [
        Convolution(np.ones((4, 4, 3, 3), np.float32), ones), MaxPooling(2), AveragePooling(2),
        ReLU(), Sigmoid(), Tanh(), Flatten(), Dropout(0.5, 0), LocalResponseNorm(), BatchNorm(ones, ones),
    ]  # fmt: skip
    for layer in layers:
        y = layer.forward(x)
        assert y.dtype == np.float32, layer
        assert layer.backward(y).dtype == np.float32, layer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Convolution(np.ones((3, 1, 3, 3)), groups=2), "groups=2 does not divide out_channels=3"),
        (lambda: Convolution(np.ones((3, 1, 3, 3)), groups=0), "groups must be an integer of at least 1"),
        (lambda: Convolution(np.ones((3, 1, 0, 3))), "kernel must be an integer of at least 1, got 0"),
        (
            lambda: Convolution(np.ones((3, 1, 3, 3)), stride=0),
            "stride must be an integer of at least 1, got 0",
        ),
        (lambda: Convolution(np.ones((3, 3))), "weight must have the shape"),
        (lambda: Convolution(np.ones((3, 1, 3, 3)), np.ones(2)), "bias must have the shape"),
        (lambda: MaxPooling(0), "kernel must be an integer of at least 1, got 0"),
        (lambda: AveragePooling(2, 0), "stride must be an integer of at least 1, got 0"),
        (lambda: MaxPooling(2, padding=2), "use a padding of at most 1"),
        (lambda: Linear(np.ones((3, 4)), np.ones(4)), "weight and bias must be"),
        (lambda: BatchNorm(np.ones(3), np.ones(4)), "weight and bias must both be"),
        (lambda: LocalResponseNorm(4), "n must be odd"),
        (lambda: Dropout(1.0, seed=0), "must be at least 0 and below 1, got 1.0"),
        (
            lambda: Convolution(np.ones((1, 1, 5, 5))).forward(np.ones((1, 1, 3, 9))),
            "use an input of at least 5",
        ),
    ],
)
def test_impossible_settings_are_refused_in_one_line(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (Convolution(np.ones((2, 3, 3, 3))), np.ones((1, 4, 8, 8)), r"\(N, 3, H, W\), got \(1, 4, 8, 8\)"),
        (Convolution(np.ones((2, 3, 3, 3))), np.ones((3, 8, 8)), r"\(N, 3, H, W\), got \(3, 8, 8\)"),
        (Convolution(np.ones((2, 3, 3, 3))), np.ones((0, 3, 8, 8)), r"got \(0, 3, 8, 8\)"),
        (MaxPooling(2), np.ones((8, 8)), r"\(N, C, H, W\), got \(8, 8\)"),
        (MaxPooling(2), np.ones((1, 1, 8, 8), np.uint8), "takes floats, got uint8"),
        (AveragePooling(2), np.ones((8, 8)), r"\(N, C, H, W\), got \(8, 8\)"),
        (LocalResponseNorm(), np.ones((8, 8)), r"\(N, C, H, W\), got \(8, 8\)"),
        (Linear(np.ones((2, 3)), np.ones(2)), np.ones((4, 5)), r"takes \(N, 3\), got \(4, 5\)"),
        (BatchNorm(np.ones(3), np.ones(3)), np.ones((4, 5)), r"cannot take \(4, 5\)"),
        (BatchNorm(np.ones(3), np.ones(3)), np.ones((1, 3)), "use a larger batch"),
    ],
)
def test_images_that_do_not_fit_are_refused_in_one_line(layer: Layer, x: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        layer.forward(x)
    assert "\n" not in str(raised.value)
