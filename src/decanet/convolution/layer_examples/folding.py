"""Folding: two convolutions in a row equal one with a larger kernel, unless there is an activation between them.

A convolution is linear, and so is a convolution of its result. The two therefore equal one convolution, whose kernel
is the convolution of the two kernels: K1 and K2 rows become K1 + K2 - 1. Ten layers without activations can do no more
than one, however many parameters they have.

With a ReLU between them this ends. A linear map f has f(-x) = -f(x), so f(x) + f(-x) is 0 for every image; with the
ReLU it is not, and therefore no kernel of any size gives the same result.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from decanet.convolution.layer_examples._board import BLUE, new_board
from decanet.convolution.layer_examples._text import beside, generator, integers, number
from decanet.convolution.reference import Array, Convolution, ReLU
from decanet.core.errors import UsageError
from decanet.core.plotting import styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class FoldingExample:
    """An image through two convolutions, with and without a ReLU between them, and through the folded one.

    Attributes:
        x: image, (S, S); small integers.
        first, second, folded: kernels, (K1, K1), (K2, K2) and (K1 + K2 - 1, K1 + K2 - 1).
        hidden: result of the first convolution.
        in_a_row, at_once: results of both convolutions, and of the folded one.
        with_relu: result of both convolutions with a ReLU between them.
        difference, difference_with_relu: largest differences of the two from ``at_once``.
        odd_part, odd_part_with_relu: largest values of f(x) + f(-x), 0 for every linear f.
    """

    x: Array
    first: Array
    second: Array
    folded: Array
    hidden: Array
    in_a_row: Array
    at_once: Array
    with_relu: Array
    difference: float
    difference_with_relu: float
    odd_part: float
    odd_part_with_relu: float


def compute(*, size: int = 6, first: int = 3, second: int = 3, seed: int = 2) -> FoldingExample:
    """Compute the example.

    Args:
        size: Rows and columns of the image, up to 7.
        first: Rows and columns of the first kernel, 1 to 3.
        second: Rows and columns of the second kernel, 1 to 3.
        seed: Random seed of the integers.

    Raises:
        UsageError: a setting is out of range.
    """
    if not (1 <= first <= 3 and 1 <= second <= 3 and first + second - 1 <= size <= 7):
        raise UsageError(
            f"the example has kernels of 1 to 3 rows and an image of {first + second - 1} to 7 rows, got kernels of "
            f"{first} and {second} and an image of {size}"
        )
    random = generator(seed)
    x, a = integers(random, 3, size, size), integers(random, 2, first, first)
    b = integers(random, 2, second, second)
    folded = np.zeros((first + second - 1,) * 2)
    for i, j in np.ndindex(b.shape):  # weight (i, j) of the second kernel meets the first one's result there
        folded[i : i + first, j : j + first] += b[i, j] * a
    hidden = _correlate(x, a)
    in_a_row, at_once = _correlate(hidden, b), _correlate(x, folded)

    def with_relu(image: Array) -> Array:
        return _correlate(ReLU().forward(_correlate(image, a)), b)

    rectified = with_relu(x)
    return FoldingExample(
        x=x, first=a, second=b, folded=folded, hidden=hidden, in_a_row=in_a_row, at_once=at_once,
        with_relu=rectified, difference=float(abs(in_a_row - at_once).max()),
        difference_with_relu=float(abs(rectified - at_once).max()),
        odd_part=float(abs(at_once + _correlate(-x, folded)).max()),
        odd_part_with_relu=float(abs(rectified + with_relu(-x)).max()),
    )  # fmt: skip


def _correlate(x: Array, kernel: Array) -> Array:
    return Convolution(kernel[None, None]).forward(x[None, None])[0, 0]


def text(result: FoldingExample) -> str:
    """Return all numbers as lines."""
    r = result
    lines = [
        *beside({"x": r.x, "first kernel": r.first, "second kernel": r.second, "folded kernel": r.folded}),
        "",
    ]
    lines += [
        *beside(
            {"first, then second": r.in_a_row, "folded at once": r.at_once, "with ReLU between": r.with_relu}
        )
    ]
    return "\n".join(
        [
            *lines,
            "",
            f"largest difference from the folded convolution: {number(r.difference)} without an activation, "
            f"{number(r.difference_with_relu)} with a ReLU",
            f"largest f(x) + f(-x), 0 for every linear f: {number(r.odd_part)} without, "
            f"{number(r.odd_part_with_relu)} with a ReLU",
            f"weights: {r.first.size} + {r.second.size} in a row, {r.folded.size} folded",
        ]
    )


@styled
def draw(result: FoldingExample) -> "Figure":
    """Draw the two convolutions in a row, the folded one, and the ReLU that prevents folding."""
    r = result
    size, hidden, out = len(r.x), len(r.hidden), len(r.at_once)
    k1, k2, k = len(r.first), len(r.second), len(r.folded)
    width = max(size + k1 + hidden + k2 + out + 4.6, size + k + out + 3, 16)
    rows = [1.7, 1.7 + size + 2.2, 1.7 + 2 * (size + 2.2)]
    figure, board = new_board(
        width, rows[2] + max(hidden, out) + 0.6, "Two convolutions fold into one, unless ReLU is between them"
    )
    labels = (
        "in a row",
        f"folded: the same numbers (largest difference {number(r.difference)})",
        f"with ReLU between: other numbers (largest difference {number(r.difference_with_relu)})",
    )
    for top, label in zip(rows, labels):
        board.write(0, top - 1.2, label, fontsize=11, color=BLUE, fontweight="bold")

    def place(left: float, top: float, blocks: list[tuple[Array, str]], signs: str) -> None:
        for (values, title), sign in zip(blocks, f"{signs} "):
            board.cells(left, top, values, title)
            left += values.shape[1] + 0.45
            board.write(left, top + size / 2, sign, ha="center", fontsize=13)
            left += 0.45

    place(
        0.3,
        rows[0],
        [(r.x, "x"), (r.first, "first"), (r.hidden, "hidden"), (r.second, "second"), (r.in_a_row, "y")],
        "⋆=⋆=",
    )
    place(0.3, rows[1], [(r.x, "x"), (r.folded, "first and second, folded"), (r.at_once, "y")], "⋆=")
    rectified = np.maximum(r.hidden, 0)
    place(0.3, rows[2], [(rectified, "ReLU(hidden)"), (r.second, "second"), (r.with_relu, "y")], "⋆=")
    return figure
