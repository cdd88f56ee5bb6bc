"""Figures of the flip, of the gradient, and of padding, stride and dilation on a small grid."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from decanet.convolution.figures._panels import (
    BLUE,
    GRAY,
    ORANGE,
    Scale,
    box_of,
    by,
    scale_caption,
    scale_of,
    show_color_bar,
    show_numbers,
    show_original,
    show_result,
    weights_scale,
    write_caption,
    write_title,
)
from decanet.convolution.filtering import Convolved, Setting
from decanet.convolution.kernel_lookup import find_kernel
from decanet.core.errors import UsageError
from decanet.core.plotting import new_figure, show_image, styled

MOST_CELLS = 13  # in a row of the grid, to keep numbers readable


@styled
def draw_flip(image: np.ndarray, name: str, weights: np.ndarray, setting: Setting) -> Any:
    """Draw cross-correlation beside convolution, for a single bright pixel and for the image.

    Raises UsageError for a kernel that is equal to itself flipped, for which both are the same.
    """
    flipped = weights[::-1, ::-1]
    if np.allclose(weights, flipped):
        raise UsageError(
            f"kernel {name} is equal to itself flipped; choose an asymmetric one, for instance emboss"
        )
    size = 2 * max(weights.shape) + 1
    dot = np.zeros((size, size))
    dot[size // 2, size // 2] = 1
    both = [replace(setting, correlated=correlated) for correlated in (True, False)]
    results = [moved.result(name, image, weights) for moved in both]
    scale = scale_of(np.concatenate([done.inside.ravel() for done in results]))

    width, height = box_of(image, 4.0)
    figure = new_figure(3 * width + 0.9, height + 3.6)
    above, below = figure.subfigures(2, 1, height_ratios=[2.1, height + 0.5])  # type: ignore[misc]
    small = above.subplots(1, 5)
    show_numbers(small[0], weights, f"kernel {name}", weights_scale(weights))
    show_numbers(small[1], flipped, "the kernel flipped", weights_scale(weights))
    show_image(small[2], dot, "an image: one bright pixel", cmap="gray")
    for axes, moved, which in zip(small[3:], both, ("flipped kernel", "kernel")):
        drawn = Setting(correlated=moved.correlated).apply(dot, weights)
        show_image(axes, drawn, f"{moved.word}:\nthe {which}", **weights_scale(drawn))
        axes.spines[:].set(visible=True, color="#999999")
    large = below.subplots(1, 3)
    show_original(large[0], image)
    for axes, moved, done in zip(large[1:], both, results):
        show_result(axes, done.values, scale, moved.word)
    show_color_bar(large[2], np.stack([done.values for done in results]), scale)
    write_title(figure, "Convolution flips the kernel, the cross-correlation of CNN libraries does not")
    change = "With this kernel the flip only changes the sign." if np.allclose(weights, -flipped) else ""
    options = f"{setting.options.capitalize()}."
    write_caption(figure, change, options, scale_caption([scale], results))
    return figure


@styled
def draw_gradient(image: np.ndarray, setting: Setting) -> Any:
    """Draw both Sobel responses of a gray image, the magnitude of the gradient and its direction."""
    right, up = (setting.result(name, image, find_kernel(name)) for name in ("sobel_x", "sobel_y"))
    magnitude, direction = np.hypot(right.values, up.values), np.arctan2(up.values, right.values)
    scale = scale_of(np.stack([right.inside, up.inside]))
    width, height = box_of(image, 3.8)
    figure = new_figure(3 * width + 1.6, 2 * height + 1.9)
    grid = figure.subplots(2, 3)
    show_original(grid[0, 0], image)
    show_result(grid[0, 1], right.values, scale, "sobel_x: positive where\nbrighter to the right")
    show_result(grid[0, 2], up.values, scale, "sobel_y: positive where\nbrighter upwards")
    show_color_bar(grid[0, 2], np.stack([right.values, up.values]), scale)

    top = float(np.quantile(magnitude[right.inner], 0.995)) or 1.0
    show_image(grid[1, 0], _hues(direction, magnitude / top), "direction as hue,\nmagnitude as brightness")
    _show_wheel(grid[1, 0].inset_axes((0.8, 0.02, 0.19, 0.19 * image.shape[1] / image.shape[0])))
    show_image(grid[1, 1], image, "mean of blocks as arrows\ntoward brighter pixels",
                 cmap="gray", vmin=-1.5, vmax=1)  # fmt: skip
    _draw_arrows(grid[1, 1], right, up, setting)
    strengths = Scale({"cmap": "gray_r", "vmin": 0, "vmax": top}, beyond=0)
    show_result(grid[1, 2], magnitude, strengths, "magnitude")
    show_color_bar(grid[1, 2], magnitude, strengths)
    write_title(figure, "Gradient of an image from both Sobel kernels")
    write_caption(figure, setting.caption, scale_caption([scale], [right]))
    return figure


def _draw_arrows(axes: Any, right: Convolved, up: Convolved, setting: Setting) -> None:
    """Draw the mean gradient of square blocks, at most 16 along an axis, as arrows on the image."""
    inside = [done.inside for done in (right, up)]
    block = -(-max(inside[0].shape) // 16)
    rows, columns = (n // block for n in inside[0].shape)
    if not rows or not columns:
        return
    tiles = [one[: rows * block, : columns * block].reshape(rows, block, columns, block) for one in inside]
    u, v = (tile.mean(axis=(1, 3)) for tile in tiles)
    first = [span.indices(n)[0] for span, n in zip(right.inner, right.values.shape)]
    y, x = ((start + block * (np.arange(n) + 0.5) - 0.5) * stride
            for start, n, stride in zip(first, (rows, columns), setting.strides))  # fmt: skip
    longest = float(np.quantile(np.hypot(u, v), 0.98)) or 1.0
    axes.quiver(x, y, u, v, angles="uv", color="#c75a00", pivot="mid", units="width", width=0.005,
                scale_units="x", scale=longest / (1.5 * block * min(setting.strides)))  # fmt: skip


def _show_wheel(axes: Any) -> None:
    """Draw the key of the hues: a disk, bright at its rim, transparent outside."""
    y, x = np.mgrid[1:-1:401j, -1:1:401j]
    radius = np.hypot(x, y)
    wheel = np.dstack([_hues(np.arctan2(y, x), radius), np.clip((1 - radius) * 200, 0, 1)])
    show_image(axes, wheel, interpolation="bilinear")
    axes.set_facecolor("none")
    for dx, dy in ((1, 0), (0, 1), (-1, 0), (0, -1)):
        axes.annotate("", (200 + 170 * dx, 200 - 170 * dy), (200 + 70 * dx, 200 - 70 * dy),
                      arrowprops={"arrowstyle": "-|>", "color": "white", "lw": 0.8, "mutation_scale": 7})  # fmt: skip


def _hues(direction: np.ndarray, strength: np.ndarray) -> np.ndarray:
    from matplotlib.colors import hsv_to_rgb

    hue = direction / (2 * np.pi) % 1
    return hsv_to_rgb(np.stack([hue, np.full_like(hue, 0.85), np.clip(strength, 0, 1)], axis=-1))


def grid_cases(setting: Setting) -> list[Setting]:
    """Return the settings of the grid: each option by itself, or in steps to ``setting``."""
    padding, stride, dilation = setting.padding, setting.stride, setting.dilation
    if (padding, stride, dilation) == ("zero", 1, 1):
        return [Setting("none"), Setting(), Setting(stride=2), Setting(dilation=2)]
    steps = [Setting("none"), Setting(padding), Setting(padding, stride), Setting(padding, stride, dilation)]
    return [*dict.fromkeys(steps)]


@styled
def draw_padding_and_stride(setting: Setting) -> Any:
    """Draw the effect of padding, stride and dilation on a grid of 5 by 5 pixels, with computed numbers.

    Raises UsageError where the padded grid would not be readable.
    """
    image = np.random.default_rng(5).integers(1, 10, (5, 5)).astype(float)
    ones = np.ones((3, 3))
    cases = grid_cases(setting)
    if len(image) + max(setting.spans(ones)) > MOST_CELLS:
        most = max(setting.dilations)
        raise UsageError(
            f"the grid of 5x5 pixels is too small for dilation {most}; use a dilation of up to 4"
        )
    results = [case.apply(image, ones) for case in cases]
    figure = new_figure(3.25 * max(len(cases), 2), 6.7)
    grid = figure.subplots(2, len(cases), height_ratios=[1.25, 1], squeeze=False)
    for above, below, case, result in zip(*grid, cases, results):
        (down, right), (apart_down, apart_right) = case.strides, case.dilations
        spans = [span + 1 for span in case.spans(ones)]
        padded, margins = case.pad(image, ones), case.before(ones)
        picked = [(i * apart_down, j * apart_right) for i in range(3) for j in range(3)]
        _draw_cells(above, padded, margins, picked)
        _outline(above, 0, 0, spans, BLUE, "-")
        if padded.shape[1] >= spans[1] + right:
            _outline(above, 0, right, spans, ORANGE, "--")
        above.set_title(case.options.replace(", dilation", ",\ndilation"), fontsize=10)
        _draw_cells(below, result, (0, 0), picked=[(0, 0)])
        _outline(below, 0, 0, (1, 1), BLUE, "-")
        if result.shape[1] > 1:
            _outline(below, 0, 1, (1, 1), ORANGE, "--")
        sizes = [
            f"floor(({size} − {span}) / {stride}) + 1 = {outcome}"
            for size, span, stride, outcome in zip(padded.shape, spans, (down, right), result.shape)
        ]
        size = "\n".join(dict.fromkeys(sizes))
        below.set_title(f"result {by(result.shape)}\n{size}", fontsize=9, fontweight="normal")
    write_title(figure, "A 3 × 3 kernel of ones on a 5 × 5 image")
    write_caption(
        figure,
        "Above: the image with its padding (gray cells); below: the result. Solid frame: the first position of the "
        "kernel and its result, the sum of the bold numbers. Dashed frame: the next position. Size of the result: "
        "floor((padded size − span) / stride) + 1, where the kernel spans dilation × (3 − 1) + 1 pixels.",
    )
    return figure


def _draw_cells(
    axes: Any, values: np.ndarray, margins: Sequence[int], picked: Sequence[tuple[int, int]]
) -> None:
    height, width = values.shape
    inner = np.zeros(values.shape)
    above, before = margins
    inner[above : height - above, before : width - before] = 1
    axes.imshow(np.where(inner, 1.0, 0.86), **GRAY)
    axes.set(
        xticks=np.arange(0.5, width - 1), yticks=np.arange(0.5, height - 1), xticklabels=[], yticklabels=[]
    )
    axes.grid(True, color="#bbbbbb")
    axes.set_axisbelow(False)
    axes.tick_params(length=0)
    axes.spines[:].set(visible=True, color="#bbbbbb")
    size = 12 if width <= 7 else 10 if width <= 9 else 8
    for (i, j), value in np.ndenumerate(values):
        heavy = "bold" if (i, j) in picked else "normal"
        color = "black" if inner[i, j] else "#555555"
        axes.text(j, i, f"{value:.0f}", ha="center", va="center", fontsize=size, weight=heavy, color=color)


def _outline(axes: Any, row: int, column: int, lengths: Sequence[int], color: str, line: str) -> None:
    from matplotlib.patches import Rectangle

    inset = 0.06 if line == "--" else 0
    corner = (column - 0.5 + inset, row - 0.5 + inset)
    height, width = (length - 2 * inset for length in lengths)
    axes.add_patch(
        Rectangle(corner, width, height, fill=False, color=color, lw=2.6, ls=line, clip_on=False, zorder=5)
    )
