"""Figures of convolved pictures: before and after, the window at work, flip, gradient, padding and stride.

Results with many negative values get a map that is white at zero, dark blue below and orange above; all
others are grey from black 0 to white 1. Values beyond a map's ends are never hidden: the colour bar is
pointed there, and the caption says how many they are and how far they reach.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from decanet.convolution.images import Padding, convolve, correlate, pad_planes
from decanet.convolution.kernels import find_kernel
from decanet.core.errors import UsageError
from decanet.core.plotting import COLOURS, grid_shape, literal, new_figure, show_picture, styled
from decanet.core.results import atomic_path

BLUE, ORANGE = COLOURS[0], COLOURS[1]
READABLE = (11, 7)  # rows and columns of a kernel whose numbers are still written into its fields


@dataclass(frozen=True)
class Convolved:
    """A picture's result under one kernel: weights (kh, kw), values (H, W) or (H, W, 3)."""

    name: str
    weights: np.ndarray
    values: np.ndarray


@dataclass(frozen=True)
class Setting:
    """How a kernel is moved over a picture; the words are those of ``images.correlate``."""

    padding: Padding = "zero"
    stride: int = 1
    dilation: int = 1
    correlated: bool = False

    @property
    def word(self) -> str:
        """What is done, in a word."""
        return "cross-correlation" if self.correlated else "convolution"

    def apply(self, picture: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Convolve, or correlate where that was asked for."""
        work = correlate if self.correlated else convolve
        return work(picture, weights, padding=self.padding, stride=self.stride, dilation=self.dilation)


@styled
def draw_comparison(picture: np.ndarray, done: Convolved, what: str) -> Any:
    """Original, kernel and result side by side; a signed colour result as its three channels."""
    panels = _panels(done.values)
    height, width = picture.shape[:2]
    tall = 3.6 * min(max(height / width, 0.5), 2.0)
    figure = new_figure(3.9 * (1 + len(panels)) + 2.2, tall + 1.2)
    columns = figure.subplots(1, 2 + len(panels), width_ratios=[1, 0.5, *[1.12] * len(panels)])
    _show_original(columns[0], picture)
    _show_kernel(columns[1], done.weights, done.name)
    for axes, (title, values) in zip(columns[2:], panels):
        _show_result(figure, axes, values, title)
    figure.suptitle(literal(what), fontsize=12, fontweight="bold")
    return figure


@styled
def draw_contact_sheet(picture: np.ndarray, results: Sequence[Convolved], what: str) -> Any:
    """The original and every result, each with its kernel in the corner."""
    columns = 6 if len(results) > 15 else 5
    rows, columns = grid_shape(len(results) + 1, columns)
    aspect = min(max(picture.shape[0] / picture.shape[1], 0.5), 2.0)
    figure = new_figure(2.9 * columns, (2.9 * aspect + 0.55) * rows + 0.8)
    cells = list(figure.subplots(rows, columns, squeeze=False).flat)
    _show_original(cells[0], picture)
    for axes, done in zip(cells[1:], results):
        values = done.values
        if values.ndim == 3 and _is_signed(values):
            values = values.mean(axis=2)
        options, scale, beyond = _map_of(values)
        show_picture(axes, values if values.ndim == 2 else values.clip(0, 1), **options)
        axes.set_title(literal(f"{_broken(done.name)}\n{scale}{beyond}"), fontsize=9, fontweight="normal")
        corner = axes.inset_axes((0.02, 0.7, 0.28, 0.28))
        show_picture(corner, done.weights, **_weights_map(done.weights))
        corner.spines[:].set(visible=True, color="black")
    for axes in cells[len(results) + 1 :]:
        axes.set_axis_off()
    figure.suptitle(literal(what), fontsize=13, fontweight="bold")
    figure.supxlabel(
        "Corner: the kernel. With ±: blue is negative, white zero, orange positive. Others: black to white.",
        fontsize=9,
    )
    return figure


@styled
def draw_sliding(
    picture: np.ndarray, done: Convolved, positions: Sequence[tuple[int, int]], setting: Setting
) -> Any:
    """One line a position, (row, column) of the result: place, patch, kernel, products and their sum."""
    weights, patches = _laid_on(picture, done.weights, setting)
    figure = new_figure(12.5, 2.75 * len(positions) + 0.5)
    grid = figure.subplots(len(positions), 5, squeeze=False, width_ratios=[1.35, 1, 1, 1, 0.75])
    for line, (row, column) in zip(grid, positions):
        patch = patches(row, column)
        show_picture(line[0], picture, f"result at row {row}, column {column}", cmap="gray", vmin=0, vmax=1)
        _frame_patch(line[0], row, column, done.weights.shape, setting)
        _show_numbers(line[1], patch, "patch", _patch_map())
        _show_numbers(line[2], weights, f"× {_kernel_word(setting)}", _weights_map(weights))
        _show_numbers(line[3], patch * weights, "= products", _weights_map(patch * weights))
        line[4].set_axis_off()
        total = float((patch * weights).sum())
        line[4].text(
            0.5,
            0.55,
            f"sum = {total:.3f}".replace("-", "−"),
            ha="center",
            va="center",
            fontsize=15,
            fontweight="bold",
        )
    return figure


def save_sliding_animation(
    picture: np.ndarray, done: Convolved, centre: tuple[int, int], setting: Setting, path: Path
) -> None:
    """A GIF of the kernel moving over 6 by 6 positions around ``centre``, (row, column) of the result."""
    from PIL import Image

    frames = [Image.fromarray(frame) for frame in _sliding_frames(picture, done, centre, setting)]
    with atomic_path(path) as temporary:
        durations = [350] * (len(frames) - 1) + [2500]
        frames[0].save(temporary, "GIF", save_all=True, append_images=frames[1:], duration=durations, loop=0)


@styled
def _sliding_frames(
    picture: np.ndarray, done: Convolved, centre: tuple[int, int], setting: Setting
) -> list[np.ndarray]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    weights, patches = _laid_on(picture, done.weights, setting)
    sides = [min(6, n) for n in done.values.shape]
    top, left = (min(max(c - n // 2, 0), size - n) for c, n, size in zip(centre, sides, done.values.shape))
    positions = [(top + i, left + j) for i in range(sides[0]) for j in range(sides[1])]
    products = np.array([patches(*position) * weights for position in positions])
    limit = max(float(abs(products).max()), 1e-12)
    window = done.values[top : top + sides[0], left : left + sides[1]]

    figure = new_figure(12.0, 3.2)
    canvas = FigureCanvasAgg(figure)
    axes = figure.subplots(1, 5, width_ratios=[1.3, 1, 1, 1, 1])
    show_picture(axes[0], picture, "the picture here", cmap="gray", vmin=0, vmax=1)
    margin = [span * setting.dilation for span in done.weights.shape]
    axes[0].set_xlim(left * setting.stride - margin[1], (left + sides[1]) * setting.stride + margin[1])
    axes[0].set_ylim((top + sides[0]) * setting.stride + margin[0], top * setting.stride - margin[0])
    axes[0].set_facecolor("#dddddd")
    show_patch = _show_numbers(axes[1], products[0], "patch", _patch_map())
    _show_numbers(axes[2], weights, f"× {_kernel_word(setting)}", _weights_map(weights))
    show_products = _show_numbers(axes[3], products[0], "= products", _weights_map(np.array([limit])))
    result_map, _, _ = _map_of(window)
    growing = np.full(window.shape, np.nan)
    drawn = axes[4].imshow(growing, **result_map)
    axes[4].set(xticks=[], yticks=[])
    axes[4].grid(False)
    axes[4].set_facecolor("#dddddd")
    axes[4].spines[:].set(visible=True, color="#999999")

    frames = []
    frame: list[Any] = []
    for number, (row, column) in enumerate(positions):
        for artist in frame:
            artist.remove()
        frame = _frame_patch(axes[0], row, column, done.weights.shape, setting)
        show_patch(patches(row, column))
        show_products(products[number])
        growing.flat[number] = window.flat[number]
        drawn.set_data(growing)
        axes[4].set_title(
            f"sum = {products[number].sum():.2f}".replace("-", "−"), fontsize=11, fontweight="bold"
        )
        canvas.draw()
        frames.append(np.asarray(canvas.buffer_rgba())[..., :3].copy())
        figure.set_layout_engine("none")  # the first frame's layout stays: nothing jumps
    return frames


@styled
def draw_flip(picture: np.ndarray, name: str, weights: np.ndarray, setting: Setting) -> Any:
    """Convolution beside cross-correlation, on a single bright pixel and on the picture.

    Raises UsageError for a kernel that looks the same after half a turn: there would be nothing to see.
    """
    turned = weights[::-1, ::-1]
    if np.allclose(weights, turned):
        raise UsageError(
            f"kernel {name} looks the same flipped; choose an asymmetric one, for instance emboss"
        )
    side = 2 * max(weights.shape) + 1
    dot = np.zeros((side, side))
    dot[side // 2, side // 2] = 1
    figure = new_figure(13.0, 6.4)
    grid = figure.subplots(2, 4)
    show_picture(grid[0, 0], dot, "one bright pixel", cmap="gray")
    _show_numbers(grid[0, 1], weights, f"kernel {_broken(name)}", _weights_map(weights))
    _show_numbers(grid[1, 1], turned, "the kernel flipped", _weights_map(weights))
    _show_original(grid[1, 0], picture)
    for axes, correlated in ((grid[:, 2], True), (grid[:, 3], False)):
        moved = replace(setting, correlated=correlated)
        drawn = Setting(correlated=correlated).apply(dot, weights)
        which = "flipped kernel" if correlated else "kernel"
        show_picture(axes[0], drawn, f"{moved.word} draws the {which}", **_weights_map(drawn))
        axes[0].spines[:].set(visible=True, color="#999999")
        _show_result(figure, axes[1], moved.apply(picture, weights), moved.word)
    figure.suptitle(
        "The flip: convolution turns the kernel by half a turn, CNN libraries do not",
        fontsize=13,
        fontweight="bold",
    )
    return figure


@styled
def draw_gradient(picture: np.ndarray) -> Any:
    """Both Sobel responses of a grey picture, the gradient's magnitude, its direction as hue and arrows."""
    right, up, magnitude, direction = gradient(picture)
    height, width = picture.shape
    figure = new_figure(14.0, 8.0 * min(max(height / width, 0.5), 1.6) * 1.05 + 0.8)
    grid = figure.subplots(2, 3)
    _show_original(grid[0, 0], picture)
    _show_result(figure, grid[0, 1], right, "sobel_x: brighter to the right")
    _show_result(figure, grid[0, 2], up, "sobel_y: brighter upwards")
    top = float(np.quantile(magnitude, 0.995)) or 1.0
    image = grid[1, 0].imshow(magnitude, cmap="gray_r", vmin=0, vmax=top)
    show_picture(grid[1, 0], magnitude, "magnitude", cmap="gray_r", vmin=0, vmax=top)
    figure.colorbar(image, ax=grid[1, 0], shrink=0.8, extend="max" if magnitude.max() > top else "neither")
    show_picture(grid[1, 1], _hues(direction, magnitude / top), "direction: towards the brighter side")
    step = max(1, max(height, width) // 28)
    rows, columns = np.mgrid[step // 2 : height : step, step // 2 : width : step]
    strong = magnitude[rows, columns] > 0.25 * top
    rows, columns = rows[strong], columns[strong]
    angle = direction[rows, columns]
    grid[1, 1].quiver(columns, rows, np.cos(angle), np.sin(angle), color="white", scale=34, width=0.005)
    y, x = np.mgrid[1:-1:201j, -1:1:201j]
    radius = np.hypot(x, y)
    wheel = _hues(np.arctan2(y, x), np.where(radius <= 1, radius, 0))
    wheel[radius > 1] = 1
    show_picture(
        grid[1, 2], wheel, "key: hue is the direction, brightness the magnitude", extent=(-1, 1, -1, 1)
    )
    for turn in range(8):
        dx, dy = np.cos(turn * np.pi / 4), np.sin(turn * np.pi / 4)
        grid[1, 2].annotate("", (0.93 * dx, 0.93 * dy), (0.45 * dx, 0.45 * dy),
                            arrowprops={"arrowstyle": "-|>", "color": "white"})  # fmt: skip
    figure.suptitle("The gradient of a picture from the Sobel pair", fontsize=13, fontweight="bold")
    return figure


def gradient(picture: np.ndarray) -> tuple[np.ndarray, ...]:
    """By the Sobel pair: right, up, magnitude, direction (radians, counter-clockwise), each (H, W)."""
    right = correlate(picture, find_kernel("sobel_x"), padding="replicate")
    up = correlate(picture, find_kernel("sobel_y"), padding="replicate")
    return right, up, np.hypot(right, up), np.arctan2(up, right)


@styled
def draw_padding_and_stride() -> Any:
    """What padding, stride and dilation do on a grid of 5 by 5 pixels; every number is computed."""
    picture = np.random.default_rng(5).integers(1, 10, (5, 5)).astype(float)
    ones = np.ones((3, 3))
    cases = (Setting("none"), Setting("zero"), Setting("zero", stride=2), Setting("zero", dilation=2))
    figure = new_figure(14.0, 7.6)
    grid = figure.subplots(2, 4, height_ratios=[1.25, 1])
    for above, below, case in zip(*grid, cases):
        padding, stride, dilation = case.padding, case.stride, case.dilation
        span = 2 * dilation
        border = span // 2 if padding == "zero" else 0
        padded = np.pad(picture, border)
        result = case.apply(picture, ones)
        _draw_cells(
            above, padded, border, picked=[(i * dilation, j * dilation) for i in range(3) for j in range(3)]
        )
        _outline(above, 0, 0, span + 1, BLUE, "-")
        if padded.shape[1] > span + stride:
            _outline(above, 0, stride, span + 1, ORANGE, "--")
        above.set_title(f"padding {padding}, stride {stride}, dilation {dilation}")
        _draw_cells(below, result, 0, picked=[(0, 0)])
        _outline(below, 0, 0, 1, BLUE, "-")
        if result.shape[1] > 1:
            _outline(below, 0, 1, 1, ORANGE, "--")
        size = f"floor(({len(picture)} + 2·{border} − {dilation}·(3 − 1) − 1) / {stride}) + 1 = {len(result)}"
        below.set_title(size, fontsize=9, fontweight="normal")
        below.set_xlabel(f"result {result.shape[0]} × {result.shape[1]}")
    figure.suptitle("A 3 × 3 kernel of ones on a 5 × 5 picture", fontsize=13, fontweight="bold")
    figure.supxlabel(
        "Above: the picture with its zero padding (grey fields). Below: the result. Solid frame: the first "
        "position and its sum,\nof the bold numbers. Dashed frame: the next one to the right, and its sum.",
        fontsize=9,
    )
    return figure


def _panels(values: np.ndarray) -> list[tuple[str, np.ndarray]]:
    if values.ndim == 3 and _is_signed(values):
        return [(f"result, {colour}", values[..., i]) for i, colour in enumerate(("red", "green", "blue"))]
    return [("result", values)]


def _is_signed(values: np.ndarray) -> bool:
    # Sharpening leaves a few specks below 0; what answers to change is negative on about half of the picture.
    return bool((values < -1e-6 * abs(values).max()).mean() > 0.15)


def _map_of(values: np.ndarray) -> tuple[dict[str, Any], str, str]:
    """How values are shown: imshow's options, the scale in words, and how many values lie beyond it."""
    if _is_signed(values):
        limit = float(np.quantile(abs(values), 0.995)) or float(abs(values).max()) or 1.0
        low, high, scale = -limit, limit, f"±{limit:.3g}"
        options: dict[str, Any] = {"cmap": _diverging()}
    else:
        low, high = 0.0, 1.0
        if ((values < low - 1e-6) | (values > high + 1e-6)).mean() > 0.15:
            low, high = (float(q) for q in np.quantile(values, (0.005, 0.995)))
        scale = f"{low:.3g} to {high:.3g}"
        options = {"cmap": "gray"}
    beyond = (values < low - 1e-6) | (values > high + 1e-6)
    share = f", {100 * beyond.mean():.2g}% beyond" if beyond.any() else ""
    return options | {"vmin": low, "vmax": high}, scale, share


def _show_result(figure: Any, axes: Any, values: np.ndarray, title: str) -> None:
    options, scale, beyond = _map_of(values)
    show_picture(axes, values if values.ndim == 2 else values.clip(0, 1), title, **options)
    axes.set_xlabel(f"scale {scale}{beyond}; values {values.min():.3g} to {values.max():.3g}", fontsize=8.5)
    if values.ndim == 2:
        below, above = values.min() < options["vmin"] - 1e-6, values.max() > options["vmax"] + 1e-6
        ends = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[int(below), int(above)]
        figure.colorbar(axes.images[0], ax=axes, shrink=0.8, extend=ends, pad=0.02).ax.tick_params(
            labelsize=8
        )


def _show_original(axes: Any, picture: np.ndarray) -> None:
    show_picture(axes, picture, "original", cmap="gray", vmin=0, vmax=1)


def _show_kernel(axes: Any, weights: np.ndarray, name: str) -> None:
    title = f"{_broken(name)}\n{' × '.join(map(str, weights.shape))}"
    if weights.ndim == 3:
        title += ": red, green, blue"
        gap = np.full((1, weights.shape[2]), np.nan)
        matrices = np.concatenate([rows for matrix in weights for rows in (gap, matrix)][1:])
    else:
        matrices = weights
    _show_numbers(axes, matrices, title, _weights_map(weights))


def _show_numbers(axes: Any, values: np.ndarray, title: str, options: dict[str, Any]) -> Any:
    """A small matrix as fields with numbers, none where it is NaN; returns a function that shows others there."""
    show_picture(axes, values, title, **options)
    axes.spines[:].set(visible=True, color="#999999")
    image, labels = axes.images[0], []
    if values.shape[0] <= READABLE[0] and values.shape[1] <= READABLE[1]:
        size = 11 if max(values.shape) <= 3 else 8.5 if max(values.shape) <= 5 else 6.5
        places = [(i, j) for i in range(values.shape[0]) for j in range(values.shape[1])]
        labels = [axes.text(j, i, "", ha="center", va="center", fontsize=size) for i, j in places]

    def show(other: np.ndarray) -> None:
        image.set_data(other)
        for label, value in zip(labels, other.flat):
            red, green, blue, _ = image.cmap(image.norm(value))
            dark = 0.299 * red + 0.587 * green + 0.114 * blue < 0.5
            text = "" if np.isnan(value) else _short(float(value))
            label.set(text=text, color="white" if dark else "black")

    show(values)
    return show


def _short(value: float) -> str:
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text.replace("-", "−")


def _broken(name: str) -> str:
    return name.replace(":", ":\n", 1) if len(name) > 18 else name


def _diverging() -> Any:
    from matplotlib.colors import LinearSegmentedColormap

    # Negative ends darker than positive, so that the sign survives a black-and-white print.
    return LinearSegmentedColormap.from_list(
        "signed", ["#04204f", "#2f7fbf", "#ffffff", "#f2a04a", "#c75a00"]
    )


def _weights_map(weights: np.ndarray) -> dict[str, Any]:
    limit = float(abs(weights).max()) or 1.0
    return {"cmap": _diverging(), "vmin": -limit, "vmax": limit}


def _patch_map() -> dict[str, Any]:
    return {"cmap": "gray", "vmin": 0, "vmax": 1}


def _hues(direction: np.ndarray, strength: np.ndarray) -> np.ndarray:
    from matplotlib.colors import hsv_to_rgb

    hue = direction / (2 * np.pi) % 1
    return hsv_to_rgb(np.stack([hue, np.full_like(hue, 0.85), np.clip(strength, 0, 1)], axis=-1))


def _kernel_word(setting: Setting) -> str:
    return "kernel" if setting.correlated else "flipped kernel"


def _before(shape: Sequence[int], setting: Setting) -> list[int]:
    if setting.padding == "none":
        return [0, 0]
    return [(setting.dilation * (n - 1) + (not setting.correlated)) // 2 for n in shape]


def _laid_on(picture: np.ndarray, weights: np.ndarray, setting: Setting) -> tuple[np.ndarray, Any]:
    """The weights as laid on the picture, and a function from a position to the patch beneath them."""
    flipped, dilation, stride = not setting.correlated, setting.dilation, setting.stride
    spans = [dilation * (n - 1) for n in weights.shape]
    padded = pad_planes(picture[None], spans, setting.padding, flipped)[0]

    def patch(row: int, column: int) -> np.ndarray:
        top, left = row * stride, column * stride
        return padded[top : top + spans[0] + 1 : dilation, left : left + spans[1] + 1 : dilation]

    return (weights[::-1, ::-1] if flipped else weights), patch


def _frame_patch(axes: Any, row: int, column: int, shape: Sequence[int], setting: Setting) -> list[Any]:
    from matplotlib.patches import Rectangle

    height, width = (setting.dilation * (n - 1) + 1 for n in shape)
    above, before = _before(shape, setting)
    top, left = row * setting.stride - above - 0.5, column * setting.stride - before - 0.5
    artists = [
        axes.add_patch(Rectangle((left, top), width, height, fill=False, color=ORANGE, lw=2, clip_on=False))
    ]
    shown = abs(axes.get_xlim()[1] - axes.get_xlim()[0])
    if shown > 12 * max(height, width):  # too small to be found without help
        x, y = left + width / 2, top + height / 2
        artists.append(axes.plot(x, y, "o", ms=16, mfc="none", mec=ORANGE, mew=2, clip_on=False)[0])
    return artists


def _draw_cells(axes: Any, values: np.ndarray, border: int, picked: Sequence[tuple[int, int]]) -> None:
    height, width = values.shape
    inner = np.zeros(values.shape)
    inner[border : height - border, border : width - border] = 1
    axes.imshow(np.where(inner, 1.0, 0.86), cmap="gray", vmin=0, vmax=1)
    axes.set(
        xticks=np.arange(0.5, width - 1), yticks=np.arange(0.5, height - 1), xticklabels=[], yticklabels=[]
    )
    axes.grid(True, color="#bbbbbb")
    axes.set_axisbelow(False)
    axes.tick_params(length=0)
    axes.spines[:].set(visible=True, color="#bbbbbb")
    size = 12 if width <= 7 else 10
    for i in range(height):
        for j in range(width):
            heavy = "bold" if (i, j) in picked else "normal"
            colour = "black" if inner[i, j] else "#555555"
            axes.text(
                j,
                i,
                f"{values[i, j]:.0f}",
                ha="center",
                va="center",
                fontsize=size,
                weight=heavy,
                color=colour,
            )


def _outline(axes: Any, row: int, column: int, side: int, colour: str, line: str) -> None:
    from matplotlib.patches import Rectangle

    inset = 0.06 if line == "--" else 0
    corner, size = (column - 0.5 + inset, row - 0.5 + inset), side - 2 * inset
    axes.add_patch(
        Rectangle(corner, size, size, fill=False, color=colour, lw=2.6, ls=line, clip_on=False, zorder=5)
    )
