"""Insertion, deletion, their areas and intervals."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from decanet.insight.attribution.faithfulness import area, bootstrap_interval, deletion_curve, insertion_curve

SIZE = 16


class Corner(nn.Module):
    """Class 1 is what is bright in the upper left quarter: two logits, whose difference is 8 times its mean."""

    def forward(self, x: Tensor) -> Tensor:
        half = SIZE // 2
        bright = x[:, :, :half, :half].flatten(1).mean(1)
        return torch.stack([torch.zeros_like(bright), 8 * bright], 1)


def corner() -> Tensor:
    importance = torch.zeros(SIZE, SIZE)
    importance[: SIZE // 2, : SIZE // 2] = 1
    return importance


def test_deletion_falls_at_once_where_the_map_is_right_and_late_where_it_is_wrong() -> None:
    x = torch.ones(1, 1, SIZE, SIZE)
    right = deletion_curve(Corner(), x, 1, corner(), steps=16)
    wrong = deletion_curve(Corner(), x, 1, -corner(), steps=16)
    # After k of the 16 portions, right leaves 1 - k / 4 of the corner; wrong leaves all until 12 are gone.
    left = (1 - torch.arange(17) / 4).clamp_min(0)
    torch.testing.assert_close(right, torch.sigmoid(8 * left))
    torch.testing.assert_close(wrong, torch.sigmoid(8 * (4 - torch.arange(17) / 4).clamp(0, 1)))
    assert area(right) < area(wrong)


def test_insertion_begins_with_a_blurred_image_and_ends_with_the_image() -> None:
    x = torch.zeros(1, 1, SIZE, SIZE)
    x[:, :, : SIZE // 2, : SIZE // 2] = 1.0
    right = insertion_curve(Corner(), x, 1, corner(), steps=16)
    assert 0.5 < float(right[0]) < float(right[-1])
    torch.testing.assert_close(right[-1:], Corner()(x).softmax(1)[:, 1])
    torch.testing.assert_close(right[4:], right[-1:].expand(13))  # all of the corner is there after 4 of 16
    assert area(right) > area(insertion_curve(Corner(), x, 1, -corner(), steps=16))


def test_area_is_that_of_trapezoids() -> None:
    assert area(torch.tensor([1.0, 0.0, 0.0])) == pytest.approx(0.25)
    assert area(torch.full((33,), 0.3)) == pytest.approx(0.3)


def test_the_bootstrap_interval_covers_the_mean_as_often_as_it_says() -> None:
    generator = np.random.default_rng(0)
    inside = 0
    for seed in range(200):
        low, high = bootstrap_interval(generator.normal(1.0, 2.0, 60), seed=seed, resamples=500)
        inside += low <= 1.0 <= high
    assert 0.90 <= inside / 200 <= 0.99
