"""Gabor fits of synthetic filters."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decanet.insight.gabor import fit_gabor
from tests.insight.test_filter_statistics import gabor


@settings(max_examples=12, deadline=None)
@given(
    angle=st.floats(0, 179), frequency=st.floats(0.12, 0.35), aside=st.floats(1.5, 3.5), phase=st.floats(0, 6.28),
    size=st.sampled_from([7, 9, 11]),
)  # fmt: skip
def test_a_fit_recovers_its_own_gabor(
    angle: float, frequency: float, aside: float, phase: float, size: int
) -> None:
    values = gabor(size, angle, frequency, 1.8, aside, phase)
    found = fit_gabor(values)
    assert found.r2 > 0.995
    np.testing.assert_allclose(found.values, values, atol=0.1)
    if size > 7:  # a few periods are needed to tell the numbers of the wave from those of the envelope
        assert abs((found.orientation - angle + 90) % 180 - 90) < 5


def test_a_fit_names_frequency_and_bandwidth() -> None:
    found = fit_gabor(gabor(15, 60, 0.2, 2.5, 2.5))
    assert found.frequency == pytest.approx(0.2, abs=0.005)
    assert found.orientation == pytest.approx(60, abs=1)
    # The spectrum is a Gaussian of standard deviation 1/(2 pi sigma), half as high at sqrt(2 ln 2) of it.
    half = np.sqrt(2 * np.log(2)) / (2 * np.pi * 2.5)
    assert found.bandwidth == pytest.approx(np.log2((0.2 + half) / (0.2 - half)), abs=0.05)


def test_noise_is_no_gabor() -> None:
    noise = np.random.default_rng(0).normal(size=(11, 11))
    assert fit_gabor(noise).r2 < 0.6


def test_small_and_constant_patterns_are_refused() -> None:
    with pytest.raises(ValueError, match="8 numbers and a 3x3 kernel only 9"):
        fit_gabor(np.ones((3, 3)))
    with pytest.raises(ValueError, match="constant"):
        fit_gabor(np.ones((7, 7)))
