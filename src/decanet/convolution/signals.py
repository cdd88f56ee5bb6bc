"""Convolution of signals in one dimension: the definition, three ways to compute it, and its laws.

A loudspeaker, a room or a valley answers a short clap with some response g(t), its *kernel*. When the system
is linear and does not change with time, the answer to any signal f is the sum of the answers to all instants:

    (f * g)(t) = integral from 0 to t of f(tau) g(t - tau) d tau

The integral begins at 0 because nothing sounds before f does, and ends at t because g is causal: no room
answers a clap before it was heard. An echo is the simplest kernel: 1 at 0 (the sound itself) and epsilon at a
delay.

Three computations, for n instants:

=================== ============================ ============================================================
computation         cost                         accuracy
=================== ============================ ============================================================
convolve_quadrature n adaptive integrals         the definition itself, near 1e-14 for smooth signals
convolve_fft        O(n log n)                   limited by the sampling: error O(h) by rectangles, O(h^2) by
                                                 trapezoids, where h is the step
convolve_recursion  O(n), exponential kernels    exact for signals that are polynomials within a step; below
                                                 1e-12 for the tutorial's sine, whatever alpha
=================== ============================ ============================================================
"""

import functools
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from decanet.core.errors import DataError, UsageError

Array = NDArray[np.float64]
Signal = Callable[[ArrayLike], Array]

TUTORIAL_ALPHAS = (0.01, 0.1, 0.3, 0.5, 0.6, 0.8, 1.0, 1.1, 1.4, 1.5, 2.0, 2.5, 5.0)  # 1/s
TUTORIAL_POINTS = 500
TUTORIAL_SECONDS = 5.0
LONGEST_RESPONSE = 2**21  # samples (44 s at 48 kHz): what overlap-add can hold in a few hundred megabytes


def tutorial_times(points: int = TUTORIAL_POINTS) -> Array:
    """The tutorial's instants: ``points`` of them on 0 to 5 s, in seconds, shape (points,)."""
    return np.linspace(0.0, TUTORIAL_SECONDS, points)


def sine(times: ArrayLike) -> Array:
    """The tutorial's signal, sin(2 pi t), for t in seconds."""
    return np.sin(2.0 * np.pi * np.asarray(times))


# -------------------------------------------------------------------------------------------- kernels


@dataclass(frozen=True)
class Echo:
    """The sound itself and its repetitions: an impulse of 1 at 0 and one of ``strength`` at each ``delay``.

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
        """Seconds after which the kernel is zero."""
        return max((delay for delay, _ in self.taps), default=0.0)

    def impulse_response(self, rate: int) -> Array:
        """Weights at ``rate`` samples a second, shape (M, 1); delays are rounded to the nearest sample.

        Raises:
            UsageError: the longest delay is more than ``LONGEST_RESPONSE`` samples.
        """
        check_length(self.reach, rate, "an echo's delay")
        response = np.zeros((round(self.reach * rate) + 1, 1))
        response[0] = 1.0
        with np.errstate(over="ignore"):  # what becomes infinite is refused when the sound is rendered
            for delay, strength in self.taps:
                response[round(delay * rate)] += strength
        return response


@dataclass(frozen=True)
class ExponentialDecay:
    """The tutorial's kernel: alpha exp(-alpha t) for t >= 0, whose integral is 1.

    Attributes:
        alpha: rate of decay in 1/s. The answer forgets within about 1/alpha seconds.

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
        """Seconds after which the kernel is below 1e-17 of its start."""
        return 40.0 / self.alpha

    def step_linear(self, step: float) -> tuple[float, float, float]:
        """(a, b, c) of y[i] = a y[i-1] + b f[i-1] + c f[i], exact for an f that is straight in the step.

        With x = alpha h, the integral of alpha exp(-alpha (h - s)) over the step is 1 - exp(-x), and with the
        weight s/h it is 1 - (1 - exp(-x))/x: the share of the newer sample.
        """
        x = self.alpha * step
        newer = 1.0 + math.expm1(-x) / x
        return math.exp(-x), -math.expm1(-x) - newer, newer

    def step_weights(self, step: float, nodes: int) -> Array:
        """Weights, shape (nodes,), of f at the Gauss-Legendre nodes of one step, for the step's integral.

        f is replaced by the polynomial through the nodes, and that is integrated against the kernel exactly.
        In Legendre polynomials on -1..1 the kernel's moments are, with c = alpha h/2 and I the modified
        Bessel function of the first kind (from the expansion of exp(c x), Abramowitz and Stegun 10.2.36):

            integral of P_j(x) c exp(-c (1 - x)) dx = sqrt(2 pi c) exp(-c) I_{j+1/2}(c)

        which, unlike Gauss's rule on the product, holds for a kernel of any sharpness.
        """
        from scipy.special import ive

        _, gauss, basis = _legendre(nodes)
        degrees = np.arange(nodes)
        c = self.alpha * step / 2.0
        moments = math.sqrt(2.0 * math.pi * c) * ive(degrees + 0.5, c)
        return gauss * (basis @ ((degrees + 0.5) * moments))


@dataclass(frozen=True, eq=False)
class SampledKernel:
    """A kernel known by its samples, for instance a recorded room; straight lines between them.

    Attributes:
        samples: shape (M,) or, for M instants of several channels, (M, C).
        rate: samples a second.
        name: what messages call it.

    Raises:
        DataError: no samples, NaN or infinite samples, or nothing but zeros.
    """

    samples: Array
    rate: int
    name: str = "the kernel"

    def __post_init__(self) -> None:
        samples = np.asarray(self.samples, dtype=np.float64)
        object.__setattr__(self, "samples", samples)
        if self.rate <= 0:
            raise DataError(f"{self.name} has a rate of {self.rate} samples a second; it must be positive")
        if samples.ndim not in (1, 2) or samples.size == 0:
            raise DataError(f"{self.name} holds no samples (shape {samples.shape}); give at least one")
        if not np.isfinite(samples).all():
            raise DataError(f"{self.name} holds NaN or infinite samples; record or export it anew")
        if not samples.any():
            raise DataError(f"{self.name} is silent: all its samples are 0; choose another")

    def __call__(self, times: ArrayLike) -> Array:
        if self.samples.ndim != 1:
            raise DataError(f"{self.name} has {self.samples.shape[1]} channels; a function of time needs one")
        instants = np.arange(len(self.samples)) / self.rate
        return np.interp(np.asarray(times), instants, self.samples, left=0.0, right=0.0)

    @property
    def reach(self) -> float:
        """Seconds after which the kernel is zero."""
        return (len(self.samples) - 1) / self.rate

    def impulse_response(self, rate: int) -> Array:
        """Weights at ``rate`` samples a second, shape (M, C), resampled if the rate differs.

        A recording's samples stand for the kernel times its own step. At another rate the step differs, so
        they are scaled by the ratio of the steps: the sum of the weights, the gain for slow signals, stays.

        Raises:
            UsageError: it lasts more than ``LONGEST_RESPONSE`` samples at ``rate``.
        """
        from scipy.signal import resample_poly

        check_length(self.reach, rate, self.name)
        samples = self.samples.reshape(len(self.samples), -1)
        if rate == self.rate:
            return samples
        common = math.gcd(rate, self.rate)
        return resample_poly(samples, rate // common, self.rate // common, axis=0) * (self.rate / rate)


Kernel = Echo | ExponentialDecay | SampledKernel


def check_length(seconds: float, rate: int, what: str) -> None:
    """Raise UsageError where ``seconds`` at ``rate`` is longer than a kernel may be."""
    if seconds * rate >= LONGEST_RESPONSE:
        longest = f"at {rate} Hz a kernel may last {LONGEST_RESPONSE / rate:.3g} s"
        raise UsageError(f"{what} of {seconds:g} s is too long; {longest}")


@functools.lru_cache
def _legendre(nodes: int) -> tuple[Array, ...]:
    """Gauss-Legendre nodes on -1..1, their weights, and P_j at the nodes, shape (nodes, nodes)."""
    places, weights = np.polynomial.legendre.leggauss(nodes)
    return places, weights, np.asarray(np.polynomial.legendre.legvander(places, nodes - 1), dtype=np.float64)


# --------------------------------------------------------------------------------- three computations


def convolve_quadrature(signal: Signal, kernel: Kernel, times: ArrayLike) -> Array:
    """(f * g)(t) by the definition: one adaptive integral (QUADPACK) at each instant, as in the tutorial.

    The slowest of the three, up to some hundred calls of f and g an instant, and the one that needs no
    thought: the oracle for the others. An :class:`Echo` needs no integral, because an impulse picks one value
    out of it: (f * g)(t) = f(t) + sum of strength f(t - delay), with f = 0 before 0.

    Args:
        signal: f, a function of the time in seconds; only t >= 0 is asked for.
        kernel: g.
        times: instants in seconds, shape (n,), in any order.

    Returns:
        The values, shape (n,).
    """
    from scipy.integrate import quad

    t = np.asarray(times, dtype=np.float64)
    if isinstance(kernel, Echo):
        repetitions = (strength * _causal(signal, t - delay) for delay, strength in kernel.taps)
        return sum(repetitions, _causal(signal, t))

    def integral(now: float) -> float:
        start = max(0.0, now - kernel.reach)  # or quad might step over a sharp kernel and see nothing of it
        return quad(lambda tau: signal(tau) * kernel(now - tau), start, now, limit=200)[0]

    return np.array([integral(now) for now in t])


def convolve_fft(
    signal: ArrayLike, kernel: ArrayLike, step: float, rule: Literal["trapezoid", "rectangle"] = "trapezoid"
) -> Array:
    """f * g at the samples' instants, through the convolution theorem: transform, multiply, transform back.

    The sum over all pairs costs O(n^2); through the fast Fourier transform it costs O(n log n). Both are
    padded with zeros to 2n - 1, or the end of one would wrap around onto the start of the other.

    The sum h * (f[0] g[i] + f[1] g[i-1] + ... + f[i] g[0]) counts both ends whole, so its error shrinks like
    the step h. The trapezoid rule counts the two ends half; that takes one subtraction and makes the error
    shrink like h^2: half the step, a quarter of the error. The arithmetic is exact to rounding; what is
    between the samples is what is missing.

    Args:
        signal: f at 0, h, 2h, ..., shape (..., n).
        kernel: g at the same instants, shape (..., n); leading axes broadcast, so many kernels take one call.
        step: h in seconds.
        rule: ``"trapezoid"`` or ``"rectangle"``.

    Raises:
        DataError: no samples, or not the same number of them.
    """
    from scipy import fft

    f, g = np.asarray(signal, dtype=np.float64), np.asarray(kernel, dtype=np.float64)
    if f.ndim == 0 or g.ndim == 0 or f.shape[-1] != g.shape[-1] or f.shape[-1] == 0:
        raise DataError(f"signal and kernel need equally many samples, got shapes {f.shape} and {g.shape}")
    n = f.shape[-1]
    size = fft.next_fast_len(2 * n - 1, real=True)
    result = fft.irfft(fft.rfft(f, size) * fft.rfft(g, size), size)[..., :n]
    if rule == "trapezoid":
        result -= 0.5 * (f[..., :1] * g + f * g[..., :1])
    return result * step


def convolve_recursion(
    signal: Signal, kernels: Sequence[ExponentialDecay], times: ArrayLike, nodes: int = 6
) -> Array:
    """(f * g)(t) for exponential kernels, from each instant to the next, in O(n).

    An exponential forgets at a constant rate, so the past need not be added up again:

        y(t + h) = exp(-alpha h) y(t) + integral over the step of f(t + s) alpha exp(-alpha (h - s)) ds

    The step's integral is exact where f is a polynomial of degree < ``nodes`` in the step, whatever alpha is;
    for other smooth f its error falls at least like h to the power ``nodes``. At the tutorial's step of 0.01
    s and its sine that is below the rounding of float64.

    Args:
        signal: f, a function of the time in seconds, evaluated ``nodes`` times a step, once for all kernels.
        kernels: K exponential decays.
        times: evenly spaced instants in seconds that begin at 0, shape (n,).
        nodes: points in each step at which f is looked at.

    Returns:
        The values, shape (K, n).

    Raises:
        DataError: the instants are not evenly spaced from 0.
    """
    from scipy.signal import lfilter

    t = np.asarray(times, dtype=np.float64)
    step = _step(t)
    places = (_legendre(nodes)[0] + 1.0) * (step / 2.0)
    values = signal(t[:-1, None] + places)  # (n - 1, nodes)
    result = np.zeros((len(kernels), len(t)))
    for row, kernel in zip(result, kernels):
        parts = values @ kernel.step_weights(step, nodes)
        row[1:] = lfilter([1.0], [1.0, -math.exp(-kernel.alpha * step)], parts)
    return result


def sine_closed_form(alpha: float, times: ArrayLike) -> Array:
    """The convolution of sin(2 pi t) with the exponential decay, solved on paper.

    With w = 2 pi: alpha / (alpha^2 + w^2) * (alpha sin wt - w cos wt + w exp(-alpha t)). The last term is the
    start, which dies away; the others are the same sine, weaker and later.
    """
    t, w = np.asarray(times, dtype=np.float64), 2.0 * math.pi
    bracket = alpha * np.sin(w * t) - w * np.cos(w * t) + w * np.exp(-alpha * t)
    return alpha / (alpha**2 + w**2) * bracket


def sine_gain(alpha: float) -> float:
    """Amplitude of the tutorial's sine behind the exponential decay, once the start has died away.

    alpha / sqrt(alpha^2 + w^2) with w = 2 pi: the kernel holds no impulse at 0, so it is a low-pass filter.
    """
    return alpha / math.hypot(alpha, 2.0 * math.pi)


def sine_delay(alpha: float) -> float:
    """Seconds by which the sine of :func:`sine_gain` comes later: atan(w / alpha) / w, at most a quarter period."""
    return math.atan2(2.0 * math.pi, alpha) / (2.0 * math.pi)


def _causal(signal: Signal, t: Array) -> Array:
    return np.where(t < 0, 0.0, signal(np.maximum(t, 0.0)))


def _step(t: Array) -> float:
    steps = np.diff(t) if t.ndim == 1 else np.empty(0)
    even = len(steps) > 0 and steps[0] > 0 and np.allclose(steps, steps[0], rtol=1e-6, atol=0)
    if not even or t[0] != 0:
        raise DataError("the instants must be at least two, begin at 0 and be evenly spaced")
    return float(t[-1] / (len(t) - 1))


# ------------------------------------------------------------------------------ what breaks, and tests


def drifting_echo(
    signal: Signal, times: ArrayLike, delay: float = 0.3, drift: float = 0.25, strength: float = 0.6
) -> Array:
    """An echo whose delay grows: f(t) + strength f(t - delay - drift t). Linear, but not time-invariant.

    The same sound made later finds the wall farther away and comes back later still, so no one kernel
    describes this system, and it is no convolution. It even changes the pitch, which no convolution can: the
    echo's frequency is 1 - drift times the sound's (the Doppler effect).
    """
    t = np.asarray(times, dtype=np.float64)
    return _causal(signal, t) + strength * _causal(signal, t - delay - drift * t)


@dataclass(frozen=True, eq=False)
class Comparison:
    """What the three computations give for one alpha of the tutorial's figure.

    Attributes:
        alpha: in 1/s.
        values: the recursion's result at the tutorial's instants, shape (500,).
        max_error: method to its largest difference from the closed form.
        seconds: method to the processor's time for the 500 points.
    """

    alpha: float
    values: Array
    max_error: Mapping[str, float]
    seconds: Mapping[str, float]


def compare_methods(alphas: Sequence[float] = TUTORIAL_ALPHAS) -> list[Comparison]:
    """Run the tutorial's program for each alpha by all three computations; measure error and time of each."""
    methods: dict[str, Callable[[ExponentialDecay, Array], Array]] = {
        "quadrature": lambda kernel, t: convolve_quadrature(sine, kernel, t),
        "fft": lambda kernel, t: convolve_fft(sine(t), kernel(t), t[1]),
        "recursion": lambda kernel, t: convolve_recursion(sine, [kernel], t)[0],
    }
    for compute in methods.values():
        compute(
            ExponentialDecay(1.0), tutorial_times(3)
        )  # the first call imports scipy, which must not count
    t = tutorial_times()
    compared = []
    for alpha in alphas:
        kernel = ExponentialDecay(alpha)
        exact = sine_closed_form(alpha, t)
        values, errors, seconds = exact, {}, {}
        for method, compute in methods.items():
            values, seconds[method] = timed(functools.partial(compute, kernel, t))
            errors[method] = float(np.abs(values - exact).max())
        compared.append(Comparison(alpha, values, errors, seconds))
    return compared


def fft_convergence(alpha: float, halvings: int = 3) -> list[tuple[float, float, float]]:
    """(step in seconds, error by rectangles, error by trapezoids) of the FFT method as the step is halved."""
    rows = []
    for halving in range(halvings + 1):
        t = tutorial_times((TUTORIAL_POINTS - 1) * 2**halving + 1)
        exact, f, g = sine_closed_form(alpha, t), sine(t), ExponentialDecay(alpha)(t)
        rectangle = np.abs(convolve_fft(f, g, t[1], "rectangle") - exact).max()
        trapezoid = np.abs(convolve_fft(f, g, t[1], "trapezoid") - exact).max()
        rows.append((float(t[1]), float(rectangle), float(trapezoid)))
    return rows


def timed(compute: Callable[[], Array]) -> tuple[Array, float]:
    """What ``compute`` returns, and its mean processor time in seconds.

    The processor's time, since the clock on the wall also counts what other programs do; and the mean over
    enough runs to fill 20 ms, since one run may be shorter than the counter's tick.
    """
    start, runs = time.process_time(), 0
    while runs == 0 or time.process_time() - start < 0.02:
        values, runs = compute(), runs + 1
    return values, (time.process_time() - start) / runs
