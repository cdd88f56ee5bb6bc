"""Accuracy and time of the three computations of :mod:`decanet.convolution.signals`, measured."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from decanet.convolution.impulse_responses import Array, ExponentialDecay
from decanet.convolution.signals import (
    TUTORIAL_ALPHAS,
    TUTORIAL_POINTS,
    convolve_fft,
    convolve_quadrature,
    convolve_recursion,
    sine,
    sine_closed_form,
    tutorial_times,
)


@dataclass(frozen=True, eq=False)
class Comparison:
    """Result, accuracy and time of the three computations for one alpha.

    Attributes:
        alpha: in 1/s.
        values: the result of the recursion at the instants of the tutorial, shape (500,).
        max_error: largest difference from the closed form, by method.
        seconds: processor time for the 500 points, by method.
    """

    alpha: float
    values: Array
    max_error: Mapping[str, float]
    seconds: Mapping[str, float]


def compare_methods(alphas: Sequence[float] = TUTORIAL_ALPHAS) -> list[Comparison]:
    """Run the program of the tutorial for each alpha with all three computations, and measure each."""
    methods: dict[str, Callable[[ExponentialDecay, Array], Array]] = {
        "quadrature": lambda kernel, t: convolve_quadrature(sine, kernel, t),
        "fft": lambda kernel, t: convolve_fft(sine(t), kernel(t), t[1]),
        "recursion": lambda kernel, t: convolve_recursion(sine, [kernel], t)[0],
    }
    for compute in methods.values():
        compute(ExponentialDecay(1.0), tutorial_times(3))  # the first call imports scipy: not timed
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
    """Return (step in seconds, error of the rectangle rule, error of the trapezoidal rule) as the step is halved."""
    rows = []
    for halving in range(halvings + 1):
        t = tutorial_times((TUTORIAL_POINTS - 1) * 2**halving + 1)
        exact, f, g = sine_closed_form(alpha, t), sine(t), ExponentialDecay(alpha)(t)
        rectangle = np.abs(convolve_fft(f, g, t[1], "rectangle") - exact).max()
        trapezoid = np.abs(convolve_fft(f, g, t[1], "trapezoid") - exact).max()
        rows.append((float(t[1]), float(rectangle), float(trapezoid)))
    return rows


def timed(compute: Callable[[], Array]) -> tuple[Array, float]:
    """Return the result of ``compute`` and its mean processor time in seconds.

    Processor time does not include other programs. The mean is over enough runs to take 20 ms, since one run may be
    shorter than the resolution of the clock.
    """
    start, runs = time.process_time(), 0
    while runs == 0 or time.process_time() - start < 0.02:
        values, runs = compute(), runs + 1
    return values, (time.process_time() - start) / runs
