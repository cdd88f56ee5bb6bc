"""Impulse responses of linear time-invariant systems: the kernels of one dimension."""

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decanet.core.errors import DataError, UsageError

Array = NDArray[np.float64]

LONGEST_RESPONSE = 2**21  # samples (44 s at 48 kHz): what overlap-add can hold in a few hundred megabytes


@dataclass(frozen=True)
class Echo:
    """Echo: an impulse of 1 at 0, the sound itself, and one of ``strength`` at each ``delay``.

    Attributes:
        taps: (delay in seconds, strength) pairs.

    Raises:
        UsageError: a delay is negative, or a number is not finite.
    """

    taps: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        for delay, strength in self.taps:
            if not (math.isfinite(delay) and delay >= 0):
                raise UsageError(f"an echo's delay must be 0 seconds or more, got {delay:g}")
            if not math.isfinite(strength):
                raise UsageError(f"an echo's strength must be a finite number, got {strength:g}")

    @property
    def reach(self) -> float:
        """Time in seconds after which the kernel is zero."""
        return max((delay for delay, _ in self.taps), default=0.0)

    def impulse_response(self, sample_rate: int) -> Array:
        """Return the weights at ``sample_rate`` in Hz, shape (M, 1); delays are rounded to the nearest sample.

        Raises:
            UsageError: the longest delay is more than ``LONGEST_RESPONSE`` samples.
        """
        check_length(self.reach, sample_rate, "an echo's delay")
        response = np.zeros((round(self.reach * sample_rate) + 1, 1))
        response[0] = 1.0
        with np.errstate(over="ignore"):  # rendered() refuses infinite samples
            for delay, strength in self.taps:
                response[round(delay * sample_rate)] += strength
        return response


@dataclass(frozen=True)
class ExponentialDecay:
    """Exponential decay, the kernel of the tutorial: alpha exp(-alpha t) for t >= 0, with integral 1.

    Attributes:
        alpha: decay constant in 1/s. The response to an impulse decays to 1/e in 1/alpha seconds.

    Raises:
        UsageError: ``alpha`` is not a positive finite number.
    """

    alpha: float

    def __post_init__(self) -> None:
        if not (math.isfinite(self.alpha) and self.alpha > 0):
            raise UsageError(f"alpha must be a positive number of 1/s, got {self.alpha:g}")

    def __call__(self, times: ArrayLike) -> Array:
        t = np.asarray(times)
        return np.where(t < 0, 0.0, self.alpha * np.exp(-self.alpha * np.maximum(t, 0.0)))

    @property
    def reach(self) -> float:
        """Time in seconds after which the kernel is below 1e-17 of its initial value."""
        return 40.0 / self.alpha

    def step_linear(self, step: float) -> tuple[float, float, float]:
        """Return (a, b, c) of y[i] = a y[i-1] + b f[i-1] + c f[i], exact for an f that is linear within each step.

        With x = alpha h, the integral of alpha exp(-alpha (h - s)) over the step is 1 - exp(-x), and with the
        weight s/h it is 1 - (1 - exp(-x))/x, the weight of the newer sample.
        """
        x = self.alpha * step
        newer = 1.0 + math.expm1(-x) / x
        return math.exp(-x), -math.expm1(-x) - newer, newer

    def step_weights(self, step: float, nodes: int) -> Array:
        """Return the weights of f at the Gauss-Legendre nodes of one step, shape (nodes,), for the integral over it.

        f is replaced by the polynomial through the nodes, which is integrated against the kernel exactly.
        The moments of the kernel in Legendre polynomials on -1..1 are, with c = alpha h/2 and I the modified
        Bessel function of the first kind (from the expansion of exp(c x), Abramowitz and Stegun 10.2.36):

            integral of P_j(x) c exp(-c (1 - x)) dx = sqrt(2 pi c) exp(-c) I_{j+1/2}(c)

        which, unlike Gaussian quadrature of the product, is accurate for every alpha.
        """
        from scipy.special import ive

        _, gauss, basis = legendre(nodes)
        degrees = np.arange(nodes)
        c = self.alpha * step / 2.0
        moments = math.sqrt(2.0 * math.pi * c) * ive(degrees + 0.5, c)
        return gauss * (basis @ ((degrees + 0.5) * moments))


@dataclass(frozen=True, eq=False)
class SampledKernel:
    """Sampled kernel, for instance the recorded impulse response of a room, linear between its samples.

    Attributes:
        samples: shape (M,), or (M, C) for M instants of C channels.
        sample_rate: in Hz.
        name: its name in messages.

    Raises:
        DataError: there are no samples, some are NaN or infinite, or all are zero.
    """

    samples: Array
    sample_rate: int
    name: str = "the kernel"

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples, dtype=np.float64)
        object.__setattr__(self, "samples", samples)
        if self.sample_rate <= 0:
            raise DataError(f"{self.name} has a sample rate of {self.sample_rate} Hz; it must be positive")
        if samples.ndim not in (1, 2) or samples.size == 0:
            raise DataError(f"{self.name} holds no samples (shape {samples.shape}); give at least one")
        if not np.isfinite(samples).all():
            raise DataError(f"{self.name} holds NaN or infinite samples; record or export it again")
        if not samples.any():
            raise DataError(f"{self.name} is silent: all its samples are 0; choose another")

    def __call__(self, times: ArrayLike) -> Array:
        if self.samples.ndim != 1:
            raise DataError(f"{self.name} has {self.samples.shape[1]} channels; a function of time needs one")
        instants = np.arange(len(self.samples)) / self.sample_rate
        return np.interp(np.asarray(times), instants, self.samples, left=0.0, right=0.0)

    @property
    def reach(self) -> float:
        """Time in seconds after which the kernel is zero."""
        return (len(self.samples) - 1) / self.sample_rate

    def impulse_response(self, sample_rate: int) -> Array:
        """Return the weights at ``sample_rate`` in Hz, shape (M, C), resampled if the sample rates differ.

        The samples of a recording are the kernel times its own step. At another sample rate the step differs, so they
        are scaled by the ratio of the steps, which keeps the sum of the weights, the gain at low frequencies.

        Raises:
            UsageError: it lasts more than ``LONGEST_RESPONSE`` samples at ``sample_rate``.
        """
        from scipy.signal import resample_poly

        check_length(self.reach, sample_rate, self.name)
        samples = self.samples.reshape(len(self.samples), -1)
        if sample_rate == self.sample_rate:
            return samples
        common = math.gcd(sample_rate, self.sample_rate)
        return resample_poly(samples, sample_rate // common, self.sample_rate // common, axis=0) * (
            self.sample_rate / sample_rate
        )


def check_length(seconds: float, sample_rate: int, what: str) -> None:
    """Raise UsageError where ``seconds`` at ``sample_rate`` is longer than a kernel may be."""
    if seconds * sample_rate >= LONGEST_RESPONSE:
        longest = f"at {sample_rate} Hz a kernel may last {LONGEST_RESPONSE / sample_rate:.3g} s"
        raise UsageError(f"{what} of {seconds:g} s is too long; {longest}")


@functools.lru_cache
def legendre(nodes: int) -> tuple[Array, ...]:
    """Return the Gauss-Legendre nodes on -1..1, their weights, and P_j at the nodes, shape (nodes, nodes)."""
    points, weights = np.polynomial.legendre.leggauss(nodes)
    return points, weights, np.asarray(np.polynomial.legendre.legvander(points, nodes - 1), dtype=np.float64)


@dataclass(frozen=True)
class Reverb:
    """Synthetic room: the sound itself, then decaying noise, independent in each channel.

    The noise has the energy of the direct sound, as in a real room at the critical distance from the source. The
    response of a real room begins with single echoes from the walls and then resembles decaying noise.

    Attributes:
        seconds: the reverberation time, in which the noise decays by 60 dB.
        seed: random seed of the noise.
        channels: C.

    Raises:
        UsageError: ``seconds`` is not a positive finite number, or ``seed`` is negative.
    """

    seconds: float
    seed: int = 0
    channels: int = 1

    def __post_init__(self) -> None:
        if not (math.isfinite(self.seconds) and self.seconds > 0):
            raise UsageError(
                f"a reverberation time must be a positive number of seconds, got {self.seconds:g}"
            )
        if self.seed < 0:
            raise UsageError(f"a seed must be 0 or more, got {self.seed}")

    def impulse_response(self, sample_rate: int) -> Array:
        """Return the weights at ``sample_rate`` in Hz, shape (M, C).

        Raises:
            UsageError: it lasts more than ``LONGEST_RESPONSE`` samples.
        """
        check_length(self.seconds, sample_rate, "a reverberation")
        times = np.arange(1, round(self.seconds * sample_rate) + 1)[:, None] / sample_rate
        noise = np.random.default_rng(self.seed).standard_normal((len(times), self.channels))
        noise *= 10.0 ** (-3.0 * times / self.seconds)
        noise /= np.sqrt((noise**2).sum(axis=0)) if len(times) else 1.0
        return np.concatenate([np.ones((1, self.channels)), noise])
