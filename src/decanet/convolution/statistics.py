"""Autocorrelation of images: why small kernels suffice.

The pixels of a random matrix are independent. In a photograph neighboring pixels are nearly equal, and their
correlation decreases with distance; therefore small kernels capture most of the structure. This module measures the
*spatial autocorrelation*

    rho(dy, dx) = mean of (p(y, x) - m)(p(y + dy, x + dx) - m) / variance,   over all pairs within the image

which is 1 for no shift and 0 for independent pixels. Two laws are fitted to its decrease with distance: an exponential,
a exp(-k x), as for an image of patches of one size; and a power law, a / x^k, as for structure at all scales.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decanet.convolution.spectrum import SMALLEST, Spectrum, mean_spectrum, power_spectrum
from decanet.core.errors import DataError

Array = NDArray[np.float64]

MOST_PIXELS = 64_000_000  # about 2.5 GB in the transform
EQUAL = 0.01  # smallest difference of two R² that decides between the laws
FADED = 0.05  # smallest correlation that is fitted: the logarithm of smaller ones is noise


def noise_like(image: ArrayLike, seed: int = 0) -> Array:
    """Return independent normally distributed pixels of the size, mean and standard deviation of an image."""
    p = np.asarray(image, dtype=np.float64)
    return np.random.default_rng(seed).normal(p.mean(), p.std(), p.shape)


def autocorrelation(image: ArrayLike, max_distance: int | None = None) -> Array:
    """Compute the correlation of pixels at a distance of (dy, dx), for all shifts up to ``max_distance``.

    By the convolution theorem, the sums over all pairs for all shifts are the inverse transform of the squared
    magnitude of the transform: O(n log n) instead of O(n^2). The image is padded with zeros, since the transform is
    periodic, and each sum is divided by its number of pairs; a division by the number of pixels would be biased.

    Args:
        image: gray values, shape (H, W).
        max_distance: R in pixels; by default a quarter of the smaller of height and width, since larger shifts have few
            pairs.

    Returns:
        Shape (2R + 1, 2R + 1), with the shift (0, 0) in the center.

    Raises:
        DataError: the image has fewer than 2x2 pixels, is constant, not finite or too large, or R is out of range.
    """
    from scipy import fft

    p = _checked(image)
    height, width = p.shape
    reach = max(1, min(p.shape) // 4) if max_distance is None else max_distance
    if not 1 <= reach < min(p.shape):
        raise DataError(f"the distance must be 1 to {min(p.shape) - 1} pixels in a {height}x{width} image")
    p = p - p.mean()
    size = [fft.next_fast_len(n + reach, real=True) for n in p.shape]  # larger shifts may wrap around
    power = np.abs(fft.rfft2(p, size)) ** 2
    sums = fft.irfft2(power, size)
    shifts = np.arange(-reach, reach + 1)
    pairs = _pairs(p.shape, reach)
    covariance = sums[np.ix_(shifts, shifts)] / pairs
    return covariance / covariance[reach, reach]


def _checked(image: ArrayLike) -> Array:
    p = np.asarray(image, dtype=np.float64)
    if p.ndim != 2 or min(p.shape, default=0) < 2:
        raise DataError(f"statistics need a gray image of at least 2x2 pixels, got shape {p.shape}")
    if p.size > MOST_PIXELS:
        raise DataError(f"an image of {p.shape[1]}x{p.shape[0]} pixels is too large to transform; shrink it")
    if not np.isfinite(p).all():
        raise DataError("the image holds NaN or infinite values; repair or replace it")
    if p.min() == p.max():
        raise DataError(
            "all pixels of the image are equal, so their correlation is undefined; give another image"
        )
    return p


def _pairs(shape: tuple[int, ...], reach: int) -> Array:
    """Return the number of pairs of pixels for each shift, shape (2R + 1, 2R + 1)."""
    away = np.abs(np.arange(-reach, reach + 1))
    return np.outer(shape[0] - away, shape[1] - away).astype(np.float64)


def radial_average(correlation: ArrayLike, shape: tuple[int, int]) -> tuple[Array, Array]:
    """Average the correlation over all directions, each pair of pixels counted once.

    Args:
        correlation: a result of :func:`autocorrelation`, shape (2R + 1, 2R + 1).
        shape: (H, W) of the image.

    Returns:
        Distances in pixels and correlations, both of shape (R + 1,). A distance is the mean over the shifts whose
        length rounds to the same integer.
    """
    rho = np.asarray(correlation)
    reach = len(rho) // 2
    shifts = np.arange(-reach, reach + 1)
    distance = np.hypot(shifts[:, None], shifts[None, :])
    pairs = _pairs(shape, reach)
    ring = np.rint(distance).astype(int)
    inside = ring <= reach

    def mean(values: Array) -> Array:
        return np.bincount(ring[inside], (values * pairs)[inside]) / np.bincount(ring[inside], pairs[inside])

    return mean(distance), mean(rho)


@dataclass(frozen=True)
class Fit:
    """Law of decay, fitted as a straight line by least squares to the logarithm of the correlation.

    The standard error assumes independent points. Neighboring distances have pixels in common, so the true uncertainty
    is larger.

    Attributes:
        law: ``"exponential"``, a exp(-k x), or ``"power"``, a / x^k, for x in pixels.
        amplitude: a.
        k: in 1/pixel for the exponential, dimensionless for the power law.
        k_error: standard error of k.
        r_squared: fraction of the variance of the logarithm that the law explains.
        points: number of distances.
    """

    law: Literal["exponential", "power"]
    amplitude: float
    k: float
    k_error: float
    r_squared: float
    points: int

    def __call__(self, distances: ArrayLike) -> Array:
        x = np.asarray(distances, dtype=np.float64)
        return self.amplitude * (np.exp(-self.k * x) if self.law == "exponential" else x**-self.k)


def fit_decay(
    distances: ArrayLike, correlations: ArrayLike, law: Literal["exponential", "power"]
) -> Fit | None:
    """Fit a law to the distances of at least one pixel, up to the first where the correlation is below ``FADED``.

    The straight lines are log rho = log a - k x and log rho = log a - k log x.

    Returns:
        The fit, or None where fewer than three distances are correlated, as in noise.
    """
    x, rho = np.asarray(distances, dtype=np.float64), np.asarray(correlations, dtype=np.float64)
    x, rho = x[x > 0], rho[x > 0]
    faded = rho <= FADED
    count = int(np.argmax(faded)) if faded.any() else len(rho)
    if count < 3:
        return None
    along = x[:count] if law == "exponential" else np.log(x[:count])
    high = np.log(rho[:count])
    centered = along - along.mean()
    slope = float(centered @ high / (centered @ centered))
    residual = high - high.mean() - slope * centered
    unexplained, total = float(residual @ residual), float(((high - high.mean()) ** 2).sum())
    return Fit(
        law,
        amplitude=math.exp(high.mean() - slope * along.mean()),
        k=-slope,
        k_error=math.sqrt(unexplained / (count - 2) / float(centered @ centered)),
        r_squared=1.0 - unexplained / total if total > 0 else 1.0,
        points=count,
    )


@dataclass(frozen=True, eq=False)
class Statistics:
    """Autocorrelation of one image and the laws of its decrease.

    Attributes:
        image: gray values, shape (H, W).
        correlation: by shift, shape (2R + 1, 2R + 1).
        distances: in pixels, shape (R + 1,).
        radial: correlation by distance, shape (R + 1,).
        fits: the two laws, or None where too few distances are correlated.
        spectrum: power by spatial frequency; None for images of fewer than 8x8 pixels.
        count: number of images over which correlation and spectrum are averaged; ``image`` is the first.
    """

    image: Array
    correlation: Array
    distances: Array
    radial: Array
    fits: dict[str, Fit | None]
    spectrum: Spectrum | None = None
    count: int = 1

    @property
    def neighbors(self) -> tuple[float, float]:
        """Correlation of horizontally and of vertically neighboring pixels."""
        center = len(self.correlation) // 2
        return float(self.correlation[center, center + 1]), float(self.correlation[center + 1, center])


def measure(image: ArrayLike) -> Statistics:
    """Compute all statistics of a gray image, shape (H, W). Raises DataError as :func:`autocorrelation`."""
    p = np.asarray(image, dtype=np.float64)
    correlation = autocorrelation(p)
    distances, radial = radial_average(correlation, (p.shape[0], p.shape[1]))
    fits: dict[str, Fit | None] = {law: fit_decay(distances, radial, law) for law in ("exponential", "power")}
    spectrum = power_spectrum(p) if min(p.shape) >= SMALLEST else None
    return Statistics(p, correlation, distances, radial, fits, spectrum)


def measure_many(images: Sequence[ArrayLike]) -> Statistics:
    """Average the statistics of several gray images; constant ones are left out.

    The autocorrelations are averaged, each weighted by the variance of its image. Images of several sizes are cropped
    to the size of the smallest.

    Raises:
        DataError: no image has two pixels that differ.
    """
    arrays = [np.asarray(image, dtype=np.float64) for image in images]
    varied = [p for p in arrays if p.size and p.min() < p.max()]
    if not varied:
        raise DataError("no image has two pixels that differ; give other images")
    height, width = (min(p.shape[axis] for p in varied) for axis in (0, 1))
    cropped = [_center(p, height, width) for p in varied]
    cropped = [p for p in cropped if p.min() < p.max()] or cropped[:1]
    correlation = np.average(
        [autocorrelation(p) for p in cropped], axis=0, weights=[float(p.var()) for p in cropped]
    )
    distances, radial = radial_average(correlation, (height, width))
    fits: dict[str, Fit | None] = {law: fit_decay(distances, radial, law) for law in ("exponential", "power")}
    return Statistics(
        cropped[0],
        correlation,
        distances,
        radial,
        fits,
        mean_spectrum(cropped) if min(height, width) >= SMALLEST else None,
        len(cropped),
    )


def _center(p: Array, height: int, width: int) -> Array:
    top, left = (p.shape[0] - height) // 2, (p.shape[1] - width) // 2
    return p[top : top + height, left : left + width]


def summarize(natural: Statistics, noise: Statistics) -> dict[str, Any]:
    """Return the statistics of an image beside those of noise of its size, ready for JSON."""
    height, width = natural.image.shape
    return {
        "height": height,
        "width": width,
        "neighbors_across": natural.neighbors[0],
        "neighbors_down": natural.neighbors[1],
        "distances": natural.distances.tolist(),
        "correlations": natural.radial.tolist(),
        "random_correlations": noise.radial.tolist(),
        "images": natural.count,
        "verdict": verdict(natural),
        "spectrum_exponent": natural.spectrum.exponent if natural.spectrum else None,
        "random_spectrum_exponent": noise.spectrum.exponent if noise.spectrum else None,
        "fits": {law: asdict(fit) if fit else None for law, fit in natural.fits.items()},
    }


def verdict(statistics: Statistics) -> str:
    """Return a sentence on which law describes the decrease of the correlation better."""
    fits = [fit for fit in statistics.fits.values() if fit is not None]
    if not fits:
        return "No law is fitted: fewer than three distances are correlated"
    better, worse = sorted(fits, key=lambda fit: fit.r_squared, reverse=True)
    if better.r_squared - worse.r_squared < EQUAL:
        return f"Both laws fit equally well: R² {better.r_squared:.3f} and {worse.r_squared:.3f}"
    return f"The {better.law} law fits better: R² {better.r_squared:.3f} against {worse.r_squared:.3f}"
