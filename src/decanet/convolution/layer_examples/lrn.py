"""Local response normalization: neighboring channels compete.

At every pixel, the activation x_i of channel i is divided by a power of the activity of the n
channels around it:

  s_i = k + alpha * (sum of x_j^2 over the n channels j around i)        y_i = x_i / s_i^beta

A strong channel thereby weakens its neighbors; channels beyond the first and the last do not
exist. The gradient has a term for x_i itself and one for its part in the s_j of each neighbor j:

  dL/dx_i = dL/dy_i / s_i^beta  -  2 alpha beta x_i * c_i
  c_i = sum over j around i of dL/dy_j x_j / s_j^(beta + 1)

AlexNet (A. Krizhevsky et al., NIPS 2012, section 3.3) uses k = 2, n = 5, alpha = 1e-4, beta =
0.75. With activations of single digits this alpha changes almost nothing but the factor 2^-0.75 =
0.595, so the example takes a larger alpha; the paper's constants stand beside it. PyTorch divides
the sum by n: its alpha is n times that of the paper.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.layer_examples._board import write_title
from decanet.convolution.layer_examples._text import generator, integers, number, table
from decanet.convolution.reference import Array, LocalResponseNorm
from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, new_figure, signed_scale, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANNELS = 9
STRONG = 4  # the channel with the large activation
K, BETA, PAPER_ALPHA = 2.0, 0.75, 1e-4


@dataclass(frozen=True)
class LrnExample:
    """Nine channels of one pixel.

    Attributes:
        n, alpha: number of channels in a sum, and its factor.
        x, sums, s, y: activations, sums of x_j^2, s and y, each (9,).
        paper_y: y with the paper's alpha, (9,).
        grad_y, direct, competing, grad_x: dL/dy, the two terms of the gradient, and their sum dL/dx, each (9,).
        jacobian: dy_i/dx_j, (9, 9).
    """

    n: int
    alpha: float
    x: Array
    sums: Array
    s: Array
    y: Array
    paper_y: Array
    grad_y: Array
    direct: Array
    competing: Array
    grad_x: Array
    jacobian: Array


def compute(*, n: int = 5, alpha: float = 0.02, seed: int = 0) -> LrnExample:
    """Compute the example.

    Args:
        n: Channels in a sum; odd.
        alpha: Factor of the sum of squares; the paper has 0.0001.
        seed: Random seed of the activations.

    Raises:
        UsageError: n is even or below 1, alpha is negative, or the seed is.
    """
    if not 0 <= alpha < np.inf:
        raise UsageError(f"alpha is at least 0, got {alpha}")
    random = generator(seed)
    x = abs(integers(random, 4, CHANNELS))  # as after a ReLU
    x[STRONG] = 12
    grad_y = integers(random, 5, CHANNELS)
    layer = LocalResponseNorm(n, K, alpha, BETA)
    y = _vector(layer.forward(_pixel(x)))
    s = _vector(layer.s)
    grad_x = _vector(layer.backward(_pixel(grad_y)))
    direct = grad_y / s**BETA
    # Backward maps dL/dy to dL/dx; for dL/dy = 1 in channel i alone, dL/dx is the row dy_i/dx.
    jacobian = np.array([_vector(layer.backward(_pixel(row))) for row in np.eye(CHANNELS)])
    return LrnExample(
        n=n, alpha=alpha, x=x, sums=_sums(x, n), s=s, y=y,
        paper_y=_vector(LocalResponseNorm(n, K, PAPER_ALPHA, BETA).forward(_pixel(x))),
        grad_y=grad_y, direct=direct, competing=grad_x - direct, grad_x=grad_x, jacobian=jacobian,
    )  # fmt: skip


def _sums(x: Array, n: int) -> Array:
    """Return the sum of x_j^2 over the n channels around each, (C,)."""
    half = n // 2
    return np.array([(x[max(0, i - half) : i + half + 1] ** 2).sum() for i in range(len(x))])


def _pixel(x: Array) -> Array:
    return x.reshape(1, -1, 1, 1)


def _vector(x: Array) -> Array:
    return x[0, :, 0, 0]


def text(result: LrnExample) -> str:
    """Return all numbers of the example as lines of at most 100 characters."""
    r = result
    lines = [f"k = {K:g}, n = {r.n}, alpha = {r.alpha:g}, beta = {BETA:g}", "", "Forward", ""]
    header = [
        "channel",
        "x",
        "sum of x^2",
        "s",
        "s^beta",
        "y = x / s^beta",
        "y / x",
        f"y, alpha = {PAPER_ALPHA:g}",
    ]
    forward = zip(r.x, r.sums, r.s, r.y, r.paper_y)
    rows = [
        [
            str(i), number(x), number(total), number(s), number(s**BETA, 3), number(y, 3), number(y / x, 3),
            number(paper, 3),
        ]
        for i, (x, total, s, y, paper) in enumerate(forward)
    ]  # fmt: skip
    lines += [*table(header, rows), ""]
    half, i = r.n // 2, STRONG - 1
    around = r.x[max(0, i - half) : i + half + 1]
    lines += [
        f"channel {i}: s = {K:g} + {r.alpha:g} * ({' + '.join(f'{v:g}^2' for v in around)}) = {number(r.s[i])}",
        _competition(r.n),
        "", "Backward", "",
    ]  # fmt: skip
    header = ["channel", "dL/dy", "dL/dy / s^beta", "second term", "dL/dx"]
    backward = zip(r.grad_y, r.direct, r.competing, r.grad_x)
    lines += table(
        header, [[str(i), number(g), *(number(v, 3) for v in rest)] for i, (g, *rest) in enumerate(backward)]
    )
    lines += ["", "Jacobian: row i, column j holds dy_i/dx_j", ""]
    rows = [[str(i), *(number(v, 3) for v in row)] for i, row in enumerate(r.jacobian)]
    return "\n".join([*lines, *table(["", *map(str, range(CHANNELS))], rows, gap=2)])


def _competition(n: int) -> str:
    half = n // 2
    if not half:
        return "With n = 1 there are no neighbors, and channels do not compete."
    channels = "1 channel" if half == 1 else f"{half} channels"
    return f"Within {channels} of the strong channel {STRONG}, s is larger and y / x smaller."


@styled
def draw(result: LrnExample) -> "Figure":
    """Draw x and y by channel, the gradient's two terms, and the Jacobian."""
    r = result
    figure = new_figure(12, 7.4)
    grid = figure.add_gridspec(2, 2, width_ratios=(1.15, 1))
    forward, backward = figure.add_subplot(grid[0, 0]), figure.add_subplot(grid[1, 0])
    channels = np.arange(CHANNELS)
    bars = (("x", r.x, "#bbbbbb"), (f"y, alpha = {r.alpha:g}", r.y, COLORS[0]),
            (f"y, alpha = {PAPER_ALPHA:g} (the paper's)", r.paper_y, COLORS[4]))  # fmt: skip
    _bars(forward, bars, "{:.3g}")
    forward.set(title="Forward: the larger the channels around, the smaller y / x", ylabel="activation")
    terms = (
        ("dL/dy", r.grad_y, "#bbbbbb"),
        (r"dL/dy / $s^\beta$", r.direct, COLORS[0]),
        ("dL/dx", r.grad_x, COLORS[1]),
    )
    _bars(backward, terms, "{:.3g}")
    backward.axhline(0, color="#666666", linewidth=0.8)
    backward.set(title="Backward: channels around change each gradient", ylabel="gradient", xlabel="channel")
    for axes in (forward, backward):
        axes.set_xticks(channels)
        axes.grid(visible=False, axis="x")
    _draw_jacobian(figure.add_subplot(grid[:, 1]), r.jacobian)
    write_title(
        figure, f"Local response normalization: k = {K:g}, n = {r.n}, alpha = {r.alpha:g}, beta = {BETA:g}"
    )
    return figure


def _bars(axes: Any, bars: Any, template: str) -> None:
    for k, (label, values, color) in enumerate(bars):
        drawn = axes.bar(np.arange(CHANNELS) + 0.29 * (k - 1), values, 0.27, color=color, label=label)
        labels = [template.format(v).replace("-", "−") for v in values]
        axes.bar_label(drawn, labels, fontsize=7.5, padding=1, rotation=90)
    axes.margins(y=0.2)
    axes.legend(loc="best")


def _draw_jacobian(axes: Any, jacobian: Array) -> None:
    # The diagonal is positive and much larger: the scale is that of the other cells.
    largest = float(abs(jacobian - np.diag(np.diag(jacobian))).max()) or float(abs(jacobian).max())
    limit = 1.4 * largest
    axes.imshow(jacobian, **signed_scale(limit))
    for (i, j), value in np.ndenumerate(jacobian):
        ink = "white" if abs(value) > 0.6 * limit else "black" if value else "#999999"
        weight = "bold" if i == j else "normal"
        shown = number(float(value), 3 if value else 0).replace("-", "−")
        axes.text(j, i, shown, ha="center", va="center", fontsize=7.5, color=ink, fontweight=weight)
    axes.grid(visible=False)
    axes.set(
        xticks=range(CHANNELS), yticks=range(CHANNELS), xlabel="input channel j", ylabel="output channel i"
    )
    axes.set_title("Jacobian dy_i / dx_j: a neighbor's increase\nlowers the output (blue)")
