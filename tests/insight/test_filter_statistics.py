"""Orientation, frequency and color of synthetic filters."""

import numpy as np
import pytest
import torch
from torch import Tensor

from decanet.insight.filter_statistics import (
    color_selectivity,
    mean_frequency,
    orientation,
    pattern,
)


def gabor(
    size: int = 11,
    angle: float = 30.0,
    frequency: float = 0.2,
    along: float = 2.0,
    aside: float = 3.0,
    phase: float = 0.5,
) -> np.ndarray:
    """Stripes of ``angle`` degrees, 0 for horizontal ones, counterclockwise."""
    row, column = np.mgrid[:size, :size] - (size - 1) / 2
    wave = np.deg2rad(angle - 90)  # across the stripes
    across = column * np.cos(wave) - row * np.sin(wave)
    beside = column * np.sin(wave) + row * np.cos(wave)
    envelope = np.exp(-0.5 * ((across / along) ** 2 + (beside / aside) ** 2))
    return envelope * np.cos(2 * np.pi * frequency * across + phase)


def filters(*patterns: np.ndarray) -> Tensor:
    return torch.from_numpy(np.stack(patterns)).float()[:, None].repeat(1, 3, 1, 1)


def test_orientation_is_that_of_the_stripes() -> None:
    angles = np.array([0.0, 20.0, 45.0, 90.0, 135.0, 170.0])
    found = orientation(filters(*(gabor(angle=angle) for angle in angles)))
    difference = np.abs((found - angles + 90) % 180 - 90)
    assert difference.max() < 3


def test_frequency_is_that_of_the_wave() -> None:
    found = mean_frequency(filters(*(gabor(31, frequency=f, along=6, aside=6) for f in (0.1, 0.2, 0.3))))
    np.testing.assert_allclose(found, [0.1, 0.2, 0.3], atol=0.02)


def test_color_selectivity_is_the_energy_off_the_gray_axis() -> None:
    gray = torch.ones(1, 3, 7, 7)
    opponent = torch.tensor([1.0, -1.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 7, 7)
    red = torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1).expand(1, 3, 7, 7)
    found = color_selectivity(torch.cat([gray, opponent, red]))
    np.testing.assert_allclose(found, [0, 1, 2 / 3], atol=1e-6)
    random = torch.randn(4000, 3, 7, 7, generator=torch.Generator().manual_seed(0))
    assert color_selectivity(random).mean() == pytest.approx(2 / 3, abs=0.005)


def test_a_filter_of_one_color_is_one_pattern() -> None:
    one = torch.from_numpy(gabor()) * torch.tensor([0.5, -1.0, 0.2]).view(3, 1, 1)
    found, kept = pattern(one)
    assert kept == pytest.approx(1)
    assert abs(np.corrcoef(found.ravel(), gabor().ravel())[0, 1]) == pytest.approx(1)


def test_fine_patterns_have_a_higher_frequency() -> None:
    place = torch.arange(8.0)
    blob = torch.ones(8, 8)
    waves = [torch.cos(2 * torch.pi * f * place).expand(8, 8) for f in (0.125, 0.25, 0.5)]
    checkerboard = torch.cos(torch.pi * (place[:, None] + place[None, :]))
    found = mean_frequency(torch.stack([blob, *waves, checkerboard])[:, None].repeat(1, 3, 1, 1))
    assert (np.diff(found) > 0).all()
    assert found[2] == pytest.approx(0.25, abs=0.06)
    assert mean_frequency(torch.zeros(1, 3, 3, 3)) == 0
