"""Flatten: (N, C, H, W) becomes (N, C*H*W), and the batch size N stays.

A fully connected layer takes one row of numbers for each image. Flattening lays the channels of
an image one after the other, each of them row by row; the images of a batch stay separate. So
what remains beside the flattened axis is the batch size N, and not the number of channels:
AlexNet's (N, 256, 6, 6) becomes (N, 9216).

  position of x[n, c, h, w] in its row    c*H*W + h*W + w
  address in memory, layout NCHW          n*C*H*W + c*H*W + h*W + w
  address in memory, layout NHWC          n*H*W*C + h*W*C + w*C + c

In the layout NCHW the rows of the result are already in memory, and flattening copies nothing. In
the layout NHWC (PyTorch's channels_last) the channels of a pixel are neighbors in memory;
flatten(1) gives the same result, but must copy. Backward: the gradient (N, C*H*W) is reshaped to
(N, C, H, W), and no number changes.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decanet.convolution.layer_examples._board import new_board
from decanet.convolution.layer_examples._text import beside, generator, integers, number, table
from decanet.convolution.reference import Array, Flatten
from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST = 16  # numbers in a row of the result that fit a figure
CHANNEL_COLORS = (COLORS[1], COLORS[2], COLORS[0], COLORS[3], COLORS[4], COLORS[5])


@dataclass(frozen=True)
class FlattenExample:
    """A batch, its rows and its addresses in memory.

    Attributes:
        x: (N, C, H, W), the numbers 0, 1, 2, ... in the order NCHW: each is its own address.
        y: (N, C*H*W).
        nhwc: address of each entry of x in the layout NHWC, (N, C, H, W).
        memory_nhwc: x in the order of memory in the layout NHWC, (N*C*H*W,).
        grad_y, grad_x: dL/dy (N, C*H*W), and dL/dx (N, C, H, W).
    """

    x: Array
    y: Array
    nhwc: Array
    memory_nhwc: Array
    grad_y: Array
    grad_x: Array


def compute(
    *, batch: int = 2, channels: int = 3, height: int = 2, width: int = 2, seed: int = 0
) -> FlattenExample:
    """Compute the example.

    Args:
        batch: Images N, 1 to 4.
        channels: Channels C, 1 to 6.
        height: Rows H of an image, which has at most 16 numbers.
        width: Columns W of an image.
        seed: Random seed of dL/dy.

    Raises:
        UsageError: a setting is out of range.
    """
    shape = (batch, channels, height, width)
    if min(shape) < 1 or batch > 4 or channels > len(CHANNEL_COLORS) or channels * height * width > MOST:
        raise UsageError(
            f"the example has 1 to 4 images of 1 to {len(CHANNEL_COLORS)} channels and at most {MOST} numbers, "
            f"got {' x '.join(map(str, shape))}"
        )
    x = np.arange(float(np.prod(shape))).reshape(shape)
    layer = Flatten()
    y = layer.forward(x)
    grad_y = integers(generator(seed), 9, *y.shape)
    n, c, h, w = np.indices(shape)
    return FlattenExample(
        x=x, y=y, nhwc=((n * height + h) * width + w) * channels + c,
        memory_nhwc=x.transpose(0, 2, 3, 1).ravel(), grad_y=grad_y, grad_x=layer.backward(grad_y),
    )  # fmt: skip


def text(result: FlattenExample) -> str:
    """Return all numbers of the example as lines of at most 100 characters."""
    r = result
    batch, channels, height, width = r.x.shape
    lines = [f"x: (N, C, H, W) = {r.x.shape}; each number is its address in memory in the layout NCHW", ""]
    lines += [*_images(r.x), "", f"y: (N, C*H*W) = {r.y.shape}", "", *_rows(r.y), ""]
    n, c, h, w = (size - 1 for size in r.x.shape)
    lines += [
        f"x[{n}, {c}, {h}, {w}], the last one:",
        f"  position in its row  {c}*{height}*{width} + {h}*{width} + {w} = {c * height * width + h * width + w}",
        f"  address in NCHW      {n}*{channels}*{height}*{width} + {c}*{height}*{width} + {h}*{width} + {w} = "
        f"{number(r.x[n, c, h, w])}",
        "x[0, 0, 0, 0] and its neighbors by address:",
    ]  # fmt: skip
    steps = {"the next column": (0, 0, 0, 1), "the next row": (0, 0, 1, 0), "the next channel": (0, 1, 0, 0),
             "the next image": (1, 0, 0, 0)}  # fmt: skip
    rows = [
        [name, number(r.x[at]), str(r.nhwc[at])]
        for name, at in steps.items()
        if all(k < size for k, size in zip(at, r.x.shape))
    ]
    lines += [f"  {line}" for line in table(["", "NCHW", "NHWC"], rows)]
    lines += ["", "Memory in the layout NHWC, in its order", "", *_rows(r.memory_nhwc.reshape(batch, -1))]
    lines += ["", "Backward: dL/dy", "", *_rows(r.grad_y), "", "dL/dx: the same numbers as images", ""]
    return "\n".join([*lines, *_images(r.grad_x)])


def _images(values: Array) -> list[str]:
    """Return the lines of (N, C, H, W), the channels of an image beside each other."""
    lines = []
    for n, image in enumerate(values):
        planes = beside({f"channel {c}": plane for c, plane in enumerate(image)}, gap=4)
        lines += [f"{f'image {n}' if k == 0 else '':<10}{line}" for k, line in enumerate(planes)]
    return lines


def _rows(values: Array) -> list[str]:
    """Return the lines of (N, C*H*W) with the positions above."""
    header = ["position", *map(str, range(values.shape[1]))]
    return table(header, [[f"image {n}", *map(number, row)] for n, row in enumerate(values)], gap=2)


@styled
def draw(result: FlattenExample) -> "Figure":
    """Draw the batch, its rows, the memory in both layouts, and the gradient; a color stands for a channel."""
    r = result
    batch, channels, height, width = r.x.shape
    features = channels * height * width
    plane = width + 0.6
    images_wide = channels * plane
    across = max(images_wide, features) + 3.2
    block = height + 1.6
    tall = 2 * (batch * block + 1.2) + 3 * (batch + 1.9)
    shapes = f"{r.x.shape} → {r.y.shape}"
    figure, board = new_board(across, tall, f"Flatten: (N, C, H, W) → (N, C·H·W), here {shapes}")
    channel = np.indices(r.x.shape)[1]
    nhwc_channel = channel.transpose(0, 2, 3, 1).reshape(batch, -1)
    top = 0.0

    def head(words: str) -> None:
        board.write(0, top + 0.5, words, fontsize=11, fontweight="bold", color=COLORS[0])

    def images(values: Array, title: str) -> float:
        for n in range(batch):
            at = top + 2.1 + n * block
            board.write(2.0, at + height / 2, f"image {n}", ha="right", fontweight="bold")
            for c in range(channels):
                board.cells(2.3 + c * plane, at, values[n, c], title.format(c), color=CHANNEL_COLORS[c])
        return top + 1.2 + batch * block

    def rows(values: Array, of: Array) -> float:
        for n, row in enumerate(values):
            board.write(2.0, top + 1.5 + n, f"image {n}", ha="right", fontweight="bold")
            for k, value in enumerate(row):
                board.cells(2.3 + k, top + 1 + n, value[None], "", color=CHANNEL_COLORS[of[n, k]])
        return top + 1.9 + batch

    flat_channel = channel.reshape(batch, -1)
    head("x: each number is its address in memory, layout NCHW")
    top = images(r.x, "channel {}")
    head("y: one row for each image, C·H·W numbers; the memory is unchanged")
    top = rows(r.y, flat_channel)
    head("the same x in the layout NHWC (channels_last): the order in memory")
    top = rows(r.memory_nhwc.reshape(batch, -1), nhwc_channel)
    head("backward: dL/dy")
    top = rows(r.grad_y, flat_channel)
    head("dL/dx: the same numbers, reshaped to (N, C, H, W)")
    images(r.grad_x, "channel {}")
    return figure
