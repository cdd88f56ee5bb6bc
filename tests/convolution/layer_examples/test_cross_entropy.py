"""The worked example of the cross-entropy."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from decanet.convolution.layer_examples.cross_entropy import compute, draw, text
from tests.convolution.layer_examples._printed import all_axes, cells, check_sums, rows


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10**6))
def test_loss_and_gradient_equal_autograd_with_one_softmax_and_with_two(seed):
    r = compute(seed=seed)
    labels = torch.tensor(r.labels)
    for twice, p, losses, loss, grad in (
        (False, r.p, r.losses, r.loss, r.grad_x),
        (True, r.twice_p, r.twice_losses, r.twice_loss, r.twice_grad_x),
    ):
        x = torch.tensor(r.x, requires_grad=True)
        scores = torch.softmax(x, 1) if twice else x
        each = F.cross_entropy(scores, labels, reduction="none")
        each.mean().backward()
        np.testing.assert_allclose(p, torch.softmax(scores, 1).detach().numpy(), rtol=1e-12)
        np.testing.assert_allclose(losses, each.detach().numpy(), rtol=1e-9)
        assert loss == pytest.approx(each.mean().item())
        np.testing.assert_allclose(grad, x.grad.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(r.numeric_x, r.grad_x, atol=1e-8)
    rank = (r.x > r.x[np.arange(3), r.labels][:, None]).sum(axis=1)
    assert rank.tolist() == [0, 1, 2]  # a right, a doubtful and a wrong prediction


def test_two_softmaxes_have_the_floor_of_the_formula():
    r = compute()
    for k, floor in r.floors.items():
        assert floor == pytest.approx(math.log(1 + (k - 1) / math.e))
    assert (r.twice_by_margin >= r.floors[10]).all()
    assert r.twice_by_margin[-1] == pytest.approx(r.floors[10], abs=1e-6)
    assert r.once_by_margin[-1] < 1e-6
    assert r.once_by_margin[0] == r.twice_by_margin[0] == pytest.approx(math.log(10))


def test_all_numbers_are_printed_and_drawn():
    r = compute(seed=3)
    shown = text(r)
    assert max(map(len, shown.splitlines())) <= 100
    assert check_sums(shown, 1e-4) >= 1
    printed = [rows(shown, f"sample {n}") for n in range(3)]
    expected = [*zip(r.x, r.p, r.labels, r.losses)]
    for n in range(3):
        x, p, label, loss = expected[n]
        np.testing.assert_allclose(printed[n][0], [*x, *p, label, loss], atol=5.1e-5)
        np.testing.assert_allclose(printed[n][1], [*3 * r.grad_x[n], *r.grad_x[n], 0], atol=5.1e-5)
        np.testing.assert_allclose(
            printed[n][2], [*r.twice_p[n], label, r.twice_losses[n], *r.twice_grad_x[n]], atol=5.1e-5
        )
    figure = draw(r)
    np.testing.assert_array_equal(cells(figure, "scores x"), r.x.ravel())
    np.testing.assert_allclose(cells(figure, "dL/dx = (p − y) / 3"), r.grad_x.ravel(), atol=5.1e-4)
    np.testing.assert_allclose(
        cells(figure, "dL/dx through both softmaxes"), r.twice_grad_x.ravel(), atol=5.1e-4
    )
    _, margins, floors = all_axes(figure)
    np.testing.assert_array_equal(margins.lines[1].get_ydata(), r.twice_by_margin)
    heights = np.reshape([bar.get_height() for bar in floors.patches], (2, -1))
    np.testing.assert_allclose(heights, [np.log(list(r.floors)), list(r.floors.values())])
