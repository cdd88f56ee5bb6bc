"""The worked example of two convolutions that fold into one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import convolve2d

from decanet.convolution.layer_examples.folding import compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import cells


@settings(max_examples=30, deadline=None)
@given(st.integers(5, 7), st.integers(1, 3), st.integers(1, 3), st.integers(0, 10**6))
def test_the_folded_kernel_is_the_convolution_of_both(size, first, second, seed):
    r = compute(size=size, first=first, second=second, seed=seed)
    np.testing.assert_allclose(r.folded, convolve2d(r.first, r.second))
    x, a, b = (torch.tensor(v[None, None]) for v in (r.x, r.first, r.second))
    in_a_row = torch.nn.functional.conv2d(torch.nn.functional.conv2d(x, a), b)
    np.testing.assert_allclose(r.at_once, in_a_row[0, 0].numpy())
    assert r.difference == r.odd_part == 0
    between = torch.nn.functional.conv2d(torch.nn.functional.conv2d(x, a).relu(), b)
    np.testing.assert_allclose(r.with_relu, between[0, 0].numpy())


def test_the_default_shows_that_relu_prevents_folding():
    r = compute()
    assert r.difference_with_relu > 0
    assert r.odd_part_with_relu > 0
    assert (r.hidden > 0).any()
    assert (r.hidden < 0).any()
    assert f"{r.difference_with_relu:.0f} with a ReLU" in text(r)
    figure = draw(r)
    np.testing.assert_allclose(cells(figure, "ReLU(hidden)"), np.maximum(r.hidden, 0).ravel())
    np.testing.assert_allclose(cells(figure, "first and second, folded"), r.folded.ravel())


@pytest.mark.parametrize("chosen", [{"first": 4}, {"second": 0}, {"size": 4}, {"size": 8}])
def test_impossible_settings_are_refused(chosen):
    with pytest.raises(UsageError):
        compute(**chosen)
