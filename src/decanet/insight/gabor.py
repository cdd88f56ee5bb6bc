"""Gabor functions, plane waves under a Gaussian, fitted to filters.

They describe simple cells of the visual cortex (J. G. Daugman, J. Opt. Soc. Am. A 2, 1985), and what the first layer of
a convolutional network learns.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy.optimize import least_squares

from decanet.insight.filter_statistics import spectra

SMALLEST = 7  # side of a kernel whose 49 numbers leave the 8 of a Gabor function something to explain


@dataclass(frozen=True)
class Gabor:
    """A plane wave under a Gaussian, fitted to a pattern.

    Attributes:
        r2: fraction of the pattern's variance that it explains.
        orientation: of its stripes in degrees from 0 to 180, as in :func:`orientation`.
        frequency: of its wave in cycles per pixel.
        bandwidth: width of its spectrum at half its height in octaves; infinite for a blob, whose
            spectrum reaches to frequency 0.
        values: (k, k), the function at the pixels of the kernel.
    """

    r2: float
    orientation: float
    frequency: float
    bandwidth: float
    values: np.ndarray


def fit_gabor(values: np.ndarray) -> Gabor:
    """Fit a Gabor function to a pattern (k, k) by least squares.

    Six numbers are searched: center, direction, frequency and the two widths; for each, the best amplitudes of the
    cosine and of the sine follow from a linear equation. The search starts at the peak of the pattern's spectrum.

    Raises:
        ValueError: the pattern is smaller than 7x7, or constant.
    """
    size = values.shape[0]
    if size < SMALLEST:
        raise ValueError(f"a Gabor function has 8 numbers and a {size}x{size} kernel only {size * size}")
    total = float(np.square(values - values.mean()).sum())
    if total <= 1e-20:
        raise ValueError("the pattern is constant")
    scale = np.abs(values).max()
    target = values.ravel() / scale
    row, column = (axis.ravel() - (size - 1) / 2 for axis in np.mgrid[:size, :size])

    def waves(numbers: np.ndarray) -> np.ndarray:
        x0, y0, angle, frequency, along, aside = numbers
        across = (column - x0) * np.cos(angle) - (row - y0) * np.sin(angle)
        beside = (column - x0) * np.sin(angle) + (row - y0) * np.cos(angle)
        envelope = np.exp(-0.5 * ((across / along) ** 2 + (beside / aside) ** 2))
        phase = 2 * np.pi * frequency * across
        return np.stack([envelope * np.cos(phase), envelope * np.sin(phase)], 1)

    def best(numbers: np.ndarray) -> np.ndarray:
        basis = waves(numbers)
        inverse = np.linalg.inv(basis.T @ basis + 1e-9 * np.eye(2))
        return basis @ (inverse @ (basis.T @ target))

    half = size / 2
    low = [-half, -half, -2 * np.pi, 0.0, 0.5, 0.5]
    high = [half, half, 2 * np.pi, 0.5, 2.0 * size, 2.0 * size]
    starts = [
        (*_peak(values), size / 4),
        (*_peak(values), size / 2),
        (_peak(values)[0], 0.5 / size, size / 3),
    ]
    found = [
        least_squares(
            lambda numbers: best(numbers) - target,
            [0.0, 0.0, angle, min(frequency, 0.49), width, width],
            bounds=(low, high), x_scale=[1, 1, 0.5, 0.1, 1, 1], max_nfev=150,
        )
        for angle, frequency, width in starts
    ]  # fmt: skip
    numbers = min(found, key=lambda one: one.cost).x
    fitted = (best(numbers) * scale).reshape(values.shape)
    return Gabor(
        r2=1 - float(np.square(values - fitted).sum()) / total,
        orientation=float((np.rad2deg(numbers[2]) + 90) % 180),
        frequency=float(numbers[3]),
        bandwidth=_bandwidth(float(numbers[3] * numbers[4])),
        values=fitted,
    )


def _bandwidth(periods: float) -> float:
    """Return the bandwidth in octaves of a wave with so many periods in a standard deviation of its envelope."""
    reach = np.sqrt(np.log(2) / 2)
    ratio = (
        (np.pi * periods + reach) / max(np.pi * periods - reach, 0.0) if np.pi * periods > reach else np.inf
    )
    return float(np.log2(ratio))


def _peak(values: np.ndarray) -> tuple[float, float]:
    """Return the direction in radians and the frequency in cycles per pixel at the peak of the spectrum."""
    energy, across, down = spectra(torch.from_numpy(values - values.mean())[None, None])
    place = int(energy[0].argmax())
    u = float(across.expand_as(energy[0]).flatten()[place])
    v = float(down.expand_as(energy[0]).flatten()[place])
    return float(np.arctan2(-v, u)), float(np.hypot(u, v))
