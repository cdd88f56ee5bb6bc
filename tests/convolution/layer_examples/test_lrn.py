"""The worked example of local response normalization."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from decanet.convolution.layer_examples.lrn import compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import all_axes, check_sums, rows


@settings(max_examples=20, deadline=None)
@given(st.sampled_from([1, 3, 5, 9]), st.floats(0, 2), st.integers(0, 10**6))
def test_forward_backward_and_jacobian_equal_autograd(n, alpha, seed):
    r = compute(n=n, alpha=alpha, seed=seed)

    def norm(x: torch.Tensor, alpha: float = alpha) -> torch.Tensor:
        return F.local_response_norm(x.reshape(1, -1, 1, 1), n, alpha=alpha * n, beta=0.75, k=2.0).ravel()

    x = torch.tensor(r.x, requires_grad=True)
    y = norm(x)
    y.backward(torch.tensor(r.grad_y))
    np.testing.assert_allclose(r.y, y.detach().numpy(), rtol=1e-9)
    np.testing.assert_allclose(r.grad_x, x.grad.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(r.direct + r.competing, r.grad_x, atol=1e-12)
    np.testing.assert_allclose(r.paper_y, norm(torch.tensor(r.x), 1e-4).numpy(), rtol=1e-9)
    jacobian = torch.autograd.functional.jacobian(norm, torch.tensor(r.x))
    np.testing.assert_allclose(r.jacobian, jacobian.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(r.s, 2 + alpha * r.sums, rtol=1e-12)


def test_a_strong_channel_weakens_its_neighbors():
    r = compute()
    factor = r.y / r.x
    near, far = [2, 3, 5, 6], [0, 1, 7, 8]
    assert factor[near].max() < factor[far].min()
    off_diagonal = r.jacobian[~np.eye(9, dtype=bool)]
    assert (off_diagonal <= 0).all()
    assert (off_diagonal < 0).sum() == 2 * (8 + 7)  # two neighbors at each end of n = 5


def test_all_numbers_are_printed_and_drawn():
    r = compute(seed=2)
    shown = text(r)
    assert max(map(len, shown.splitlines())) <= 100
    assert check_sums(shown) == 1
    forward = [row for k in range(9) for row in rows(shown, f"{k}  ") if len(row) == 7]
    np.testing.assert_allclose(np.array(forward).T[[0, 1, 2, 4]], [r.x, r.sums, r.s, r.y], atol=5.1e-4)
    figure = draw(r)
    bars, gradients, image = all_axes(figure)
    heights = np.array([bar.get_height() for bar in bars.patches]).reshape(3, 9)
    np.testing.assert_array_equal(heights, [r.x, r.y, r.paper_y])
    heights = np.array([bar.get_height() for bar in gradients.patches]).reshape(3, 9)
    np.testing.assert_array_equal(heights, [r.grad_y, r.direct, r.grad_x])
    np.testing.assert_array_equal(image.images[0].get_array(), r.jacobian)
    assert len(image.texts) == 81


@pytest.mark.parametrize("settings", [{"n": 4}, {"n": 0}, {"alpha": -1.0}, {"seed": -1}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UsageError):
        compute(**settings)


def test_with_one_channel_in_a_sum_there_is_no_competition():
    r = compute(n=1)
    np.testing.assert_array_equal(r.jacobian, np.diag(np.diag(r.jacobian)))
    assert "channels do not compete" in text(r)
    assert "Within 1 channel of" in text(compute(n=3))
    image = draw(r).axes[2].images[0]
    assert image.norm.vmax > r.jacobian.max()
