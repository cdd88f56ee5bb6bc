"""Fully connected layer: y = W x + b, its gradients, one step of gradient descent.

A fully connected layer with F inputs and O outputs has a weight matrix W (O, F) and a bias b
(O,). Its output is linear in W, in x and in b, so by the chain rule each gradient is dL/dy times
the other factor:

  dL/dW = dL/dy x^T   (the outer product: row i, column j holds dL/dy_i * x_j)
  dL/dx = W^T dL/dy   (a sum over all outputs, to each of which x_j contributes)
  dL/db = dL/dy

In a network dL/dy comes from the layer above. Here the layer is alone, and the loss is L = 1/2
sum (y - t)^2 for a target t, so that dL/dy = y - t. Gradient descent replaces W by W - lr *
dL/dW. For a batch of samples the gradients of W and b are the sums over the samples.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decanet.convolution.layer_examples._board import BLUE, new_board
from decanet.convolution.layer_examples._text import beside, generator, integers, number
from decanet.convolution.reference import Array, Linear
from decanet.core.errors import UsageError
from decanet.core.plotting import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEP = 1e-4  # of the finite differences
LARGEST = 6  # inputs and outputs whose numbers fit a figure and a terminal


@dataclass(frozen=True)
class LinearExample:
    """One sample through a fully connected layer with O outputs and F inputs, and one step of gradient descent.

    Attributes:
        x, weight, bias, target: (F,), (O, F), (O,), (O,); small integers.
        y, loss: output (O,) and 1/2 sum (y - target)^2.
        grad_y, grad_weight, grad_x, grad_bias: dL/dy (O,), dL/dW (O, F), dL/dx (F,), dL/db (O,).
        numeric_weight, numeric_x: the gradients by central finite differences of the loss.
        lr: learning rate.
        new_weight, new_bias, new_y, new_loss: after the step.
    """

    x: Array
    weight: Array
    bias: Array
    target: Array
    y: Array
    loss: float
    grad_y: Array
    grad_weight: Array
    grad_x: Array
    grad_bias: Array
    numeric_weight: Array
    numeric_x: Array
    lr: float
    new_weight: Array
    new_bias: Array
    new_y: Array
    new_loss: float

    @property
    def factor(self) -> float:
        """The factor 1 - lr (|x|^2 + 1) by which the step multiplies y - t."""
        return 1 - self.lr * (float(self.x @ self.x) + 1)


def compute(*, inputs: int = 3, outputs: int = 2, lr: float = 0.02, seed: int = 0) -> LinearExample:
    """Compute the example.

    Args:
        inputs: Inputs F of the layer, 1 to 6.
        outputs: Outputs O of the layer, 1 to 6.
        lr: Learning rate of the step.
        seed: Random seed of the integers.

    Raises:
        UsageError: a setting is out of range.
    """
    if not (1 <= inputs <= LARGEST and 1 <= outputs <= LARGEST):
        raise UsageError(f"the example has 1 to {LARGEST} inputs and outputs, got {inputs} and {outputs}")
    if not 0 < lr < np.inf:
        raise UsageError(f"a learning rate is above 0, got {lr}")
    random = generator(seed)
    x, weight = integers(random, 3, inputs), integers(random, 3, outputs, inputs)
    bias = integers(random, 3, outputs)
    layer = Linear(weight, bias)
    y = layer.forward(x[None])[0]
    grad_y = integers(random, 5, outputs)
    target = y - grad_y
    grad_x = layer.backward(grad_y[None])[0]
    grad_weight, grad_bias = layer.grads["weight"], layer.grads["bias"]

    def loss(x: Array, weight: Array, bias: Array = bias) -> float:
        return float(((Linear(weight, bias).forward(x[None])[0] - target) ** 2).sum() / 2)

    new_weight, new_bias = weight - lr * grad_weight, bias - lr * grad_bias
    return LinearExample(
        x=x, weight=weight, bias=bias, target=target, y=y, loss=loss(x, weight),
        grad_y=grad_y, grad_weight=grad_weight, grad_x=grad_x, grad_bias=grad_bias,
        numeric_weight=_differences(lambda w: loss(x, w), weight),
        numeric_x=_differences(lambda v: loss(v, weight), x),
        lr=lr, new_weight=new_weight, new_bias=new_bias,
        new_y=Linear(new_weight, new_bias).forward(x[None])[0], new_loss=loss(x, new_weight, new_bias),
    )  # fmt: skip


def _differences(loss, at: Array) -> Array:  # type: ignore[no-untyped-def]
    """Return (L(v + h) - L(v - h)) / 2h for each entry v of ``at``."""
    found = np.empty_like(at)
    for place in np.ndindex(at.shape):
        step = np.zeros_like(at)
        step[place] = STEP
        found[place] = (loss(at + step) - loss(at - step)) / (2 * STEP)
    return found


def text(result: LinearExample) -> str:
    """Return all numbers, and the sums they come from, as lines of at most 100 characters."""
    r = result
    outputs, inputs = r.weight.shape
    column = {"x": r.x[:, None], "b": r.bias[:, None], "y": r.y[:, None], "target t": r.target[:, None]}
    lines = ["Forward", "", *beside({"W": r.weight, **column}), ""]
    for i in range(outputs):
        terms = _sum([f"{_signed(w)}*{_signed(v)}" for w, v in zip(r.weight[i], r.x)] + [_signed(r.bias[i])])
        lines.append(f"y{i} = {terms} = {number(r.y[i])}")
    squares = _sum([f"{_signed(g)}^2" for g in r.grad_y])
    lines += [f"L = 1/2 * ({squares}) = {number(r.loss)}", "", "Backward", ""]
    gradients = {"dL/dy = y - t": r.grad_y[:, None], "dL/dW = dL/dy x^T": r.grad_weight}
    lines += [
        *beside({**gradients, "dL/dx = W^T dL/dy": r.grad_x[:, None], "dL/db": r.grad_bias[:, None]}),
        "",
    ]
    lines.append(f"dL/dW[0, 0] = {_signed(r.grad_y[0])}*{_signed(r.x[0])} = {number(r.grad_weight[0, 0])}")
    for j in range(inputs):
        terms = _sum([f"{_signed(w)}*{_signed(g)}" for w, g in zip(r.weight[:, j], r.grad_y)])
        lines.append(f"dL/dx{j} = {terms} = {number(r.grad_x[j])}")
    worst = max(float(abs(r.numeric_weight - r.grad_weight).max()), float(abs(r.numeric_x - r.grad_x).max()))
    numeric = {"for W": r.numeric_weight, "for x": r.numeric_x[:, None]}
    lines += ["", f"Check: (L(v + h) - L(v - h)) / 2h with h = {STEP:g}", "", *beside(numeric, 6), ""]
    lines += [f"largest difference from the gradients above: {worst:.1e}", ""]
    lines += [f"One step of gradient descent with lr = {r.lr:g}", ""]
    after = {"new W = W - lr dL/dW": r.new_weight, "new b": r.new_bias[:, None], "new y": r.new_y[:, None]}
    lines += [*beside(after), "", f"L: {number(r.loss)} -> {number(r.new_loss)}"]
    factor = f"y - t is multiplied by 1 - lr (|x|^2 + 1) = 1 - {r.lr:g}*{number(float(r.x @ r.x) + 1)}"
    lines.append(f"{factor} = {number(r.factor)}: {_meaning(r.factor)}")
    return "\n".join(lines)


def _meaning(factor: float) -> str:
    if abs(factor) > 1:
        return "the loss grows; lower lr"
    return "the loss falls" if abs(factor) < 1 else "the loss stays"


def _signed(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)


def _sum(terms: list[str]) -> str:
    return " + ".join(terms)


@styled
def draw(result: LinearExample) -> "Figure":
    """Draw forward, backward and the step, one row of arrays each, with the numbers in the cells."""
    r = result
    outputs, inputs = r.weight.shape
    high = max(inputs, outputs)
    width = max(inputs + 11.5, 2 * inputs + 10)
    figure, board = new_board(width, 3 * (high + 2.3), "Fully connected layer: forward, backward, one step")
    rows = [1.6 + k * (high + 2.3) for k in range(3)]
    for top, label in zip(rows, ("forward", "backward", f"step, lr = {r.lr:g}")):
        board.write(0, top - 1.15, label, fontsize=11, color=BLUE, fontweight="bold")
    start = 0.3
    top = rows[0]
    board.cells(start, top, r.weight, "W")
    left = start + inputs + 0.9
    for title, values, sign in (("x", r.x, "×"), ("b", r.bias, "+"), ("y", r.y, "="), ("t", r.target, "")):
        board.write(left - 0.45, top + high / 2, sign, ha="center", fontsize=13)
        board.cells(left, top, values[:, None], title)
        left += 1.9
    board.write(left - 0.5, top + 0.5, "L = ½ Σ (y − t)²", fontsize=11)
    board.write(left - 0.5, top + 1.4, f"= {number(r.loss)}", fontsize=12, fontweight="bold")
    top = rows[1]
    board.cells(start, top, r.grad_y[:, None], "dL/dy")
    board.write(start + 1.45, top + high / 2, "×", ha="center", fontsize=13)
    board.cells(start + 1.9, top, r.x, "xᵀ")
    board.write(start + 2.35 + inputs, top + high / 2, "=", ha="center", fontsize=13)
    board.cells(start + 2.8 + inputs, top, r.grad_weight, "dL/dW")
    left = start + 3.9 + 2 * inputs
    board.cells(left, top, r.grad_x[:, None], "dL/dx = Wᵀ dL/dy")
    board.cells(left + 3.7, top, r.grad_bias[:, None], "dL/db")
    top = rows[2]
    board.cells(start, top, r.new_weight, "W − lr dL/dW")
    left = start + max(inputs, 3) + 0.9
    board.cells(left, top, r.new_bias[:, None], "b − lr dL/db")
    board.cells(left + 3.0, top, r.new_y[:, None], "new y")
    board.write(left + 4.9, top + 0.5, "new L", fontsize=11)
    loss = f"= {number(r.new_loss)}, {_meaning(r.factor).partition(';')[0]}"
    board.write(left + 4.9, top + 1.4, loss, fontsize=12, fontweight="bold")
    return figure
