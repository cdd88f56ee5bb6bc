"""The worked example of a fully connected layer."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decanet.convolution.layer_examples.linear import compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import all_words, cells, check_sums


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 6), st.integers(1, 6), st.integers(0, 10**6), st.floats(1e-4, 0.5))
def test_gradients_and_step_equal_autograd_and_sgd(inputs, outputs, seed, lr):
    r = compute(inputs=inputs, outputs=outputs, lr=lr, seed=seed)
    layer = torch.nn.Linear(inputs, outputs, dtype=torch.float64)
    layer.weight.data, layer.bias.data = torch.tensor(r.weight), torch.tensor(r.bias)
    x, target = torch.tensor(r.x, requires_grad=True), torch.tensor(r.target)

    def loss(y: torch.Tensor) -> torch.Tensor:
        return ((y - target) ** 2).sum() / 2

    y = layer(x)
    y.retain_grad()
    loss(y).backward()
    pairs = [(r.y, y), (r.grad_y, y.grad), (r.grad_weight, layer.weight.grad), (r.grad_x, x.grad),
             (r.grad_bias, layer.bias.grad)]  # fmt: skip
    torch.optim.SGD(layer.parameters(), lr=lr).step()
    pairs += [(r.new_weight, layer.weight), (r.new_bias, layer.bias), (r.new_y, layer(x))]
    for ours, theirs in pairs:
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-12, atol=1e-12)
    assert r.loss == loss(y).item()
    assert r.new_loss == pytest.approx(loss(layer(x)).item())
    np.testing.assert_allclose(r.numeric_weight, r.grad_weight, atol=1e-6)
    np.testing.assert_allclose(r.numeric_x, r.grad_x, atol=1e-6)
    np.testing.assert_allclose(r.new_y - r.target, r.factor * r.grad_y, atol=1e-9)
    assert (r.new_loss < r.loss) == (abs(r.factor) < 1)


@pytest.mark.parametrize(
    "settings", [{}, {"inputs": 6, "outputs": 6, "seed": 4}, {"inputs": 1, "outputs": 1, "lr": 1}]
)
def test_printed_sums_and_drawn_cells_are_right(settings):
    r = compute(**settings)
    shown = text(r)
    outputs, inputs = r.weight.shape
    assert check_sums(shown, 1e-3) == outputs + inputs + 3  # y, dL/dx, one dL/dW, the loss and the factor
    assert max(map(len, shown.splitlines())) <= 100
    assert ("the loss falls" in shown) == (r.new_loss < r.loss)
    figure = draw(r)
    for title, values in (("W", r.weight), ("y", r.y), ("dL/dW", r.grad_weight), ("dL/dx = Wᵀ dL/dy", r.grad_x),
                          ("W − lr dL/dW", r.new_weight), ("new y", r.new_y)):  # fmt: skip
        np.testing.assert_allclose(cells(figure, title), values.ravel(), atol=5.1e-5)
    assert ("the loss falls" in all_words(figure)) == (r.new_loss < r.loss)


@pytest.mark.parametrize(
    "settings", [{"inputs": 0}, {"outputs": 7}, {"lr": 0.0}, {"lr": float("nan")}, {"seed": -1}]
)
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UsageError):
        compute(**settings)
