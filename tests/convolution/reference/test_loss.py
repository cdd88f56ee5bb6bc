"""The softmax cross-entropy loss."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from decanet.convolution.reference import Softmax, SoftmaxCrossEntropy
from decanet.core.errors import DataError, UsageError
from tests.convolution.reference._gradients import check_against_torch


@pytest.mark.parametrize("temperature", [0.1, 1.0, 7.0])
def test_softmax_equals_torch(temperature: float) -> None:
    rng = np.random.default_rng(10)
    for scale in (1, 1000):
        x = rng.normal(size=(5, 4)) * scale
        check_against_torch(Softmax(temperature), x, lambda x: torch.softmax(x / temperature, 1), rng)


def test_a_softmax_needs_classes_and_a_temperature() -> None:
    for temperature in (0.0, -1.0, float("nan")):
        with pytest.raises(UsageError, match="temperature"):
            Softmax(temperature)
    for shape in ((3,), (2, 0)):
        with pytest.raises(DataError, match=r"takes \(N, classes\)"):
            Softmax().forward(np.ones(shape))


def test_softmax_cross_entropy_equals_torch() -> None:
    rng = np.random.default_rng(8)
    for scale in (1, 1000):  # without the subtraction of the largest, 1000 overflows
        x, labels = rng.normal(size=(6, 4)) * scale, rng.integers(4, size=6)
        tx = torch.tensor(x, requires_grad=True)
        expected = F.cross_entropy(tx, torch.tensor(labels))
        expected.backward()
        loss = SoftmaxCrossEntropy()
        assert loss.forward(x, labels) == pytest.approx(expected.item(), rel=1e-12)
        np.testing.assert_allclose(loss.backward(), tx.grad.numpy(), atol=1e-14)


def test_softmax_cross_entropy_by_finite_differences() -> None:
    rng = np.random.default_rng(9)
    x, labels = rng.normal(size=(3, 4)), np.array([0, 3, 1])
    loss = SoftmaxCrossEntropy()
    loss.forward(x, labels)
    gradient = loss.backward()
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        numeric = (loss.forward(x + step, labels) - loss.forward(x - step, labels)) / 2e-6
        assert gradient[place] == pytest.approx(numeric, abs=1e-8)


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (np.ones((2, 3)), np.array([0, 3]), "labels go from 0 to 2, got 0 to 3"),
        (np.ones((2, 3)), np.array([0]), "N integer labels"),
        (np.ones((2, 3)), np.array([0.0, 1.0]), "N integer labels"),
        (np.ones((0, 3)), np.zeros(0, int), "N integer labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(x: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SoftmaxCrossEntropy().forward(x, labels)
