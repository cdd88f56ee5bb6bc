"""The worked example of dropout."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decanet.convolution.layer_examples.dropout import compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import all_axes, cells


@settings(max_examples=12, deadline=None)
@given(st.sampled_from([0, 0.1, 0.25, 0.5, 0.8, 0.9]), st.integers(0, 10**6))
def test_forward_and_backward_use_one_mask_and_the_mean_is_x(p, seed):
    r = compute(p=p, seed=seed)
    x = torch.tensor(r.x, requires_grad=True)
    y = x * torch.tensor(r.mask) / (1 - p)
    y.backward(torch.tensor(r.grad_y))
    np.testing.assert_allclose(r.y, y.detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(r.grad_x, x.grad.numpy(), rtol=1e-12)
    np.testing.assert_array_equal(r.evaluated, r.x)
    assert set(r.mask) <= {0.0, 1.0}
    assert np.all(abs(r.mean_y - r.x) <= 6 * r.standard_error + 1e-12)
    assert {0.2, 0.5, 0.8, p} == set(r.masks)
    for q, mask in r.masks.items():
        assert abs((1 - mask.mean()) - q) <= 6 * np.sqrt(q * (1 - q) / mask.size)


def test_all_numbers_are_printed_and_drawn():
    r = compute(p=0.75, seed=3)
    lines = text(r).splitlines()
    assert max(map(len, lines)) <= 100
    table = np.array([[float(v) for v in line.split()] for line in lines[3:11]])
    np.testing.assert_array_equal(table.T, [r.x, r.mask, r.y, r.evaluated, r.grad_y, r.grad_x])
    assert "1 / (1 - 0.75) = 4" in lines[0]
    figure = draw(r)
    np.testing.assert_array_equal(cells(figure, "x · mask / (1 − 0.75)"), r.y)
    np.testing.assert_array_equal(cells(figure, "dL/dy · the same mask / (1 − p)"), r.grad_x)
    shown = [axes for axes in all_axes(figure) if axes.images]
    assert [axes.get_title() for axes in shown] == ["p = 0.2", "p = 0.5", "p = 0.75", "p = 0.8"]
    for axes, mask in zip(shown, r.masks.values()):
        np.testing.assert_array_equal(axes.images[0].get_array(), mask)


@pytest.mark.parametrize("p", [-0.1, 1.0])
def test_an_impossible_probability_is_refused(p):
    with pytest.raises(UsageError, match="probability of dropout"):
        compute(p=p)
