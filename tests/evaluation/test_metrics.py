"""Metrics, compared with scikit-learn's."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, log_loss, top_k_accuracy_score

from decanet.evaluation.metrics import Predictions


@pytest.fixture(scope="module")
def predictions() -> Predictions:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(400, 7, generator=generator) * 2
    return Predictions(logits.softmax(1), torch.randint(0, 7, (400,), generator=generator))


@pytest.mark.parametrize("k", [1, 2, 5, 6])
def test_the_top_k_accuracy_equals_scikit_learns(predictions: Predictions, k: int) -> None:
    expected = top_k_accuracy_score(predictions.labels, predictions.probabilities, k=k, labels=range(7))
    assert predictions.accuracy(k) == pytest.approx(expected, abs=1e-12)


def test_the_top_k_accuracy_of_no_more_than_k_classes_is_one(predictions: Predictions) -> None:
    assert predictions.accuracy(7) == 1.0
    assert predictions.accuracy(100) == 1.0


def test_the_loss_equals_scikit_learns(predictions: Predictions) -> None:
    exact = predictions.probabilities.double()
    expected = log_loss(predictions.labels, exact / exact.sum(1, keepdim=True), labels=range(7))
    assert predictions.loss == pytest.approx(expected, rel=1e-6)


def test_the_loss_of_a_probability_of_zero_is_finite() -> None:
    certain = Predictions(torch.tensor([[1.0, 0.0], [1.0, 0.0]]), torch.tensor([0, 1]))
    assert math.isfinite(certain.loss)
    assert certain.loss > 10


def test_the_confusion_matrix_equals_scikit_learns(predictions: Predictions) -> None:
    expected = confusion_matrix(predictions.labels, predictions.probabilities.argmax(1), labels=range(7))
    matrix = predictions.confusion_matrix()
    assert np.array_equal(matrix.numpy(), expected)
    assert matrix.diagonal().sum().item() / 400 == pytest.approx(predictions.accuracy())


def test_the_confusion_matrix_has_empty_rows_for_classes_without_images() -> None:
    few = Predictions(torch.eye(4)[[1, 1]], torch.tensor([1, 3]))
    assert few.confusion_matrix().tolist() == [[0] * 4, [0, 1, 0, 0], [0] * 4, [0, 1, 0, 0]]
