"""Figure of an image as matrices: a crop with its numbers, its channels, shuffled pixels, snow."""

from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.matrices import SIZE, Matrices
from decanet.core.plotting import new_figure, show_image, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CHANNELS = ("Reds", "Greens", "Blues")


@styled
def draw_matrices(found: Matrices) -> "Figure":
    """Draw the image with its crop, the numbers of the crop in gray and by channel, and the pixels out of order."""
    height, width = found.image.shape[:2]
    figure = new_figure(14, 7.6)
    figure.suptitle(
        "An image is a matrix of numbers, a color image three of them", fontsize=13, fontweight="bold"
    )
    grid = figure.subplots(2, 4)
    _with_frame(grid[0, 0], found, f"image, {height} × {width} pixels")
    _numbers(grid[0, 1], found.crop_gray, "its brightness, 0 (black) to 255", "gray")
    correlations = [f"{value:.3f}".replace("-", "\N{MINUS SIGN}") for value in found.neighbors]
    show_image(
        grid[0, 2], found.shuffled, f"the same pixels, shuffled\ncorrelation of neighbors {correlations[1]}"
    )
    show_image(
        grid[0, 3],
        found.noise,
        f"random matrix: snow\ncorrelation of neighbors {correlations[2]}",
        cmap="gray",
    )
    row, column = found.at
    crop = f"crop at row {row}, column {column}"
    show_image(grid[1, 0], found.crop / 255, f"{crop}\nneighbors in the image: {correlations[0]}")
    for axes, channel, name, colors in zip(grid[1, 1:], range(3), ("red", "green", "blue"), CHANNELS):
        _numbers(axes, found.crop[..., channel], name, f"{colors}_r")
    return figure


def _with_frame(axes: Any, found: Matrices, title: str) -> None:
    from matplotlib.patches import Rectangle

    show_image(axes, found.image, title, interpolation="antialiased")
    row, column = found.at
    grown = max(SIZE, max(found.image.shape[:2]) / 30)  # a frame of eight pixels would not be seen
    shift = (grown - SIZE) / 2
    axes.add_patch(
        Rectangle(
            (column - 0.5 - shift, row - 0.5 - shift),
            grown,
            grown,
            fill=False,
            edgecolor="#d55e00",
            linewidth=2,
        )
    )


def _numbers(axes: Any, values: np.ndarray, title: str, colors: str) -> None:
    """A matrix with its numbers; they are black or white, whichever is readable on the cell."""
    show_image(axes, values, title, cmap=colors, vmin=-60 if colors != "gray" else 0, vmax=255)
    image = axes.images[0]
    for (i, j), value in np.ndenumerate(values):
        red, green, blue, _ = image.cmap(image.norm(value))
        dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
        axes.text(j, i, str(value), ha="center", va="center", fontsize=8, color="white" if dark else "black")
