"""Dropout: masks, the factor 1 / (1 - p), and training against evaluation.

In training, dropout sets each activation to 0 with probability p and multiplies the others by 1 /
(1 - p), with a new mask for each batch:

  training     y = x * mask / (1 - p)      the expected value of y is (1 - p) * x / (1 - p) = x
  evaluation   y = x
  backward     dL/dx = dL/dy * mask / (1 - p), with the mask of the forward pass

Dropout is due to G. E. Hinton, N. Srivastava, A. Krizhevsky, I. Sutskever and R. Salakhutdinov
(arXiv:1207.0580, July 2012). AlexNet did not introduce it, but uses it with p = 0.5 in its first
two fully connected layers (section 4.2). Both papers leave out the factor in training and
multiply by 1 - p at test time instead; the expected values are the same, and PyTorch uses the
formulas above.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.layer_examples._board import Board, write_title
from decanet.convolution.layer_examples._text import beside, generator, integers, number, table
from decanet.convolution.reference import Array, Dropout
from decanet.core.plotting import COLORS, new_figure, show_image, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COUNT = 8  # activations of the worked example
SIDE = 24  # of the drawn masks
REPEATS = 10_000  # forward passes whose mean is compared with x


@dataclass(frozen=True)
class DropoutExample:
    """One layer in training and in evaluation, and masks of several probabilities.

    Attributes:
        p: probability of dropping an activation.
        x, mask, y, evaluated: input, mask of 0 and 1, output in training and in evaluation, each (8,).
        grad_y, grad_x: dL/dy, which stands for the layer above, and dL/dx, each (8,).
        mean_y: mean of y over 10,000 masks, (8,).
        standard_error: of this mean, by theory: |x| sqrt(p / (1 - p) / 10,000), (8,).
        masks: by probability, (24, 24) each.
    """

    p: float
    x: Array
    mask: Array
    y: Array
    evaluated: Array
    grad_y: Array
    grad_x: Array
    mean_y: Array
    standard_error: Array
    masks: dict[float, Array]


def compute(*, p: float = 0.5, seed: int = 0) -> DropoutExample:
    """Compute the example.

    Args:
        p: Probability of dropping an activation, at least 0 and below 1.
        seed: Random seed of the integers and the masks.

    Raises:
        UsageError: p or the seed is out of range.
    """
    random = generator(seed)
    x, grad_y = integers(random, 5, COUNT), integers(random, 5, COUNT)
    layer = Dropout(p, seed)
    y = layer.forward(x)
    mask = (layer.scale > 0).astype(float)
    grad_x = layer.backward(grad_y)
    mean_y = layer.forward(np.tile(x, (REPEATS, 1))).mean(axis=0)
    layer.training = False
    masks = {
        drawn: (Dropout(drawn, seed).forward(np.ones((SIDE, SIDE))) > 0).astype(float)
        for drawn in sorted({0.2, 0.5, 0.8, p})
    }
    return DropoutExample(
        p=p, x=x, mask=mask, y=y, evaluated=layer.forward(x), grad_y=grad_y, grad_x=grad_x, mean_y=mean_y,
        standard_error=abs(x) * math.sqrt(p / (1 - p) / REPEATS), masks=masks,
    )  # fmt: skip


def text(result: DropoutExample) -> str:
    """Return all numbers of the example as lines of at most 100 characters."""
    r = result
    factor = 1 / (1 - r.p)
    columns = {
        "x": r.x, "mask": r.mask, "y in training": r.y, "y in evaluation": r.evaluated, "dL/dy": r.grad_y,
        "dL/dx": r.grad_x,
    }  # fmt: skip
    lines = [
        f"p = {r.p:g}: an activation that is kept is multiplied by 1 / (1 - {r.p:g}) = {number(factor)}",
        "",
    ]
    lines += beside({title: values[:, None] for title, values in columns.items()})
    lines += ["", f"Mean of y over {REPEATS:,} masks, beside x", ""]
    rows = [
        [number(x), number(mean, 3), f"{abs(mean - x):.3f}", f"{error:.3f}"]
        for x, mean, error in zip(r.x, r.mean_y, r.standard_error)
    ]
    lines += [*table(["x", "mean of y", "difference", "standard error |x| sqrt(p / (1 - p) / n)"], rows), ""]
    size = f"{SIDE} x {SIDE}"
    for p, mask in r.masks.items():
        dropped = 100 * (1 - mask.mean())
        lines.append(f"p = {p:<4g} {dropped:5.1f}% of a {size} mask is 0; factor {number(1 / (1 - p))}")
    return "\n".join(lines)


@styled
def draw(result: DropoutExample) -> "Figure":
    """Draw masks of several p above, the worked example and the measured expectation below."""
    r = result
    figure = new_figure(11, 7.2)
    panels: Any = figure.subfigures(2, 1, height_ratios=(2.6, 4.2))
    above, below = panels
    for axes, (p, mask) in zip(above.subplots(1, len(r.masks)), r.masks.items()):
        dropped = 100 * (1 - mask.mean())
        show_image(axes, mask, cmap="gray", vmin=0, vmax=1)
        axes.spines[:].set(visible=True, color="#999999")
        axes.set_title(f"p = {p:g}", fontsize=11)
        axes.set_xlabel(f"{dropped:.1f}% dropped (black),\nothers × {number(1 / (1 - p))}", fontsize=9)
    left, right = below.subplots(1, 2, width_ratios=(3, 2))
    board = Board(left, COUNT + 2.75, 12.2)
    rows = {
        "x": (r.x, ""),
        "mask": (r.mask, f"0 with probability {r.p:g}"),
        "y, training": (r.y, f"x · mask / (1 − {r.p:g})"),
        "y, evaluation": (r.evaluated, "y = x"),
        "dL/dy": (r.grad_y, "from the layer above"),
        "dL/dx": (r.grad_x, "dL/dy · the same mask / (1 − p)"),
    }
    limit = max(float(abs(values).max()) for values, _ in rows.values())
    for k, (name, (values, what)) in enumerate(rows.items()):
        dropped = r.mask == 0
        board.cells(2.6, 0.9 + 2 * k, values, what, limit=limit, bold=dropped if k in (1, 2, 5) else None)
        board.write(2.4, 1.4 + 2 * k, name, ha="right", fontweight="bold")
    _draw_expectation(right, r)
    write_title(
        figure, f"Dropout with p = {r.p:g}: dropped in the forward pass, no gradient in the backward pass"
    )
    return figure


def _draw_expectation(axes: Any, r: DropoutExample) -> None:
    ends = [float(r.x.min()) - 1, float(r.x.max()) + 1]
    axes.plot(ends, ends, color="#999999", linewidth=1, label="mean of y = x")
    axes.plot(r.x, r.y, "o", color=COLORS[1], markerfacecolor="white", label="y with one mask")
    axes.errorbar(
        r.x, r.mean_y, yerr=2 * r.standard_error, fmt="s", color=COLORS[0], markersize=5, capsize=3,
        label=f"mean of y over {REPEATS:,} masks\n(± 2 standard errors)",
    )  # fmt: skip
    axes.set(title="The expected value of y is x", xlabel="x", ylabel="y in training")
    axes.legend(loc="upper left")
