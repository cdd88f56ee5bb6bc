"""The worked example of batch normalization."""

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decanet.convolution.layer_examples.batch_norm import BATCHES, compute, draw, text
from tests.convolution.layer_examples._printed import cells, check_sums, rows


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6))
def test_training_running_averages_and_evaluation_equal_torch(seed):
    r = compute(seed=seed)
    layer = torch.nn.BatchNorm2d(2, dtype=torch.float64)
    layer.weight.data, layer.bias.data = torch.tensor(r.weight), torch.tensor(r.bias)
    for count in range(1, BATCHES[-1] + 1):
        x = torch.tensor(r.x, requires_grad=True)
        y = layer.train()(x)
        if count in BATCHES:
            k = BATCHES.index(count)
            np.testing.assert_allclose(r.running_mean[k], layer.running_mean.numpy(), rtol=1e-9)
            np.testing.assert_allclose(r.running_var[k], layer.running_var.numpy(), rtol=1e-9)
            evaluated = layer.eval()(torch.tensor(r.x))
            np.testing.assert_allclose(r.evaluated[k], evaluated.detach().numpy(), rtol=1e-9, atol=1e-12)
    y.backward(torch.tensor(r.grad_y))
    np.testing.assert_allclose(r.y, y.detach().numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(r.grad_x, x.grad.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(r.grad_weight, layer.weight.grad.numpy(), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(r.grad_bias, layer.bias.grad.numpy(), rtol=1e-9, atol=1e-12)
    x = torch.tensor(r.x, requires_grad=True)
    layer.eval()(x).backward(torch.tensor(r.grad_y))
    np.testing.assert_allclose(r.grad_x_evaluated, x.grad.numpy(), rtol=1e-9)


def test_numbers_are_chosen_so_that_they_can_be_checked():
    r = compute(seed=5)
    np.testing.assert_array_equal(r.var, [4, 16])
    np.testing.assert_array_equal(r.mean, r.mean.round())
    np.testing.assert_allclose(2 * r.z, (2 * r.z).round(), atol=1e-4)  # multiples of a half, but for eps
    np.testing.assert_allclose(r.grad_x.sum(axis=(0, 2, 3)), 0, atol=1e-12)
    np.testing.assert_allclose((r.grad_x * r.z).sum(axis=(0, 2, 3)), 0, atol=1e-4)


def test_all_numbers_are_printed_and_drawn():
    r = compute(seed=1)
    shown = text(r)
    assert max(map(len, shown.splitlines())) <= 100
    assert check_sums(shown.replace("    var", "\nvar")) == 4  # mean and variance of two channels
    for start, values in (("z  ", r.z), ("y in training", r.y), ("dL/dx in training", r.grad_x)):
        np.testing.assert_allclose(rows(shown, start), [values[:, c].ravel() for c in range(2)], atol=5.1e-4)
    drawn = cells(draw(r), "").reshape(2, 9, 8)
    for c in range(2):
        expected = [r.x, r.z, r.y, *r.evaluated, r.grad_y, r.grad_x, r.grad_x_evaluated]
        np.testing.assert_allclose(drawn[c], [values[:, c].ravel() for values in expected], atol=5.1e-3)
