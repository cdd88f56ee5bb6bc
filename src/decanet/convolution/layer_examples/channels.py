"""Channels: a kernel has a slice for each channel of the image, and each kernel gives one feature map.

An image in color has three channels, so a kernel of 3x3 has 27 weights: three slices. Each slice is applied to its own
channel; the three partial results are added, pixel by pixel, and the bias is added once. The result is a single
map, whatever the number of channels. A layer with O kernels gives O maps: weight (O, C, K, K), output (O, H, W). The
next layer's kernels have O slices.

  parameters   O * C * K * K weights + O biases
  cost         O * C * K * K multiply-adds for each position of the output
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decanet.convolution.layer_examples._board import new_board, write_title
from decanet.convolution.layer_examples._text import beside, generator, integers, number
from decanet.convolution.reference import Array, Convolution
from decanet.core.errors import UsageError
from decanet.core.plotting import new_figure, show_image, signed_scale, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANNELS = ("red", "green", "blue")
# On a photograph: differences in brightness to the right, and red against green and blue.
EDGE = np.stack([np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]) / 3] * 3)
OPPONENT = np.stack([np.full((3, 3), sign) / 9 for sign in (1.0, -0.5, -0.5)])


@dataclass(frozen=True)
class ChannelsExample:
    """An image of three channels through O kernels.

    Attributes:
        x: image, (3, H, W).
        weight, bias: (O, 3, K, K), (O,).
        partial: result of each slice alone, (O, 3, OH, OW).
        y: sum over the slices, with the bias, (O, OH, OW).
        grad_y: dL/dy, which stands for the layer above, (O, OH, OW); zeros for a photograph.
        grad_weight, grad_bias, grad_x: dL/dW (O, 3, K, K), dL/db (O,), dL/dx (3, H, W), which sums over the kernels.
        photograph: whether ``x`` is a photograph, which is drawn, and not small numbers.
    """

    x: Array
    weight: Array
    bias: Array
    partial: Array
    y: Array
    grad_y: Array
    grad_weight: Array
    grad_bias: Array
    grad_x: Array
    photograph: bool


def compute(*, size: int = 4, kernels: int = 2, seed: int = 0, image: Array | None = None) -> ChannelsExample:
    """Compute the example.

    Args:
        size: Rows and columns of the image of small numbers, 3 to 6.
        kernels: Number of kernels, 1 to 4.
        seed: Random seed of the integers.
        image: Photograph (H, W, 3) instead, with one kernel for edges and one for color.

    Raises:
        UsageError: a setting is out of range.
    """
    if not (3 <= size <= 6 and 1 <= kernels <= 4):
        raise UsageError(f"the example has 3 to 6 rows and 1 to 4 kernels, got {size} and {kernels}")
    random = generator(seed)
    if image is None:
        x, weight = integers(random, 3, 3, size, size), integers(random, 1, kernels, 3, 3, 3)
        bias = integers(random, 3, kernels)
    else:
        x, weight = np.moveaxis(image, 2, 0).astype(float), np.stack([EDGE, OPPONENT])
        bias = np.zeros(2)
    slices = [Convolution(weight[:, c : c + 1], None).forward(x[None, c : c + 1])[0] for c in range(3)]
    layer = Convolution(weight, bias)
    y = layer.forward(x[None])[0]
    grad_y = integers(random, 2, *y.shape) if image is None else np.zeros(y.shape)
    grad_x = layer.backward(grad_y[None])[0]
    return ChannelsExample(
        x=x, weight=weight, bias=bias, partial=np.stack(slices, axis=1), y=y, grad_y=grad_y,
        grad_weight=layer.grads["weight"], grad_bias=layer.grads["bias"], grad_x=grad_x, photograph=image is not None,
    )  # fmt: skip


def text(result: ChannelsExample) -> str:
    """Return all numbers as lines; of a photograph the shapes and ranges alone."""
    r = result
    count, channels, size, _ = r.weight.shape
    shapes = f"x {r.x.shape} * W {r.weight.shape} + b {r.bias.shape} -> y {r.y.shape}"
    params = r.weight.size + r.bias.size
    lines = [
        shapes,
        f"{count} * {channels} * {size} * {size} weights + {count} biases = {params:,} parameters",
    ]
    macs = r.weight[0].size * r.y.size
    lines += [
        f"{r.weight[0].size} multiply-adds for each of {r.y.size:,} outputs = {macs:,} multiply-adds",
        "",
    ]
    if r.photograph:
        names = ("edges", "red against green and blue")
        ranges = [f"{name}: {number(y.min(), 3)} to {number(y.max(), 3)}" for name, y in zip(names, r.y)]
        return "\n".join([*lines, *ranges])
    lines += [*beside({f"x, {name}": channel for name, channel in zip(CHANNELS, r.x)}), ""]
    for k in range(count):
        lines += [f"Kernel {k}", ""]
        lines += [*beside({f"W, {name}": one for name, one in zip(CHANNELS, r.weight[k])}), ""]
        parts = dict(zip(CHANNELS, r.partial[k]))
        lines += [*beside({**parts, f"sum + {number(float(r.bias[k]))} = y": r.y[k]}), ""]
        terms = " + ".join(_signed(float(r.partial[k, c, 0, 0])) for c in range(3))
        lines += [f"y[{k}, 0, 0] = {terms} + {_signed(float(r.bias[k]))} = {number(float(r.y[k, 0, 0]))}", ""]
    lines += ["Backward: a slice sees its own channel and its own map; a channel adds up all kernels", ""]
    for k in range(count):
        slices = {f"dL/dW, {name}": one for name, one in zip(CHANNELS, r.grad_weight[k])}
        lines += [*beside({f"dL/dy of map {k}": r.grad_y[k], **slices, "dL/db": r.grad_bias[k : k + 1]}), ""]
    lines += beside({f"dL/dx, {name}": one for name, one in zip(CHANNELS, r.grad_x)})
    return "\n".join(lines)


def _signed(value: float) -> str:
    return f"({number(value)})" if value < 0 else number(value)


@styled
def draw(result: ChannelsExample) -> "Figure":
    """Draw the channels, the slices of each kernel, the partial results and their sum."""
    r = result
    if r.photograph:
        return _draw_photograph(r)
    count, size, out = len(r.weight), r.x.shape[1], r.y.shape[1]
    step = max(size, 3) + 1.2
    high = 3 + out + 3.4  # of the rows of one kernel
    figure, board = new_board(
        3 * step + out + 2.6,
        2.1 + size + count * high,
        f"Three channels, {count} kernels, {count} feature maps",
    )
    for c, name in enumerate(CHANNELS):
        board.cells(0.3 + c * step, 1.5, r.x[c], f"x, {name}")
    for k in range(count):
        top = 3.6 + size + k * high
        below = top + 3 + 1.5
        for c, name in enumerate(CHANNELS):
            left = 0.3 + c * step
            board.cells(left, top, r.weight[k, c], f"kernel {k}, {name}")
            board.cells(left, below, r.partial[k, c], f"{name} alone")
            board.write(left + (out + step) / 2, below + out / 2, "+", ha="center", fontsize=13)
        left = 0.3 + 3 * step
        board.cells(left, below, r.bias[k : k + 1, None], "bias")
        board.write(left + 1.35, below + out / 2, "=", ha="center", fontsize=13)
        board.cells(left + 1.7, below, r.y[k], f"map {k}")
    return figure


def _draw_photograph(r: ChannelsExample) -> "Figure":
    figure = new_figure(12.5, 6.2)
    write_title(figure, "One image, two kernels, two feature maps")
    grid = figure.subplots(3, 5)
    for axes in grid.ravel():
        axes.set_axis_off()
    show_image(grid[0, 0], np.moveaxis(r.x, 0, 2), "image")
    for c, name in enumerate(CHANNELS):
        show_image(grid[0, c + 1], r.x[c], f"x, {name}", cmap="gray", vmin=0, vmax=1)
    names = ("edges: brightness rises to the right", "color: red against green and blue")
    for k, name in enumerate(names):
        limit = float(np.percentile(abs(np.stack([r.y[k], *r.partial[k]])), 99.5))
        grid[k + 1, 0].text(
            0.5, 0.5, name.replace(": ", ":\n"), ha="center", va="center", fontsize=10, wrap=True
        )
        for c, channel in enumerate(CHANNELS):
            show_image(grid[k + 1, c + 1], r.partial[k, c], f"{channel} alone", **signed_scale(limit))
        show_image(grid[k + 1, 4], r.y[k], "sum: the feature map", **signed_scale(limit))
    return figure
