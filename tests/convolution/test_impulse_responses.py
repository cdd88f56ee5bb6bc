"""Kernels of one dimension against their definitions."""

import math

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.signal import freqz

from decanet.convolution.impulse_responses import (
    LONGEST_RESPONSE,
    Echo,
    ExponentialDecay,
    Reverb,
    SampledKernel,
)
from decanet.convolution.signals import (
    convolve_fft,
    convolve_quadrature,
    convolve_recursion,
    sine,
)
from decanet.core.errors import DataError, UsageError


def test_decay_is_causal_and_has_unit_integral():
    kernel = ExponentialDecay(0.8)
    assert quad(kernel, 0, np.inf)[0] == pytest.approx(1.0)
    np.testing.assert_array_equal(kernel([-1.0, 0.0]), [0.0, 0.8])


@pytest.mark.parametrize(("alpha", "step"), [(0.01, 2e-5), (5.0, 0.01), (300.0, 0.1)])
def test_linear_step_is_the_integral_over_a_straight_line(alpha, step):
    kept, older, newer = ExponentialDecay(alpha).step_linear(step)
    decay = lambda s: alpha * math.exp(-alpha * (step - s))  # noqa: E731
    near = max(0.0, step - 40 / alpha)
    assert kept == pytest.approx(math.exp(-alpha * step))
    assert newer == pytest.approx(quad(lambda s: decay(s) * s / step, near, step)[0], rel=1e-6)
    assert older == pytest.approx(quad(lambda s: decay(s) * (1 - s / step), near, step)[0], rel=1e-6)


def test_echo_is_the_sound_and_its_repetitions():
    echo = Echo(((0.3, 0.5), (0.6, -0.25)))
    values = convolve_quadrature(sine, echo, [0.1, 0.4, 1.0])
    expected = [
        sine(0.1),
        sine(0.4) + 0.5 * sine(0.1),
        sine(1.0) + 0.5 * sine(0.7) - 0.25 * sine(0.4),
    ]
    np.testing.assert_allclose(values, expected)


def test_echo_has_one_weight_for_each_repetition():
    response = Echo(((0.5, 0.5), (0.2, 0.25), (0.5, 0.125))).impulse_response(10)
    np.testing.assert_array_equal(response[:, 0], [1, 0, 0.25, 0, 0, 0.625])
    np.testing.assert_array_equal(Echo(()).impulse_response(10), [[1.0]])


def test_a_sampled_kernel_is_linear_between_samples_and_zero_outside():
    kernel = SampledKernel(np.array([2.0, 4.0, 0.0]), sample_rate=10)
    np.testing.assert_allclose(kernel([-0.1, 0.0, 0.05, 0.15, 0.3]), [0, 2, 3, 2, 0])
    values = convolve_quadrature(np.ones_like, kernel, [0.1, 5.0])
    np.testing.assert_allclose(values, [0.3, 0.5])  # areas under the two lines


def test_resampling_keeps_the_gain_at_low_frequencies():
    times = np.arange(4410) / 44100
    kernel = SampledKernel(ExponentialDecay(60.0)(times) * np.cos(900 * times), sample_rate=44100)
    for frequency in (20.0, 300.0):
        gains = []
        for rate in (44100, 48000, 16000):
            _, gain = freqz(kernel.impulse_response(rate)[:, 0], worN=[2 * np.pi * frequency / rate])
            gains.append(gain[0])
        np.testing.assert_allclose(gains[1:], gains[0], rtol=0.02)


def test_channels_are_resampled_separately():
    noise = np.random.default_rng(0).standard_normal((100, 2))
    both = SampledKernel(noise, 8000).impulse_response(12000)
    assert both.shape == (150, 2)
    alone = SampledKernel(noise[:, 1], 8000).impulse_response(12000)
    np.testing.assert_allclose(both[:, 1:], alone)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: ExponentialDecay(0.0), UsageError, "positive"),
        (lambda: ExponentialDecay(math.nan), UsageError, "positive"),
        (lambda: Echo(((-0.1, 1.0),)), UsageError, "0 seconds or more"),
        (lambda: Echo(((math.inf, 1.0),)), UsageError, "0 seconds or more"),
        (lambda: Echo(((0.1, math.nan),)), UsageError, "finite"),
        (lambda: Echo(((1e6, 0.5),)).impulse_response(48000), UsageError, "too long"),
        (lambda: SampledKernel(np.array([]), 8000), DataError, "no samples"),
        (lambda: SampledKernel(np.array([1.0, math.nan]), 8000), DataError, "NaN"),
        (lambda: SampledKernel(np.zeros(9), 8000), DataError, "silent"),
        (lambda: SampledKernel(np.ones(9), 0), DataError, "positive"),
        (lambda: SampledKernel(np.ones((9, 2)), 8000)(0.0), DataError, "2 channels"),
        (lambda: SampledKernel(np.ones(99), 1).impulse_response(LONGEST_RESPONSE), UsageError, "too long"),
        (lambda: convolve_fft([1.0, 2.0], [1.0], 0.1), DataError, "equally many"),
        (lambda: convolve_fft([], [], 0.1), DataError, "equally many"),
        (lambda: convolve_recursion(sine, [], [0.0]), DataError, "evenly spaced"),
        (lambda: convolve_recursion(sine, [], [0.0, 0.1, 0.3]), DataError, "evenly spaced"),
        (lambda: convolve_recursion(sine, [], [0.1, 0.2, 0.3]), DataError, "begin at 0"),
    ],
)
def test_bad_input_is_one_line(make, error, message):
    with pytest.raises(error, match=message) as caught:
        make()
    assert "\n" not in caught.value.line


def test_reverb_decays_by_60_db_in_its_time_with_the_energy_of_the_direct_sound():
    response = Reverb(1.5, seed=3, channels=2).impulse_response(8000)
    np.testing.assert_array_equal(response[0], 1.0)
    np.testing.assert_allclose((response[1:] ** 2).sum(axis=0), 1.0)
    loudness = 10 * np.log10((response[1:, 0].reshape(60, -1) ** 2).mean(axis=1))
    slope = np.polyfit((np.arange(60) + 0.5) * 1.5 / 60, loudness, 1)[0]
    assert slope * 1.5 == pytest.approx(-60.0, abs=2.0)
    assert abs(np.corrcoef(response[1:].T)[0, 1]) < 0.1


def test_reverb_is_a_function_of_its_seed():
    first = Reverb(0.1, seed=1).impulse_response(8000)
    np.testing.assert_array_equal(first, Reverb(0.1, seed=1).impulse_response(8000))
    assert not np.array_equal(first, Reverb(0.1, seed=2).impulse_response(8000))
