"""Activations: ReLU, sigmoid and tanh with their derivatives.

Without an activation between them, two linear layers equal one. An activation is applied to every
number separately, so that dL/dx = dL/dy * dy/dx:

  ReLU      y = max(x, 0)             dy/dx = 1 where x > 0, else 0      largest 1
  sigmoid   y = 1 / (1 + exp(-x))     dy/dx = y (1 - y)                  largest 1/4, at 0
  tanh      y = tanh(x)               dy/dx = 1 - y^2                    largest 1, at 0

Sigmoid and tanh saturate: far from 0 on both sides they hardly change, and their derivative
vanishes. ReLU saturates on one side only, where its derivative is exactly 0. At 0 it has no
derivative; PyTorch takes 0, and so do we. `decanet layers vanishing-gradients` measures what many
such derivatives in a row do to a gradient.

A ReLU sets half of all numbers that are symmetric around 0 to 0, as the measurement with random
numbers shows. What fraction it is in a trained network depends on the network and its images;
random numbers do not tell.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.layer_examples._board import Board, write_title
from decanet.convolution.layer_examples._text import generator, integers, number, table
from decanet.convolution.reference import Array, Layer, ReLU, Sigmoid, Tanh
from decanet.core.plotting import COLORS, LINES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

ACTIVATIONS: dict[str, type[Layer]] = {"ReLU": ReLU, "sigmoid": Sigmoid, "tanh": Tanh}
X = np.array([-5, -2, -1, 0, 1, 2, 5], float)
GRID = np.linspace(-8, 8, 1601)  # contains 0
SMALL = 0.01  # a derivative below it counts as vanished
RANDOM = 100_000  # standard normal numbers


@dataclass(frozen=True)
class Curve:
    """One activation.

    Attributes:
        y, grad_x: output and dL/dx of the vector, (7,).
        grid_y, grid_derivative: on the grid, (1601,).
        low, high: smallest and largest output on the grid.
        steepest: largest derivative.
        vanishes: from which distance |x| on the derivative is below 0.01, for a negative and for a positive x; None
            where it never is.
        zeros_pct: percentage of standard normal numbers that become 0.
    """

    y: Array
    grad_x: Array
    grid_y: Array
    grid_derivative: Array
    low: float
    high: float
    steepest: float
    vanishes: tuple[float | None, float | None]
    zeros_pct: float


@dataclass(frozen=True)
class ActivationExample:
    """All activations.

    Attributes:
        x, grad_y: the vector and dL/dy, which stands for the layer above, (7,).
        grid: x of the curves, (1601,).
        curves: by name.
    """

    x: Array
    grad_y: Array
    grid: Array
    curves: dict[str, Curve]


def compute(*, seed: int = 0) -> ActivationExample:
    """Compute the example.

    Args:
        seed: Random seed of dL/dy and of the random numbers.

    Raises:
        UsageError: the seed is negative.
    """
    random = generator(seed)
    grad_y = integers(random, 5, len(X))
    noise = random.standard_normal(RANDOM)
    curves = {name: _curve(make(), grad_y, noise) for name, make in ACTIVATIONS.items()}
    return ActivationExample(x=X, grad_y=grad_y, grid=GRID, curves=curves)


def _curve(layer: Layer, grad_y: Array, noise: Array) -> Curve:
    zeros_pct = 100 * float((layer.forward(noise) == 0).mean())
    grid_y = layer.forward(GRID)
    derivative = layer.backward(np.ones_like(GRID))
    y = layer.forward(X)
    return Curve(
        y=y, grad_x=layer.backward(grad_y), grid_y=grid_y, grid_derivative=derivative, low=float(grid_y.min()),
        high=float(grid_y.max()), steepest=float(derivative.max()),
        vanishes=(_vanishes(derivative[GRID <= 0][::-1]), _vanishes(derivative[GRID >= 0])), zeros_pct=zeros_pct,
    )  # fmt: skip


def _vanishes(derivative: Array) -> float | None:
    """Return the distance from 0 after which a derivative, given from 0 outward, stays below SMALL, or None."""
    large = np.flatnonzero(derivative[1:] >= SMALL)
    if not len(large):
        return 0.0
    last = int(large[-1]) + 1
    return None if last == len(derivative) - 1 else float(GRID[-1] * last / (len(derivative) - 1))


def text(result: ActivationExample) -> str:
    """Return all numbers of the example as lines of at most 100 characters."""
    r = result
    header = ["", "y on -8..8", "largest dy/dx", f"dy/dx < {SMALL:g}", "zeros of random numbers"]
    rows = [
        [
            name,
            f"{number(c.low, 4)} to {number(c.high, 4)}",
            number(c.steepest),
            _where(c),
            f"{c.zeros_pct:.1f}%",
        ]
        for name, c in r.curves.items()
    ]
    lines = [*table(header, rows), "", "Forward: y", ""]
    rows = [[number(x), *(number(c.y[k], 4) for c in r.curves.values())] for k, x in enumerate(r.x)]
    lines += [*table(["x", *r.curves], rows), "", "Backward: dL/dx = dL/dy * dy/dx", ""]
    rows = [
        [number(x), number(g), *(number(c.grad_x[k], 4) for c in r.curves.values())]
        for k, (x, g) in enumerate(zip(r.x, r.grad_y))
    ]
    return "\n".join([*lines, *table(["x", "dL/dy", *(f"dL/dx, {name}" for name in r.curves)], rows)])


def _where(curve: Curve) -> str:
    below, above = curve.vanishes
    parts = [] if below is None else [f"x < {number(-below, 2 if below else 0)}"]
    return " and ".join([*parts, *([] if above is None else [f"x > {number(above, 2 if above else 0)}"])])


@styled
def draw(result: ActivationExample) -> "Figure":
    """Draw the curves and their derivatives, and the vector forward and backward in cells."""
    r = result
    figure = new_figure(12, 8.2)
    panels: Any = figure.subfigures(2, 1, height_ratios=(1.15, 1))
    above, below = panels
    left, right = above.subplots(1, 2)
    for k, (name, curve) in enumerate(r.curves.items()):
        style: dict[str, Any] = {"color": COLORS[k], "linestyle": LINES[k], "linewidth": 2.2}
        left.plot(r.grid, curve.grid_y, label=name, **style)
        label = f"{name}: at most {number(curve.steepest)}; < {SMALL:g} for {_where(curve)}".replace("-", "−")
        right.plot(r.grid, curve.grid_derivative, label=label, **style)
    left.set(title="Output y", xlabel="x", ylabel="y", ylim=(-1.2, 2.2))
    left.legend(loc="upper left")
    right.set(
        title="Derivative dy/dx: where it is 0, no gradient passes",
        xlabel="x",
        ylabel="dy/dx",
        ylim=(-0.05, 1.7),
    )
    right.legend(loc="upper left")
    for axes in (left, right):
        axes.set_xlim(float(r.grid[0]), float(r.grid[-1]))
    board = Board(below.subplots(), 18.2, 8.9)
    names = [*r.curves]
    labels = ["x", *names]
    forward = np.array([r.x, *(c.y for c in r.curves.values())])
    backward = np.array([r.grad_y, *(c.grad_x for c in r.curves.values())])
    for start, title, rows, values in (
        (1.6, "forward: y", labels, forward),
        (10.9, "backward: dL/dx = dL/dy · dy/dx", ["dL/dy", *names], backward),
    ):
        board.write(start, 0.5, title, fontsize=11, fontweight="bold", color=COLORS[0])
        limit = float(abs(values).max())
        for k, (label, row) in enumerate(zip(rows, values)):
            top = 1.2 + 1.6 * k
            board.cells(start, top, row, "", decimals=3 if k else 0, limit=limit)
            board.write(start - 0.2, top + 0.5, label, ha="right", fontweight="bold")
    zeros = r.curves["ReLU"].zeros_pct
    note = (
        f"Of {RANDOM:,} standard normal numbers, ReLU sets {zeros:.1f}% to 0; a trained network may differ."
    )
    board.write(1.6, 8.2, note, fontsize=9.5, color="#333333")
    write_title(figure, "Activations and their derivatives")
    return figure
