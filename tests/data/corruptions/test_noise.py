"""Noise: the moments of the distributions."""

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor

from decanet.data.corruptions import corrupt


def gray(value: int) -> Tensor:
    return torch.full((30, 3, 32, 32), value, dtype=torch.uint8)


@pytest.mark.parametrize(("severity", "deviation"), [(1, 0.04), (3, 0.08), (5, 0.10)])
def test_gaussian_noise_has_its_deviation(severity: int, deviation: float) -> None:
    noise = corrupt(gray(128), "gaussian_noise", severity).double() - 128
    assert abs(noise.std() / 255 - deviation) < 0.01 * deviation
    assert abs(noise.mean()) < 0.5
    third = (noise / noise.std()).pow(4).mean()
    assert abs(third - 3) < 0.1, "the fourth moment of a normal distribution"


@pytest.mark.parametrize(("severity", "photons"), [(1, 500), (4, 75)])
@pytest.mark.parametrize("value", [64, 128])
def test_shot_noise_counts_photons(severity: int, photons: int, value: int) -> None:
    counts = np.arange(3 * photons)
    probabilities = stats.poisson.pmf(counts, value / 255 * photons)
    levels = np.rint(np.clip(counts / photons, 0, 1) * 255)
    mean = (probabilities * levels).sum()
    variance = (probabilities * (levels - mean) ** 2).sum()
    noisy = corrupt(gray(value), "shot_noise", severity).double()
    assert abs(noisy.mean() - mean) < 4 * (variance / noisy.numel()) ** 0.5
    assert abs(noisy.var() / variance - 1) < 0.02


@pytest.mark.parametrize(("severity", "fraction"), [(1, 0.01), (5, 0.07)])
def test_impulse_noise_is_half_salt_and_half_pepper(severity: int, fraction: float) -> None:
    noisy = corrupt(gray(100), "impulse_noise", severity)
    assert set(noisy.unique().tolist()) == {0, 100, 255}
    for value in (0, 255):
        assert abs((noisy == value).double().mean() - fraction / 2) < 0.1 * fraction
