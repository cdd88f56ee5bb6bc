"""Passes in batches."""

import pytest
import torch

from decanet.insight.attribution import passes
from tests.insight.attribution.test_gradients import assert_close, made


def test_batches_hold_a_number_of_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "BATCH_PIXELS", 3 * 8 * 8)
    parts = list(passes.batches(torch.zeros(7, 3, 8, 8)))
    assert [(part.start, min(part.stop, 7)) for part in parts] == [(0, 3), (3, 6), (6, 7)]
    assert passes.batch_size(torch.zeros(1, 3, 100, 100)) == 1


def test_scores_and_gradients_do_not_depend_on_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    model, x, target = made("resnet20_cifar")
    x, target = x.repeat(3, 1, 1, 1) * torch.rand(6, 1, 1, 1), target.repeat(3)
    inputs = x.clone().requires_grad_()
    scores = model(inputs)[torch.arange(6), target]
    (gradients,) = torch.autograd.grad(scores.sum(), inputs)
    for pixels in (1, 4 * 32 * 32, 2**20):
        monkeypatch.setattr(passes, "BATCH_PIXELS", pixels)
        assert_close(passes.evaluate_scores(model, x, target), scores)
        assert_close(passes.evaluate_scores(model, x, 4), model(x)[:, 4])
        assert_close(passes.evaluate_gradients(model, x, target), gradients)
        assert_close(passes.evaluate_probabilities(model, x), model(x).softmax(1))
