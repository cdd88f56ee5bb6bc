"""The worked example of a convolution."""

import re

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from decanet.convolution.layer_examples.convolution import compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import cells, check_sums

SETTINGS = st.fixed_dictionaries(
    {
        "size": st.integers(1, 7), "kernel": st.integers(1, 5), "stride": st.integers(1, 3),
        "padding": st.integers(0, 2), "dilation": st.integers(1, 2), "seed": st.integers(0, 10**6),
    }
)  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(SETTINGS)
def test_outputs_and_gradients_equal_autograd(chosen):
    try:
        r = compute(**chosen)
    except UsageError:
        assume(False)
    x, weight = (torch.tensor(v[None, None], requires_grad=True) for v in (r.x, r.weight))
    bias = torch.tensor([r.bias], dtype=torch.float64, requires_grad=True)
    y = torch.nn.functional.conv2d(x, weight, bias, r.stride, r.padding, r.dilation)
    y.backward(torch.tensor(r.grad_y[None, None]))
    pairs = [(r.y, y), (r.grad_x, x.grad), (r.grad_weight, weight.grad), (r.grad_bias, bias.grad)]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.detach().numpy().squeeze(), atol=1e-12)


@pytest.mark.parametrize(
    "chosen", [{}, {"size": 6, "stride": 2, "padding": 1, "seed": 3}, {"kernel": 2, "dilation": 2, "seed": 5}]
)
def test_printed_sums_and_drawn_cells_are_right(chosen):
    r = compute(**chosen)
    shown = text(r)
    assert check_sums(re.sub(r"\n +\+", " +", shown).replace(" (b)", "")) >= 8
    figure = draw(r)
    padded = np.pad(r.x, r.padding)
    for title, values in (("x", padded), ("W", r.weight), ("y", r.y), ("dL/dy", r.grad_y), ("dL/dW", r.grad_weight),
                          ("dL/dx", r.grad_x)):  # fmt: skip
        np.testing.assert_allclose(cells(figure, title), values.ravel())


@pytest.mark.parametrize("chosen", [{"size": 8}, {"kernel": 6}, {"size": 2}, {"padding": 9}, {"stride": 0}])
def test_impossible_settings_are_refused(chosen):
    with pytest.raises(UsageError):
        compute(**chosen)


def test_no_printed_line_is_longer_than_a_hundred_characters():
    for chosen in ({}, {"size": 7, "kernel": 5, "padding": 1}, {"size": 6, "kernel": 2, "seed": 4}):
        assert max(map(len, text(compute(**chosen)).splitlines())) <= 100
