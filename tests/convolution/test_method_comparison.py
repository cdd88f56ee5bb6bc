"""The measured accuracy and time of the three computations."""

import numpy as np

from decanet.convolution.method_comparison import compare_methods, fft_convergence
from decanet.convolution.signals import (
    sine_closed_form,
    tutorial_times,
)


def test_fft_error_falls_like_the_step_and_its_square():
    steps, rectangles, trapezoids = np.array(fft_convergence(5.0)).T
    np.testing.assert_allclose(steps[:-1] / steps[1:], 2.0)
    np.testing.assert_allclose(rectangles[:-1] / rectangles[1:], 2.0, rtol=0.02)
    np.testing.assert_allclose(trapezoids[:-1] / trapezoids[1:], 4.0, rtol=0.02)
    assert trapezoids[0] < 1e-3


def test_comparison_measures_each_method():
    (compared,) = compare_methods([2.0])
    assert compared.max_error["quadrature"] < 1e-12
    assert compared.max_error["recursion"] < 1e-12
    assert 1e-6 < compared.max_error["fft"] < 1e-3
    np.testing.assert_allclose(compared.values, sine_closed_form(2.0, tutorial_times()), atol=1e-12)
    for quick in ("fft", "recursion"):  # over 1,000 by the benchmark; here only no mistake of kind
        assert compared.seconds["quadrature"] > 100 * compared.seconds[quick]
