"""Power spectrum of images: how the energy of natural images falls with spatial frequency.

In photographs of natural scenes the power falls about as 1 / f^2 (D. J. Field, "Relations between the statistics of
natural images and the response properties of cortical cells", 1987): every octave of frequencies has the same energy,
whatever the distance from which the scene is seen. In a random matrix the power is the same at all frequencies.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decanet.core.errors import DataError

Array = NDArray[np.float64]
SMALLEST = 8  # rows and columns of an image with a spectrum
FITTED = (0.03, 0.35)  # cycles per pixel between which the exponent is fitted


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power by spatial frequency, averaged over all directions.

    Attributes:
        frequencies: cycles per pixel, (n,), without 0.
        power: relative to its mean, (n,).
        exponent: of the law power = a / f^exponent, fitted as a straight line on logarithmic axes; NaN where fewer than
            three frequencies lie in the fitted range.
        r_squared: fraction of the variance of the logarithm that the law explains.
    """

    frequencies: Array
    power: Array
    exponent: float
    r_squared: float


def power_spectrum(image: ArrayLike) -> Spectrum:
    """Compute the power spectrum of a gray image (H, W).

    A window that falls to 0 at the edges (Hann) keeps the jump between opposite edges out of it: the transform is
    periodic.

    Raises:
        DataError: the image has fewer than 8x8 pixels, or all of them are equal.
    """
    p = np.asarray(image, dtype=np.float64)
    if p.ndim != 2 or min(p.shape) < SMALLEST or p.min() == p.max():
        raise DataError(
            f"a spectrum needs a gray image of at least 8x8 pixels that differ, got shape {p.shape}"
        )
    window = np.outer(np.hanning(p.shape[0] + 2)[1:-1], np.hanning(p.shape[1] + 2)[1:-1])
    power = np.abs(np.fft.fft2((p - p.mean()) * window)) ** 2
    frequency = np.hypot(np.fft.fftfreq(p.shape[0])[:, None], np.fft.fftfreq(p.shape[1])[None, :])
    size = min(p.shape)
    ring = np.rint(frequency * size).astype(int)
    inside = (ring >= 1) & (ring <= size // 2)
    count = np.bincount(ring[inside])[1:]
    mean = np.bincount(ring[inside], power[inside])[1:] / np.maximum(count, 1)
    frequencies = np.bincount(ring[inside], frequency[inside])[1:] / np.maximum(count, 1)
    return _fitted(frequencies[count > 0], mean[count > 0] / power.mean())


def mean_spectrum(images: list[Array]) -> Spectrum:
    """Average the spectra of images of one size. Raises DataError as :func:`power_spectrum`."""
    spectra = [power_spectrum(image) for image in images]
    return _fitted(spectra[0].frequencies, np.mean([one.power for one in spectra], axis=0))


def _fitted(frequencies: Array, power: Array) -> Spectrum:
    chosen = (frequencies >= FITTED[0]) & (frequencies <= FITTED[1]) & (power > 0)
    if chosen.sum() < 3:
        return Spectrum(frequencies, power, float("nan"), float("nan"))
    x, y = np.log(frequencies[chosen]), np.log(power[chosen])
    slope, intercept = np.polyfit(x, y, 1)
    residual = y - slope * x - intercept
    total = float(((y - y.mean()) ** 2).sum())
    return Spectrum(
        frequencies, power, -float(slope), 1 - float(residual @ residual) / total if total else 1.0
    )
