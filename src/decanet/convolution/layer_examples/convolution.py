"""Convolution: every output as a sum of products, and the gradients of kernel, image and bias.

The window of output (u, v) begins at row u * stride - padding and at column v * stride - padding of the image. Its
pixels are multiplied by the kernel's weights and added up; the bias is added to every output. As in all of deep
learning the kernel is not flipped. By the chain rule, with dL/dy from the layer above:

  dL/dW[i, j]  sum over all outputs of dL/dy * the pixel that W[i, j] met there
  dL/dx[r, c]  sum over all windows that contain the pixel, of dL/dy * the weight that met it
  dL/db        sum of dL/dy

The layer needs no target of its own. A network has one loss at its end, and dL/dy arrives from there; a squared error
between a target and the output of each convolution, which is sometimes drawn, is not how networks are trained.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decanet.convolution.layer_examples._board import BLUE, new_board
from decanet.convolution.layer_examples._text import beside, generator, integers, number
from decanet.convolution.reference import Array, Convolution
from decanet.core.errors import UsageError
from decanet.core.plotting import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 7  # rows of an image whose numbers fit a figure and a terminal
FEW = 16  # sums that are all written out


@dataclass(frozen=True)
class ConvolutionExample:
    """One image of one channel through one kernel, forward and backward.

    Attributes:
        x, weight, bias: (H, W), (K, K) and a number; small integers.
        stride, padding, dilation: of the layer.
        y: output, (OH, OW).
        grad_y: dL/dy, which stands for the layer above, (OH, OW); small integers.
        grad_weight, grad_x, grad_bias: dL/dW (K, K), dL/dx (H, W), dL/db.
    """

    x: Array
    weight: Array
    bias: float
    stride: int
    padding: int
    dilation: int
    y: Array
    grad_y: Array
    grad_weight: Array
    grad_x: Array
    grad_bias: float

    def met(self, u: int, v: int, i: int, j: int) -> tuple[int, int]:
        """Return the row and column of the pixel that weight (i, j) meets in the window of output (u, v)."""
        return (
            u * self.stride - self.padding + i * self.dilation,
            v * self.stride - self.padding + j * self.dilation,
        )

    def pixel(self, row: int, column: int) -> float:
        """Return a pixel; 0 in the padding."""
        height, width = self.x.shape
        return float(self.x[row, column]) if 0 <= row < height and 0 <= column < width else 0.0


def compute(
    *, size: int = 4, kernel: int = 3, stride: int = 1, padding: int = 0, dilation: int = 1, seed: int = 0
) -> ConvolutionExample:
    """Compute the example.

    Args:
        size: Rows and columns of the image, 1 to 7.
        kernel: Rows and columns of the kernel, 1 to 5.
        stride: Pixels from one window to the next.
        padding: Zeros added on each side.
        dilation: Pixels between neighboring weights of the kernel.
        seed: Random seed of the integers.

    Raises:
        UsageError: a setting is out of range, or no window fits.
    """
    if not (1 <= size <= LARGEST and 1 <= kernel <= 5):
        raise UsageError(
            f"the example has images of 1 to {LARGEST} rows and kernels of 1 to 5, got {size} and {kernel}"
        )
    random = generator(seed)
    x, weight = integers(random, 3, size, size), integers(random, 2, kernel, kernel)
    bias = integers(random, 3, 1)
    layer = Convolution(weight[None, None], bias, stride, padding, dilation)
    y = layer.forward(x[None, None])[0, 0]
    if max(y.shape) > LARGEST:
        raise UsageError(
            f"the output has {y.shape[0]} rows; lower the padding, so that it has at most {LARGEST}"
        )
    grad_y = integers(random, 2, *y.shape)
    grad_x = layer.backward(grad_y[None, None])[0, 0]
    return ConvolutionExample(
        x=x, weight=weight, bias=float(bias[0]), stride=stride, padding=padding, dilation=dilation, y=y,
        grad_y=grad_y, grad_weight=layer.grads["weight"][0, 0], grad_x=grad_x,
        grad_bias=float(layer.grads["bias"][0]),
    )  # fmt: skip


def text(result: ConvolutionExample) -> str:
    """Return all numbers, with the sums of every output, weight and pixel where these are few, as lines."""
    r = result
    lines = ["Forward", "", *beside({"x": r.x, "W": r.weight, "b": np.array([r.bias]), "y": r.y}), ""]
    for u, v in _examples(r.y):
        terms = [
            f"{_signed(float(r.weight[i, j]))}*{_signed(r.pixel(*r.met(u, v, i, j)))}"
            for i, j in np.ndindex(r.weight.shape)
        ]
        lines += _wrapped(f"y[{u}, {v}]", [*terms, f"{_signed(r.bias)} (b)"], r.y[u, v])
    lines += ["", "Backward", ""]
    gradients = {
        "dL/dy": r.grad_y,
        "dL/dW": r.grad_weight,
        "dL/dx": r.grad_x,
        "dL/db": np.array([r.grad_bias]),
    }
    lines += [*beside(gradients), ""]
    for i, j in _examples(r.weight):
        terms = [
            f"{_signed(float(r.grad_y[u, v]))}*{_signed(r.pixel(*r.met(u, v, i, j)))}"
            for u, v in np.ndindex(r.y.shape)
        ]
        lines += _wrapped(f"dL/dW[{i}, {j}]", terms, r.grad_weight[i, j])
    for row, column in _examples(r.x):
        terms = [f"{_signed(g)}*{_signed(w)}" for g, w in _meetings(r, row, column)]
        lines += _wrapped(
            f"dL/dx[{row}, {column}]", terms or ["0 (no window contains it)"], r.grad_x[row, column]
        )
    lines += _wrapped("dL/db", [_signed(float(g)) for g in r.grad_y.ravel()], r.grad_bias)
    return "\n".join(lines)


def _meetings(r: ConvolutionExample, row: int, column: int) -> Iterator[tuple[float, float]]:
    """The dL/dy and the weight of every window that contains a pixel."""
    for u, v in np.ndindex(r.y.shape):
        for i, j in np.ndindex(r.weight.shape):
            if r.met(u, v, i, j) == (row, column):
                yield float(r.grad_y[u, v]), float(r.weight[i, j])


def _example(values: Array) -> tuple[int, int]:
    """The entry whose sum is written out: the second in both directions, where there is one."""
    rows, columns = values.shape
    return min(1, rows - 1), min(1, columns - 1)


def _examples(values: Array) -> list[tuple[int, int]]:
    """The entries whose sums are written out: all of up to ``FEW``, else one."""
    return list(np.ndindex(*values.shape)) if values.size <= FEW else [_example(values)]


def _signed(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)


def _wrapped(name: str, terms: list[str], total: float) -> list[str]:
    """A sum as lines of at most 100 characters."""
    lines, line = [], f"{name} ="
    for index, term in enumerate(terms):
        piece = f" {term}" if index == 0 else f" + {term}"
        if len(line) + len(piece) > 96:
            lines.append(line)
            line = " " * (len(name) + 2) + piece.lstrip() if index == 0 else " " * (len(name) + 1) + piece
        else:
            line += piece
    return [*lines, f"{line} = {number(float(total))}"]


@styled
def draw(result: ConvolutionExample) -> "Figure":
    """Draw forward and backward with a number in every cell; the window of one output is framed."""
    r = result
    padded = np.pad(r.x, r.padding)
    high = max(len(padded), len(r.weight), len(r.y))
    u, v = _example(r.y)
    framed = np.zeros(padded.shape, bool)
    for i, j in np.ndindex(r.weight.shape):
        row, column = (place + r.padding for place in r.met(u, v, i, j))
        framed[row, column] = True
    shown = np.zeros(r.y.shape, bool)
    shown[u, v] = True
    settings = f"stride {r.stride}, padding {r.padding}, dilation {r.dilation}"
    width = len(padded) + len(r.weight) + len(r.y) + 6.2
    back = len(r.y) + len(r.weight) + len(r.x) + 6.6
    figure, board = new_board(
        max(width, back), 2 * (high + 2.4), f"Convolution, forward and backward ({settings})"
    )
    tops = (1.7, 1.7 + high + 2.4)
    for top, label in zip(tops, ("forward", "backward")):
        board.write(0, top - 1.2, label, fontsize=11, color=BLUE, fontweight="bold")

    def sign_after(left: float, top: float, sign: str) -> float:
        board.write(left + 0.45, top + high / 2, sign, ha="center", fontsize=13)
        return left + 0.9

    left, top = 0.3, tops[0]
    board.cells(left, top, padded, "x", bold=framed)
    left = sign_after(left + len(padded), top, "⋆")
    board.cells(left, top, r.weight, "W")
    left = sign_after(left + len(r.weight), top, "+")
    board.cells(left, top, np.array([[r.bias]]), "b")
    left = sign_after(left + 1, top, "=")
    board.cells(left, top, r.y, "y", bold=shown)
    left, top = 0.3, tops[1]
    board.cells(left, top, r.grad_y, "dL/dy")
    left = sign_after(left + len(r.y), top, "→")
    board.cells(left, top, r.grad_weight, "dL/dW")
    left += len(r.weight) + 0.9
    board.cells(left, top, r.grad_x, "dL/dx")
    left += len(r.x) + 0.9
    board.cells(left, top, np.array([[r.grad_bias]]), "dL/db")
    return figure
