"""Arrays of numbers drawn as cells of equal size, beside each other and with formulas between them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.layer_examples._text import decimals_of, number
from decanet.convolution.reference import Array
from decanet.core.plotting import COLORS, literal, new_figure, signed_scale

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CELL = (0.66, 0.36)  # inches of a cell, wide enough for -1.2345
BLUE, ORANGE, GREEN = COLORS[0], COLORS[1], COLORS[2]
TINT = 0.7  # of the full colors, so that black numbers are readable on all of them


class Board:
    """Drawing area of ``width`` by ``height`` cells; positions are in cells, from the top left.

    The texts of the cells of a block have its title as their ``gid``.
    """

    def __init__(self, axes: Any, width: float, height: float) -> None:
        self.axes = axes
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.set_axis_off()

    def cells(
        self, left: float, top: float, values: Array, title: str, *,
        decimals: int | None = None, limit: float | None = None,
        rows: Sequence[str] = (), columns: Sequence[str] = (), bold: Array | None = None, color: str | None = None,
        padding: int = 0,
    ) -> None:  # fmt: skip
        """Draw an array (columns,) or (rows, columns) below its title, negative values blue and positive ones orange.

        Args:
            left, top: position of the first cell.
            values: what is drawn.
            title: a few words above the cells.
            decimals: of all numbers; by default as many as they need.
            limit: the value of the full color; by default the largest magnitude.
            rows, columns: labels left of the rows and above the columns.
            bold: mask (rows, columns) of the cells to emphasize with a bold number and a thick border.
            color: one for all cells, where it means something else than the sign.
            padding: cells drawn around these, above which the title stands.
        """
        from matplotlib.colors import to_rgb
        from matplotlib.patches import Rectangle

        values = np.atleast_2d(values)
        marked = np.zeros(values.shape, bool) if bold is None else np.atleast_2d(bold)
        shown = decimals_of(values) if decimals is None else decimals
        finite = np.where(np.isfinite(values), values, 0.0)
        scale = signed_scale(float(abs(finite).max()) if limit is None else limit)
        colors = 1 + TINT * (scale["cmap"](0.5 + 0.36 * finite / scale["vmax"])[..., :3] - 1)
        if color is not None:
            colors[:] = 1 + 0.35 * (np.array(to_rgb(color)) - 1)
        for (i, j), value in np.ndenumerate(values):
            edge = {"edgecolor": "black", "linewidth": 2.0} if marked[i, j] else {"edgecolor": "#999999"}
            order = 2 if marked[i, j] else 1
            place = (left + j, top + i)
            self.axes.add_patch(Rectangle(place, 1, 1, facecolor=colors[i, j], zorder=order, **edge))
            self.axes.text(
                left + j + 0.5, top + i + 0.5, number(float(value), shown).replace("-", "−"), gid=title,
                ha="center", va="center", fontsize=10, zorder=3, fontweight="bold" if marked[i, j] else "normal",
            )  # fmt: skip
        for i, label in enumerate(rows):
            self.write(left - 0.15, top + i + 0.5, label, ha="right", color="#555555", fontsize=9)
        for j, label in enumerate(columns):
            self.write(left + j + 0.5, top - 0.3, label, ha="center", color="#555555", fontsize=9)
        self.write(left - padding, top - padding - (1.0 if columns else 0.4), title, fontweight="bold")

    def write(self, x: float, y: float, text: str, **options: Any) -> None:
        """Write literal text, left-aligned and vertically centered by default."""
        self.axes.text(x, y, literal(text), **{"ha": "left", "va": "center", "fontsize": 10, **options})


def new_board(width: float, height: float, title: str) -> tuple["Figure", Board]:
    """Return a figure with a bold title over a board of ``width`` by ``height`` cells."""
    figure = new_figure(width * CELL[0] + 0.2, height * CELL[1] + 0.5)
    write_title(figure, title)
    return figure, Board(figure.subplots(), width, height)


def write_title(figure: Any, title: str) -> None:
    """Write the bold title of a figure."""
    figure.suptitle(literal(title), fontsize=13, fontweight="bold")
