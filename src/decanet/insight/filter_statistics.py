"""Numbers that describe first-layer filters: orientation, frequency, color."""

import numpy as np
import torch
from torch import Tensor


def mean_frequency(weights: Tensor) -> np.ndarray:
    """Return the mean spatial frequency, weighted by energy, of filters (O, 3, k, k) in cycles per pixel, shape (O,).

    It is near 0 for a blob that covers the kernel, and up to 0.7 for a checkerboard.
    """
    energy, across, down = spectra(weights)
    return ((energy * torch.hypot(across, down)).sum((1, 2)) / energy.sum((1, 2)).clamp_min(1e-30)).numpy()


def orientation(weights: Tensor) -> np.ndarray:
    """Return the mean direction of a filter's edges or stripes, weighted by energy, in degrees from 0 to 180: (O,).

    Stripes of 0 degrees are horizontal, of 45 degrees rise to the right. The mean is that of doubled angles, because a
    direction and its opposite are the same.
    """
    energy, across, down = spectra(weights)
    wave = torch.atan2(-down, across)  # of the wave, across its stripes; rows count downward
    doubled = torch.complex(
        (energy * torch.cos(2 * wave)).sum((1, 2)), (energy * torch.sin(2 * wave)).sum((1, 2))
    )
    return ((torch.rad2deg(doubled.angle() / 2) + 90) % 180).numpy()


def color_selectivity(weights: Tensor) -> np.ndarray:
    """Return the fraction of the energy of filters (O, 3, k, k) that is off the gray axis, shape (O,).

    It is 0 where red, green and blue are equal, 1 where they add up to zero everywhere, and 2/3 on average for random
    weights.
    """
    gray = weights.mean(1, keepdim=True)
    off = (weights - gray).square().sum((1, 2, 3))
    return (off / weights.square().sum((1, 2, 3)).clamp_min(1e-30)).numpy()


def pattern(weight: Tensor) -> tuple[np.ndarray, float]:
    """Return a filter (3, k, k) as one color times one pattern (k, k), as well as that goes, and the energy it keeps.

    This is the first term of its singular value decomposition; the fraction is 1 for a filter of one color.
    """
    channels = weight.reshape(weight.shape[0], -1).double()
    _, values, patterns = torch.linalg.svd(channels, full_matrices=False)
    kept = float(values[0] ** 2 / values.square().sum().clamp_min(1e-30))
    return (values[0] * patterns[0]).reshape(weight.shape[1:]).numpy(), kept


def spectra(weights: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the energy (O, n, n) of filters (O, C, k, k), summed over channels, and the frequencies of both axes."""
    size = max(8, 2 * weights.shape[-1])  # zeros around a kernel make its spectrum smooth
    energy = torch.fft.fft2(weights, s=(size, size)).abs().square().sum(1)
    axis = torch.fft.fftfreq(size)
    return energy, axis[None, :], axis[:, None]
