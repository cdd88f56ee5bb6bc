"""Noise of the sensor and of the transmission."""

from collections.abc import Sequence

import torch
from torch import Tensor

from decanet.data.corruptions._registry import corruption


@corruption(
    "gaussian_noise", "noise", small=(0.04, 0.06, 0.08, 0.09, 0.10), large=(0.08, 0.12, 0.18, 0.26, 0.38)
)
def gaussian_noise(x: Tensor, deviation: float, draws: Sequence[torch.Generator]) -> Tensor:
    """Normally distributed noise, as in low light."""
    return x + deviation * torch.stack([torch.randn(x.shape[1:], generator=draw) for draw in draws])


@corruption("shot_noise", "noise", small=(500, 250, 100, 75, 50), large=(60, 25, 12, 5, 3))
def shot_noise(x: Tensor, photons: float, draws: Sequence[torch.Generator]) -> Tensor:
    """Poisson noise of light that comes in photons; a white pixel gets ``photons`` on average."""
    return torch.stack([torch.poisson(y, draw) for y, draw in zip(x * photons, draws, strict=True)]) / photons


@corruption(
    "impulse_noise", "noise", small=(0.01, 0.02, 0.03, 0.05, 0.07), large=(0.03, 0.06, 0.09, 0.17, 0.27)
)
def impulse_noise(x: Tensor, fraction: float, draws: Sequence[torch.Generator]) -> Tensor:
    """Salt and pepper: a fraction of all values becomes 0 or 1, with equal probability."""
    uniform = torch.stack([torch.rand(2, *x.shape[1:], generator=draw) for draw in draws])
    return torch.where(uniform[:, 0] < fraction, (uniform[:, 1] < 0.5).float(), x)
