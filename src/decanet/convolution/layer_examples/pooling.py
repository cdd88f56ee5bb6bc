"""Pooling: the maximum or the mean of a window, and which pixels the gradient goes back to.

Pooling has no weights. Maximum pooling passes on the largest pixel of each window, so in the backward pass this pixel
alone receives dL/dy, and all others receive 0. Average pooling shares dL/dy equally among the pixels of the window. A
pixel in several overlapping windows receives the sum.

  output = floor((size + 2 * padding - span) / stride) + 1,   span = dilation * (kernel - 1) + 1

With ceil_mode the quotient is rounded up: a last window may reach over the end of the image, which is then not left
out. PyTorch keeps such a window only if it begins inside the image or in the padding before it. What lies beyond the
padding counts for nothing: not as zeros, and not in the number by which the mean is divided.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.arithmetic import Window, output_size
from decanet.convolution.layer_examples._board import BLUE, Board, new_board, write_title
from decanet.convolution.layer_examples._text import beside, generator, integers, number
from decanet.convolution.reference import Array, AveragePooling, MaxPooling
from decanet.core.errors import UsageError
from decanet.core.plotting import new_figure, show_image, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LARGEST = 8  # rows of an image whose numbers fit a figure and a terminal


@dataclass(frozen=True)
class PoolingExample:
    """One image through maximum and through average pooling, forward and backward.

    Attributes:
        x: (H, W), small integers that all differ where there are enough; of a photograph (H, W, 3) in 0..1.
        window: of both pooling layers, the same for rows and columns.
        maximum, mean: outputs, (OH, OW) or (OH, OW, 3).
        winners: (H, W), in how many windows a pixel is the maximum; empty for a photograph.
        grad_y: dL/dy, which stands for the layer above, (OH, OW); empty for a photograph.
        grad_x_maximum, grad_x_mean: dL/dx of both, (H, W); empty for a photograph.
    """

    x: Array
    window: Window
    maximum: Array
    mean: Array
    winners: Array
    grad_y: Array
    grad_x_maximum: Array
    grad_x_mean: Array

    @property
    def photograph(self) -> bool:
        """Whether ``x`` is a photograph."""
        return self.x.ndim == 3

    @property
    def end(self) -> int:
        """Number of the row after the last one that a window reads; beyond H + padding it overhangs."""
        last = (len(self.maximum) - 1) * self.window.stride - self.window.padding
        return last + self.window.span


def compute(
    *, size: int = 4, kernel: int = 2, stride: int | None = None, padding: int = 0, dilation: int = 1,
    ceil_mode: bool = False, seed: int = 0, image: Array | None = None,
) -> PoolingExample:  # fmt: skip
    """Compute the example.

    Args:
        size: Rows and columns of the image of small numbers, 1 to 8.
        kernel: Rows and columns of the window.
        stride: Pixels from one window to the next (default: the size of the window).
        padding: Pixels added on each side, which are never the maximum and count as zeros for the mean.
        dilation: Pixels between neighboring positions of the window.
        ceil_mode: Whether a last window may reach over the end.
        seed: Random seed of the integers.
        image: Photograph instead of the small numbers.

    Raises:
        UsageError: a setting is out of range, or no window fits.
    """
    if not 1 <= size <= LARGEST:
        raise UsageError(f"the example has images of 1 to {LARGEST} rows, got {size}")
    window = Window.pooling(kernel, stride, padding, dilation, ceil_mode)
    settings = (kernel, window.stride, padding, ceil_mode, dilation)
    largest, average = MaxPooling(*settings), AveragePooling(*settings)
    if image is not None:
        channels = np.moveaxis(image, 2, 0)[None].astype(float)
        maximum, mean = (np.moveaxis(layer.forward(channels)[0], 0, 2) for layer in (largest, average))
        none = np.empty((0, 0))
        return PoolingExample(image, window, maximum, mean, none, none, none, none)
    random = generator(seed)
    x = integers(random, max(9, size * size // 2), size, size)
    maximum = largest.forward(x[None, None])
    mean = average.forward(x[None, None])
    grad_y = integers(random, 4, *maximum.shape[2:])
    winners = largest.backward(np.ones_like(maximum))[0, 0]
    return PoolingExample(
        x, window, maximum[0, 0], mean[0, 0], winners, grad_y,
        largest.backward(grad_y[None, None])[0, 0], average.backward(grad_y[None, None])[0, 0],
    )  # fmt: skip


def text(result: PoolingExample) -> str:
    """Return all numbers as lines; of a photograph the sizes alone."""
    r = result
    size, window, out = len(r.x), r.window, len(r.maximum)
    quotient = f"({size} + 2*{window.padding} - {window.span}) / {window.stride}"
    rounded = "rounded up" if window.ceil_mode else "rounded down"
    lines = [f"output = {quotient} {rounded} + 1 = {out}{_rule(r)}"]
    if r.photograph:
        kept = r.maximum.size / r.x.size
        return "\n".join(
            [*lines, f"{r.x.shape} -> {r.maximum.shape}: {100 * kept:.1f}% of the numbers are left"]
        )
    if (beyond := r.end - size - window.padding) > 0:
        lines.append(
            f"the last window reaches {beyond} {_pixels(beyond)} beyond the padding, which counts for nothing"
        )
    elif r.end < size:
        left = size - r.end
        lines.append(
            f"the last {left} {'row and column are' if left == 1 else 'rows and columns are'} in no window"
        )
    lines += ["", "Forward", "", *beside({"x": r.x, "maximum": r.maximum, "mean": r.mean}), ""]
    lines += ["Backward", ""]
    lines += beside(
        {
            "dL/dy": r.grad_y,
            "winners": r.winners,
            "dL/dx, maximum": r.grad_x_maximum,
            "dL/dx, mean": r.grad_x_mean,
        }
    )
    total = number(float(r.grad_y.sum()))
    reached = int((r.winners > 0).sum())
    lines += ["", f"The sum of dL/dy is {total}; maximum pooling gives it to {reached} of {r.x.size} pixels."]
    return "\n".join(lines)


def _rule(r: PoolingExample) -> str:
    """Why a window that rounding up would give is left out."""
    window, size = r.window, len(r.x)
    up = -(-(size + 2 * window.padding - window.span) // window.stride) + 1
    if window.ceil_mode and up > len(r.maximum):
        return f"; window {up - 1} would begin beyond the image, and is left out"
    down = output_size(size, Window(window.kernel, window.stride, window.padding, window.dilation))
    return f", without ceil_mode {down}" if window.ceil_mode and down != len(r.maximum) else ""


def _pixels(count: int) -> str:
    return "pixel" if count == 1 else "pixels"


@styled
def draw(result: PoolingExample) -> "Figure":
    """Draw maximum pooling above and average pooling below, forward and backward; windows are outlined."""
    r = result
    if r.photograph:
        return _draw_photograph(r)
    size, out, window = len(r.x), len(r.maximum), r.window
    before, after = window.padding, max(r.end - size, window.padding)
    high = before + size + after
    width = 2 * (before + size + after) + 2 * out + 4.6
    settings = f"window {window.kernel}, stride {window.stride}, padding {window.padding}"
    settings += f", dilation {window.dilation}" if window.dilation > 1 else ""
    settings += ", ceil_mode" if window.ceil_mode else ""
    figure, board = new_board(width, 2 * (high + 2.3) + 0.2, f"Maximum and average pooling ({settings})")
    rows = (1.8, 1.8 + high + 2.3)
    pairs = ((r.maximum, r.grad_x_maximum, r.winners > 0), (r.mean, r.grad_x_mean, None))
    for top, name, (y, grad_x, winners) in zip(rows, ("maximum", "average"), pairs):
        board.write(0, top - 1.3, f"{name}: " + _story(name), fontsize=11, color=BLUE, fontweight="bold")
        left, places = 0.3 + before, 0 if name == "maximum" else 2
        _frame(board, left, top + before, size, before, after)
        board.cells(left, top + before, r.x, "x", bold=winners, padding=before)
        _outline(board, left, top + before, r)
        if window.dilation > 1:
            _mark_read(board, left, top + before, r)
        left += size + after + 0.5
        board.write(left, top + high / 2, "→", ha="center", fontsize=13)
        board.cells(left + 0.5, top + before, y, "y", decimals=places)
        left += out + 1.6
        board.cells(left, top + before, r.grad_y, "dL/dy")
        left += out + 0.5
        board.write(left, top + high / 2, "→", ha="center", fontsize=13)
        board.cells(left + 0.5, top + before, grad_x, "dL/dx", decimals=places, bold=winners)
    return figure


def _story(name: str) -> str:
    return {
        "maximum": "the winners (bold) get the whole gradient",
        "average": "all pixels of a window share the gradient",
    }[name]


def _frame(board: Board, left: float, top: float, size: int, before: int, after: int) -> None:
    """Dashed cells for padding and for what an overhanging window reads."""
    from matplotlib.patches import Rectangle

    for i in range(-before, size + after):
        for j in range(-before, size + after):
            if not (0 <= i < size and 0 <= j < size):
                style: dict[str, Any] = {
                    "fill": False,
                    "edgecolor": "#bbbbbb",
                    "linestyle": ":",
                    "linewidth": 0.8,
                }
                board.axes.add_patch(Rectangle((left + j, top + i), 1, 1, **style))


def _outline(board: Board, left: float, top: float, r: PoolingExample) -> None:
    """The first and the last window of the diagonal."""
    from matplotlib.patches import Rectangle

    for index, color in ((0, "#000000"), (len(r.maximum) - 1, "#d55e00")):
        start = index * r.window.stride - r.window.padding
        board.axes.add_patch(
            Rectangle(
                (left + start + 0.06, top + start + 0.06), r.window.span - 0.12, r.window.span - 0.12,
                fill=False, edgecolor=color, linewidth=2.2, linestyle="--", zorder=4, gid=f"window {index}",
            )
        )  # fmt: skip


def _mark_read(board: Board, left: float, top: float, r: PoolingExample) -> None:
    """A dot in each pixel that the first window of a dilated pooling reads: it passes over those between them."""
    places = [n * r.window.dilation - r.window.padding for n in range(r.window.kernel)]
    columns = [left + column + 0.84 for _ in places for column in places]
    rows = [top + row + 0.2 for row in places for _ in places]
    board.axes.plot(
        columns, rows, "o", color="#000000", markersize=3.5, linestyle="none", zorder=5, gid="read"
    )


def _draw_photograph(r: PoolingExample) -> "Figure":
    height, width = r.x.shape[:2]
    figure = new_figure(12.5, 12.5 / 3 * height / width + 0.8)
    write_title(
        figure, f"Pooling of windows of {r.window.kernel} × {r.window.kernel}, stride {r.window.stride}"
    )
    left, middle, right = figure.subplots(1, 3)
    show_image(left, r.x, f"image, {height} × {width}")
    out = f"{r.maximum.shape[0]} × {r.maximum.shape[1]}"
    show_image(middle, r.maximum, f"maximum, {out}: bright details grow")
    show_image(right, np.clip(r.mean, 0, 1), f"average, {out}: details blur")
    return figure
