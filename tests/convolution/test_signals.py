"""The three computations against the closed form and each other, and the laws of convolution."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.integrate import quad

from decanet.convolution.impulse_responses import ExponentialDecay
from decanet.convolution.signals import (
    TUTORIAL_ALPHAS,
    convolve_fft,
    convolve_quadrature,
    convolve_recursion,
    drifting_echo,
    sine,
    sine_closed_form,
    tutorial_times,
)

samples = arrays(np.float64, 40, elements=st.floats(-1, 1, width=32))
factors = st.floats(-3, 3, width=32)
rules = st.sampled_from(["trapezoid", "rectangle"])


@pytest.mark.parametrize("alpha", TUTORIAL_ALPHAS)
def test_closed_form_is_the_integral(alpha):
    times = np.array([0.0, 0.01, 0.37, 1.0, 2.6, 5.0])
    integral = [
        quad(lambda s, t=t: math.sin(2 * math.pi * s) * alpha * math.exp(-alpha * (t - s)), 0, t)[0]
        for t in times
    ]
    np.testing.assert_allclose(sine_closed_form(alpha, times), integral, atol=1e-12)


@pytest.mark.parametrize("alpha", TUTORIAL_ALPHAS)
def test_quadrature_gives_the_closed_form(alpha):
    times = np.linspace(0, 5, 9)
    values = convolve_quadrature(sine, ExponentialDecay(alpha), times)
    np.testing.assert_allclose(values, sine_closed_form(alpha, times), atol=1e-12)


def test_quadrature_integrates_a_narrow_kernel():
    times = np.array([0.3, 5.0])
    values = convolve_quadrature(sine, ExponentialDecay(1e5), times)
    np.testing.assert_allclose(values, sine_closed_form(1e5, times), atol=1e-9)


def test_recursion_gives_the_closed_form_for_every_alpha():
    times = tutorial_times()
    assert times.shape == (500,)
    alphas = [*TUTORIAL_ALPHAS, 1e-6, 50.0, 1e3, 1e8]
    values = convolve_recursion(sine, [ExponentialDecay(alpha) for alpha in alphas], times)
    exact = np.stack([sine_closed_form(alpha, times) for alpha in alphas])
    np.testing.assert_allclose(values, exact, rtol=0, atol=1e-12)


def test_recursion_is_exact_for_polynomials_however_coarse_the_step():
    def cubic(t):
        t = np.asarray(t)
        return 1.0 - 2.0 * t + 0.5 * t**3

    times = np.linspace(0, 6, 5)
    kernels = [ExponentialDecay(alpha) for alpha in (0.2, 3.0, 30.0)]
    values = convolve_recursion(cubic, kernels, times, nodes=4)
    for row, kernel in zip(values, kernels):
        np.testing.assert_allclose(row, convolve_quadrature(cubic, kernel, times), rtol=1e-10, atol=1e-10)


def test_recursion_agrees_with_quadrature_on_another_signal():
    def burst(t):
        return np.exp(-np.asarray(t)) * np.cos(9.0 * np.asarray(t) ** 1.5)

    times = np.linspace(0, 2, 201)
    kernel = ExponentialDecay(1.7)
    values = convolve_recursion(burst, [kernel], times)[0]
    np.testing.assert_allclose(values[::40], convolve_quadrature(burst, kernel, times[::40]), atol=1e-7)


@given(f=samples, g=samples, rule=st.sampled_from(["trapezoid", "rectangle"]))
@settings(max_examples=40, deadline=None)
def test_fft_equals_the_sum_of_the_definition(f, g, rule):
    step = 0.1
    for i, value in enumerate(convolve_fft(f, g, step, rule)):
        products = f[: i + 1] * g[i::-1]
        expected = step * products.sum() if rule == "rectangle" else np.trapezoid(products, dx=step)
        assert value == pytest.approx(expected, abs=1e-13)


def test_fft_takes_many_kernels_at_once():
    f, g = np.random.default_rng(0).standard_normal((2, 3, 64))
    together = convolve_fft(f[0], g, 0.5)
    assert together.shape == (3, 64)
    for row, kernel in zip(together, g):
        np.testing.assert_allclose(row, convolve_fft(f[0], kernel, 0.5), atol=1e-13)


def star(f, g, rule="rectangle"):
    return convolve_fft(f, g, 0.05, rule)


@given(f=samples, h=samples, g=samples, a=factors, b=factors, rule=rules)
@settings(max_examples=40, deadline=None)
def test_linearity(f, h, g, a, b, rule):
    together = star(a * f + b * h, g, rule)
    np.testing.assert_allclose(together, a * star(f, g, rule) + b * star(h, g, rule), atol=1e-12)


@given(f=samples, g=samples, rule=rules)
@settings(max_examples=40, deadline=None)
def test_commutativity(f, g, rule):
    np.testing.assert_allclose(star(f, g, rule), star(g, f, rule), atol=1e-13)


@given(f=samples, g=samples, k=samples)
@settings(max_examples=40, deadline=None)
def test_associativity(f, g, k):
    np.testing.assert_allclose(star(star(f, g), k), star(f, star(g, k)), atol=1e-12)


def test_associativity_of_the_continuous_definition():
    """Two decays after each other are one kernel, ab (exp(-at) - exp(-bt))/(b - a)."""
    a, b, times = 0.7, 3.0, np.array([0.4, 2.3])
    both = lambda t: a * b * (np.exp(-a * t) - np.exp(-b * t)) / (b - a)  # noqa: E731
    first = lambda t: sine_closed_form(a, t)  # noqa: E731
    one_after_the_other = convolve_quadrature(first, ExponentialDecay(b), times)
    at_once = [quad(lambda s, t=t: sine(s) * both(t - s), 0, t)[0] for t in times]
    np.testing.assert_allclose(one_after_the_other, at_once, atol=1e-10)


@given(f=samples, g=samples, late=st.integers(0, 39))
@settings(max_examples=40, deadline=None)
def test_time_invariance(f, g, late):
    def delayed(signal):
        return np.concatenate([np.zeros(late), signal[: len(signal) - late]])

    np.testing.assert_allclose(star(delayed(f), g), delayed(star(f, g)), atol=1e-13)


@given(f=samples, g=samples)
@settings(max_examples=40, deadline=None)
def test_convolution_theorem(f, g):
    padding = np.zeros(len(f))  # room for the whole result, 2n - 1
    whole = star(np.concatenate([f, padding]), np.concatenate([g, padding]))
    size = len(whole)
    np.testing.assert_allclose(
        np.fft.fft(whole), np.fft.fft(f, size) * np.fft.fft(g, size) * 0.05, atol=1e-11
    )


def test_a_drifting_echo_is_linear_but_not_time_invariant():
    times = np.linspace(0, 4, 401)
    late = 1.0

    def clap(t):
        return np.exp(-(((np.asarray(t) - 0.2) / 0.05) ** 2))

    def late_clap(t):
        return clap(np.asarray(t) - late)

    for drift, equal in ((0.0, True), (0.25, False)):
        in_late = drifting_echo(late_clap, times, 0.3, drift)
        out_late = np.where(times < late, 0.0, drifting_echo(clap, times - late, 0.3, drift))
        assert np.allclose(in_late, out_late, atol=1e-6) is equal
    doubled = drifting_echo(lambda t: 2.0 * clap(t) + sine(t), times)
    np.testing.assert_allclose(
        doubled, 2.0 * drifting_echo(clap, times) + drifting_echo(sine, times), atol=1e-12
    )


def test_a_drifting_echo_changes_the_pitch():
    rate = 2000
    times = np.arange(4 * rate) / rate
    tone = lambda t: np.sin(2 * np.pi * 100 * np.asarray(t))  # noqa: E731
    alone = drifting_echo(tone, times, delay=0.0, drift=0.25, strength=1.0) - tone(times)
    spectrum = np.abs(np.fft.rfft(alone))
    assert np.argmax(spectrum) * rate / len(times) == pytest.approx(75.0)
