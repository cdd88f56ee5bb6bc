"""The worked example of a discrete convolution in one dimension."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decanet.convolution.layer_examples.convolution_1d import compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import all_words, cells, check_sums


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 8), st.integers(1, 5), st.integers(0, 10**6))
def test_it_is_numpys_convolution_and_correlation(samples, kernel, seed):
    r = compute(samples=samples, kernel=kernel, seed=seed)
    np.testing.assert_allclose(r.y, np.convolve(r.f, r.g))
    np.testing.assert_allclose(r.correlation, np.correlate(r.f, r.g, mode="full"))
    assert check_sums(text(r)) == len(r.y)


def test_the_kernel_is_drawn_flipped_at_every_position():
    r = compute()
    figure = draw(r)
    np.testing.assert_allclose(cells(figure, "signal f"), r.f)
    np.testing.assert_allclose(cells(figure, "g flipped"), r.g[::-1])
    assert f"y[{len(r.y) - 1}] = " in all_words(figure)


@pytest.mark.parametrize("chosen", [{"samples": 0}, {"samples": 9}, {"kernel": 6}, {"seed": -1}])
def test_impossible_settings_are_refused(chosen):
    with pytest.raises(UsageError):
        compute(**chosen)
