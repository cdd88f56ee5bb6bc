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

import math
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from decanet.convolution.impulse_responses import Array, Echo, ExponentialDecay, SampledKernel, legendre
from decanet.core.errors import DataError

Signal = Callable[[ArrayLike], Array]
Kernel = Echo | ExponentialDecay | SampledKernel

TUTORIAL_ALPHAS = (0.01, 0.1, 0.3, 0.5, 0.6, 0.8, 1.0, 1.1, 1.4, 1.5, 2.0, 2.5, 5.0)  # 1/s
TUTORIAL_POINTS = 500
TUTORIAL_SECONDS = 5.0


def tutorial_times(points: int = TUTORIAL_POINTS) -> Array:
    """The tutorial's instants: ``points`` of them on 0 to 5 s, in seconds, shape (points,)."""
    return np.linspace(0.0, TUTORIAL_SECONDS, points)


def sine(times: ArrayLike) -> Array:
    """The tutorial's signal, sin(2 pi t), for t in seconds."""
    return np.sin(2.0 * np.pi * np.asarray(times))


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
    places = (legendre(nodes)[0] + 1.0) * (step / 2.0)
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
