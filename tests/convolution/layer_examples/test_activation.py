"""The worked example of activations."""

import math

import numpy as np
import pytest
import torch

from decanet.convolution.layer_examples.activation import ActivationExample, compute, draw, text
from tests.convolution.layer_examples._printed import all_axes, cells, rows

FUNCTIONS = {"ReLU": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}


@pytest.fixture(scope="module")
def example() -> ActivationExample:
    return compute(seed=2)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vector_and_curves_equal_autograd(example, name):
    curve = example.curves[name]
    for x, grad_y, y, grad_x in (
        (example.x, example.grad_y, curve.y, curve.grad_x),
        (example.grid, np.ones_like(example.grid), curve.grid_y, curve.grid_derivative),
    ):
        tx = torch.tensor(x, requires_grad=True)
        ty = FUNCTIONS[name](tx)
        ty.backward(torch.tensor(grad_y))
        np.testing.assert_allclose(y, ty.detach().numpy(), atol=1e-12)
        np.testing.assert_allclose(grad_x, tx.grad.numpy(), atol=1e-12)


def test_largest_derivatives_and_where_they_vanish(example):
    """Solved by hand: y (1 - y) = 0.01 for the sigmoid, 1 - y^2 = 0.01 for tanh."""
    steepest = {name: curve.steepest for name, curve in example.curves.items()}
    assert steepest == {"ReLU": 1, "sigmoid": 0.25, "tanh": 1}
    y = (1 + math.sqrt(1 - 0.04)) / 2
    expected = {"sigmoid": math.log(y / (1 - y)), "tanh": math.atanh(math.sqrt(0.99))}
    for name, distance in expected.items():
        assert example.curves[name].vanishes == pytest.approx(
            (distance, distance), abs=0.0101
        )  # a step of the grid
    assert example.curves["ReLU"].vanishes == (0, None)
    assert example.curves["ReLU"].zeros_pct == pytest.approx(50, abs=0.8)
    assert example.curves["tanh"].zeros_pct == 0


def test_all_numbers_are_printed_and_drawn(example):
    shown = text(example)
    assert max(map(len, shown.splitlines())) <= 100
    curves = example.curves.values()
    for k, x in enumerate(example.x):
        printed = [row for row in rows(shown, f"{x:g}  ") if row]
        np.testing.assert_allclose(printed[0], [c.y[k] for c in curves], atol=5.1e-5)
        np.testing.assert_allclose(
            printed[1], [example.grad_y[k], *(c.grad_x[k] for c in curves)], atol=5.1e-5
        )
    figure = draw(example)
    outputs, derivatives, _ = all_axes(figure)
    for k, curve in enumerate(curves):
        np.testing.assert_array_equal(outputs.lines[k].get_ydata(), curve.grid_y)
        np.testing.assert_array_equal(derivatives.lines[k].get_ydata(), curve.grid_derivative)
    expected = [example.x, *(c.y for c in curves), example.grad_y, *(c.grad_x for c in curves)]
    np.testing.assert_allclose(cells(figure, ""), np.concatenate(expected), atol=5.1e-4)
