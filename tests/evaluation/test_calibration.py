"""Calibration, temperature, and labels that are likely to be wrong."""

import numpy as np
import pytest
import torch

from decanet.evaluation.calibration import fit_temperature, likely_mislabeled, reliability, with_temperature
from decanet.evaluation.metrics import Predictions


def calibrated(count: int, seed: int = 0, classes: int = 4) -> Predictions:
    """Probabilities, and labels drawn from them: perfectly calibrated."""
    generator = np.random.default_rng(seed)
    probabilities = generator.dirichlet([0.4] * classes, count)
    labels = (generator.random((count, 1)) > probabilities.cumsum(1)).sum(1).clip(max=classes - 1)
    return Predictions(torch.from_numpy(probabilities).float(), torch.from_numpy(labels))


def test_the_error_of_a_calibrated_predictor_tends_to_zero() -> None:
    errors = [reliability(calibrated(count)).error for count in (300, 3_000, 300_000)]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 0.003


def test_the_error_is_that_of_the_definition() -> None:
    probabilities = torch.tensor([[0.9, 0.1], [0.95, 0.05], [0.41, 0.59], [0.45, 0.55]])
    predictions = Predictions(probabilities, torch.tensor([0, 1, 1, 1]))
    found = reliability(predictions, bins=10)
    # 0.9 closes its bin; 0.95 is alone, and wrong; 0.55 and 0.59 share a bin.
    assert found.counts.tolist() == [0, 0, 0, 0, 0, 2, 0, 0, 1, 1]
    assert found.accuracy[5] == 1.0
    assert found.confidence[5] == pytest.approx(0.57)
    assert found.error == pytest.approx((2 * 0.43 + 0.1 + 0.95) / 4)
    assert torch.isnan(found.accuracy[0])


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_the_temperature_of_a_distorted_predictor_is_found(temperature: float) -> None:
    honest = calibrated(20_000)
    distorted = with_temperature(honest, 1 / temperature)
    assert fit_temperature(distorted) == pytest.approx(temperature, rel=0.05)
    assert reliability(with_temperature(distorted, temperature)).error < 0.02
    same = with_temperature(distorted, 3.0).probabilities.argmax(1) == distorted.probabilities.argmax(1)
    assert same.all()


def test_temperature_divides_logits() -> None:
    logits = torch.tensor([[2.0, -1.0, 0.5]])
    found = with_temperature(Predictions(logits.softmax(1), torch.tensor([0])), 2.0)
    torch.testing.assert_close(found.probabilities.float(), (logits / 2).softmax(1))


def test_wrong_labels_are_found() -> None:
    generator = torch.Generator().manual_seed(0)
    true = torch.randint(0, 3, (600,), generator=generator)
    probabilities = (
        5 * torch.nn.functional.one_hot(true, 3) + torch.randn(600, 3, generator=generator)
    ).softmax(1)
    labels = true.clone()
    wrong = torch.arange(0, 600, 40)
    labels[wrong] = (true[wrong] + 1) % 3
    order, suspected = likely_mislabeled(Predictions(probabilities, labels))
    assert set(order[: len(wrong)].tolist()) == set(wrong.tolist())
    assert suspected[: len(wrong)].float().mean() > 0.8
    assert suspected[len(wrong) :].float().mean() < 0.02
    assert sorted(order.tolist()) == list(range(600))


def test_a_class_without_images_suspects_nothing() -> None:
    probabilities = torch.tensor([[0.2, 0.1, 0.7], [0.8, 0.1, 0.1], [0.3, 0.6, 0.1]])
    _, suspected = likely_mislabeled(Predictions(probabilities, torch.tensor([0, 0, 1])))
    assert not suspected.any()
