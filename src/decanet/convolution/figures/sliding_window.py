"""Figure and animation of a kernel on an image: patch, kernel, products and their sum."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from decanet.convolution.figures._panels import (
    GRAY,
    ORANGE,
    box_of,
    number,
    scale_of,
    show_numbers,
    weights_scale,
    write_caption,
    write_title,
)
from decanet.convolution.filtering import Convolved, Setting
from decanet.convolution.kernel_lookup import describe
from decanet.convolution.sliding_window import (
    Position,
    SlidingWindow,
    check_positions,
    default_positions,
    scan_positions,
)
from decanet.core.files import atomic_path
from decanet.core.plotting import new_figure, save_figure, show_image, styled

ROUNDED = "Gray values are rounded to hundredths; the sum is that of the printed products."


def save_sliding(
    image: np.ndarray, done: Convolved, positions: Sequence[Position], setting: Setting, path: Path
) -> None:
    """Write the figure of the kernel at ``positions``, or an animation where ``path`` ends in .gif.

    Args:
        image: gray values, (H, W).
        done: the result of the image and one kernel (kh, kw).
        positions: (row, column) of the result; none for :func:`default_positions`, or for :func:`scan_positions` in an
            animation.
        setting: how the kernel is moved.
        path: the file, by its ending a figure or an animation.

    Raises UsageError for a position outside the result.
    """
    check_positions(positions, done)
    if path.suffix.lower() == ".gif":
        save_sliding_animation(image, done, positions, setting, path)
    else:
        labels = dict.fromkeys(positions, "") or default_positions(done)
        save_figure(draw_sliding(image, done, labels, setting), path)


@styled
def draw_sliding(
    image: np.ndarray, done: Convolved, positions: Mapping[Position, str], setting: Setting
) -> Any:
    """Draw a row for each position (with its description): image, patch, kernel, products and their sum."""
    window = SlidingWindow(image, done.weights, setting)
    width, height = box_of(image, 3.1)
    figure = new_figure(width + 8.4, (max(height, 2.0) + 0.45) * len(positions) + 0.5)
    grid = figure.subplots(len(positions), 5, squeeze=False, width_ratios=[width, 2, 2, 2, 1.7])
    for line, ((row, column), what) in zip(grid, positions.items()):
        products = window.products(row, column)
        place = f"row {row}, column {column}"
        show_image(line[0], image, f"{place}\n{what}" if what else place, **GRAY)
        _frame_patch(line[0], row, column, done.weights, setting)
        show_numbers(line[1], window.patch(row, column), "patch of the image", GRAY, 2)
        _show_weights(line[2], window, setting)
        show_numbers(line[3], products, "= products", weights_scale(products), window.decimals)
        line[4].set_axis_off()
        line[4].text(
            0.5, 0.55, _sum_text(products, window), ha="center", va="center", fontsize=13, fontweight="bold"
        )
        exact = f"from unrounded values: {number(done.values[row, column], 4)}"
        line[4].text(0.5, 0.38, exact, ha="center", va="center", fontsize=8)
    layout: Any = figure.get_layout_engine()
    layout.set(h_pad=0.1)  # space between the titles of a row and the row above
    write_title(figure, describe(done.name))
    write_caption(figure, setting.caption, ROUNDED)
    return figure


def save_sliding_animation(
    image: np.ndarray, done: Convolved, positions: Sequence[Position], setting: Setting, path: Path
) -> None:
    """Write a GIF in which the result is filled row by row; each frame shows the kernel at one of the positions.

    Args:
        image: gray values, (H, W).
        done: the result of the image and one kernel (kh, kw).
        positions: (row, column) of the result; none for :func:`scan_positions`.
        setting: how the kernel is moved.
        path: the file.
    """
    from PIL import Image

    drawn = _sliding_frames(image, done, positions, setting)
    # One palette for all frames, from the first and the last: each frame then stores only its changes.
    palette = Image.fromarray(np.concatenate([drawn[0], drawn[-1]])).quantize(256)
    frames = [Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE) for frame in drawn]
    with atomic_path(path) as temporary:
        durations = [450] * (len(frames) - 1) + [2500]
        frames[0].save(temporary, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)


@styled
def _sliding_frames(
    image: np.ndarray, done: Convolved, positions: Sequence[Position], setting: Setting
) -> list[np.ndarray]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    window = SlidingWindow(image, done.weights, setting)
    chosen = sorted(positions) if positions else scan_positions(done)
    limit = np.array([max(abs(window.products(*position)).max() for position in chosen)])
    scale = scale_of(done.inside)
    width, height = box_of(image, 3.3)
    figure = new_figure(2 * width + 5.9, max(height, 1.9) + 0.75)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(1, 5, width_ratios=[width, 1.8, 1.8, 1.8, width])
    show_image(axes[0], _thinned(image), "image", extent=_extent(image), **GRAY)
    show_patch = show_numbers(axes[1], window.patch(*chosen[0]), "patch of the image", GRAY, 2)
    _show_weights(axes[2], window, setting)
    products = window.products(*chosen[0])
    show_products = show_numbers(axes[3], products, "= products", weights_scale(limit), window.decimals)
    growing = np.full(done.values.shape, np.nan)
    show_image(axes[4], _thinned(growing), "result", extent=_extent(growing), **scale.options)
    axes[4].set_facecolor("#dddddd")
    axes[4].spines[:].set(visible=True, color="#999999")
    drawn = axes[4].images[0]

    frames = []
    artists: list[Any] = []
    for row, column in chosen:
        for artist in artists:
            artist.remove()
        artists = _frame_patch(axes[0], row, column, done.weights, setting)
        artists += axes[4].plot(column, row, "o", ms=10, mfc="none", mec="black", mew=1.5, clip_on=False)
        show_patch(window.patch(row, column))
        show_products(products := window.products(row, column))
        growing[: row + 1] = done.values[: row + 1]
        growing[row, column + 1 :] = np.nan
        drawn.set_data(_thinned(growing))
        axes[4].set_title(f"result: {_sum_text(products, window)}", fontsize=9)
        canvas.draw()
        frames.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        figure.set_layout_engine("none")  # keep the layout of the first frame
    drawn.set_data(_thinned(done.values))
    for artist in artists:
        artist.set_visible(False)
    axes[4].set_title("result", fontsize=9)
    canvas.draw()
    frames.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
    return frames


def _thinned(values: np.ndarray) -> np.ndarray:
    """Return a large array with rows and columns left out, which a frame cannot resolve."""
    step = -(-max(values.shape) // 1000)
    return values[::step, ::step]


def _extent(values: np.ndarray) -> tuple[float, float, float, float]:
    """Return the extent of all rows and columns of ``values`` for ``imshow``."""
    height, width = values.shape
    return -0.5, width - 0.5, height - 0.5, -0.5


def _sum_text(products: np.ndarray, window: SlidingWindow) -> str:
    return f"sum = {number(float(products.sum()), window.decimals)}"


def _show_weights(axes: Any, window: SlidingWindow, setting: Setting) -> None:
    title = "× kernel" if setting.correlated else "× flipped kernel"
    show_numbers(axes, window.weights, title, weights_scale(window.weights), window.weight_decimals)


def _frame_patch(axes: Any, row: int, column: int, weights: np.ndarray, setting: Setting) -> list[Any]:
    from matplotlib.patches import Rectangle

    height, width = (span + 1 for span in setting.spans(weights))
    above, before = setting.before(weights)
    top, left = row * setting.strides[0] - above - 0.5, column * setting.strides[1] - before - 0.5
    artists = [
        axes.add_patch(Rectangle((left, top), width, height, fill=False, color=ORANGE, lw=2, clip_on=False))
    ]
    shown = abs(axes.get_xlim()[1] - axes.get_xlim()[0])
    if shown > 12 * max(height, width):  # too small to be visible
        limits = axes.get_xlim(), axes.get_ylim()
        x, y = left + width / 2, top + height / 2
        artists.append(axes.plot(x, y, "o", ms=16, mfc="none", mec=ORANGE, mew=2, clip_on=False)[0])
        axes.set(xlim=limits[0], ylim=limits[1])
    for artist in artists:
        artist.set_in_layout(False)  # a frame over the padding must not shrink its image
    return artists
