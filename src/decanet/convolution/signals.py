"""Convolution of signals in one dimension: its definition, three ways to compute it, and its laws.

A loudspeaker, a room or a valley responds to a short clap with its *impulse response* g(t), the kernel. If the system
is linear and time-invariant, its response to any signal f is the sum of the responses to all instants of it:

    (f * g)(t) = integral from 0 to t of f(tau) g(t - tau) d tau

The integral begins at 0 because f is 0 before, and ends at t because g is causal: no room responds to a clap before
it sounds. An echo is the simplest kernel: 1 at 0 (the sound itself) and epsilon at a delay.

There are three computations, here for n instants:

=================== ============================ ============================================================
computation         cost                         accuracy
=================== ============================ ============================================================
convolve_quadrature n adaptive integrals         the definition itself, near 1e-14 for smooth signals
convolve_fft        O(n log n)                   limited by the sampling: O(h) with the rectangle rule, O(h^2)
                                                 with the trapezoidal rule, where h is the step
convolve_recursion  O(n), exponential kernels    exact for signals that are polynomials within a step; error
                                                 below 1e-12 for the tutorial's sine and every alpha
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
    """Return the instants of the tutorial in seconds, 0 to 5 s, shape (points,)."""
    return np.linspace(0.0, TUTORIAL_SECONDS, points)


def sine(times: ArrayLike) -> Array:
    """Return the signal of the tutorial, sin(2 pi t), for t in seconds."""
    return np.sin(2.0 * np.pi * np.asarray(times))


def convolve_quadrature(signal: Signal, kernel: Kernel, times: ArrayLike) -> Array:
    """Compute (f * g)(t) by its definition: one adaptive integral (QUADPACK) for each instant, as in the tutorial.

    This is the slowest of the three computations, with up to some hundred evaluations of f and g for each instant, and
    the reference for the others. An :class:`Echo` needs no integral, because the integral of an impulse times f is a
    value of f: (f * g)(t) = f(t) + sum of strength f(t - delay), with f = 0 before 0.

    Args:
        signal: f, a function of the time in seconds, evaluated for t >= 0 only.
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
        start = max(0.0, now - kernel.reach)  # otherwise quad may miss a narrow kernel
        return quad(lambda tau: signal(tau) * kernel(now - tau), start, now, limit=200)[0]

    return np.array([integral(now) for now in t])


def convolve_fft(
    signal: ArrayLike, kernel: ArrayLike, step: float, rule: Literal["trapezoid", "rectangle"] = "trapezoid"
) -> Array:
    """Compute f * g at the instants of the samples by the convolution theorem: transform, multiply, transform back.

    The sum over all pairs costs O(n^2); with the fast Fourier transform it costs O(n log n). Both are padded with zeros
    to 2n - 1, since the transform is periodic and the end of the result would otherwise be added to its start.

    The rectangle rule h * (f[0] g[i] + f[1] g[i-1] + ... + f[i] g[0]) has an error of O(h), where h is the step. The
    trapezoidal rule halves the first and the last term, and has an error of O(h^2): half the step gives a quarter of
    the error. The sums are exact to rounding; the error comes from what lies between the samples.

    Args:
        signal: f at 0, h, 2h, ..., shape (..., n).
        kernel: g at the same instants, shape (..., n); leading axes broadcast, so many kernels take one call.
        step: h in seconds.
        rule: ``"trapezoid"`` or ``"rectangle"``.

    Raises:
        DataError: there are no samples, or f and g differ in their number.
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
    """Compute (f * g)(t) for exponential kernels recursively, from each instant to the next, in O(n).

    An exponential decays by the same factor in every step, so the integral over the past need not be computed again:

        y(t + h) = exp(-alpha h) y(t) + integral over the step of f(t + s) alpha exp(-alpha (h - s)) ds

    The integral over the step is exact where f is a polynomial of degree < ``nodes`` within the step, for every alpha.
    For other smooth f the error is at most of order h to the power ``nodes``: for the tutorial's sine and its step of
    0.01 s it is below the rounding of float64.

    Args:
        signal: f, a function of the time in seconds, evaluated ``nodes`` times in each step, once for all kernels.
        kernels: K exponential decays.
        times: evenly spaced instants in seconds that begin at 0, shape (n,).
        nodes: Gauss-Legendre nodes of each step.

    Returns:
        The values, shape (K, n).

    Raises:
        DataError: the instants are not evenly spaced from 0.
    """
    from scipy.signal import lfilter

    t = np.asarray(times, dtype=np.float64)
    step = _step(t)
    points = (legendre(nodes)[0] + 1.0) * (step / 2.0)
    values = signal(t[:-1, None] + points)  # (n - 1, nodes)
    result = np.zeros((len(kernels), len(t)))
    for row, kernel in zip(result, kernels):
        parts = values @ kernel.step_weights(step, nodes)
        row[1:] = lfilter([1.0], [1.0, -math.exp(-kernel.alpha * step)], parts)
    return result


def sine_closed_form(alpha: float, times: ArrayLike) -> Array:
    """Return the convolution of sin(2 pi t) with the exponential decay in closed form.

    With w = 2 pi: alpha / (alpha^2 + w^2) * (alpha sin wt - w cos wt + w exp(-alpha t)). The last term is the
    transient, which decays; the others are the same sine, attenuated and delayed.
    """
    t, w = np.asarray(times, dtype=np.float64), 2.0 * math.pi
    bracket = alpha * np.sin(w * t) - w * np.cos(w * t) + w * np.exp(-alpha * t)
    return alpha / (alpha**2 + w**2) * bracket


def sine_gain(alpha: float) -> float:
    """Return the amplitude of the tutorial's sine after the exponential decay, without the transient.

    alpha / sqrt(alpha^2 + w^2) with w = 2 pi: the kernel has no impulse at 0, so it is a low-pass filter.
    """
    return alpha / math.hypot(alpha, 2.0 * math.pi)


def sine_delay(alpha: float) -> float:
    """Return the delay of the sine of :func:`sine_gain` in seconds: atan(w / alpha) / w, at most a quarter period."""
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
    """Compute an echo whose delay grows, f(t) + strength f(t - delay - drift t): linear, but not time-invariant.

    The delay of the echo depends on when the sound was made, so no single kernel describes this system, and it is no
    convolution. It also changes the pitch, which a convolution cannot: the frequency of the echo is 1 - drift times
    that of the sound (the Doppler effect).
    """
    t = np.asarray(times, dtype=np.float64)
    return _causal(signal, t) + strength * _causal(signal, t - delay - drift * t)
