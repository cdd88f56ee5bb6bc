"""Figures of signals: the tutorial's panels, a sound before and after, the sliding kernel."""

import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.signals import (
    TUTORIAL_SECONDS,
    Array,
    ExponentialDecay,
    convolve_recursion,
    sine,
    sine_delay,
    sine_gain,
    tutorial_times,
)
from decanet.core.files import atomic_path
from decanet.core.plotting import COLORS, grid_shape, literal, new_figure, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, GREEN = COLORS[0], COLORS[2]
RED = "#c1272d"  # the tutorial's red; the house's second color is nearer to orange
COLUMNS = 600  # a waveform is drawn in so many stretches
PERIOD_SECONDS = 0.025  # two periods of a deep voice
FAINT = 0.2  # an amplitude below it is drawn once more, enlarged


@styled
def draw_echo(alpha: float, values: Array) -> "Figure":
    """The tutorial's figure: the original in blue above, with its continuous echo in red below, and g beside it.

    All alphas share one amplitude axis. An answer too weak to be read there is drawn once more, enlarged.
    """
    times = tutorial_times()
    gain, delay = sine_gain(alpha), sine_delay(alpha)
    figure = new_figure(10, 5.5)
    panels = figure.subplot_mosaic([["f", "g"], ["f*g", "."]], width_ratios=(2.4, 1))
    original, answer, kernel = panels["f"], panels["f*g"], panels["g"]
    original.plot(times, sine(times), color=BLUE, label=r"$f(t)=\sin 2\pi t$")
    answer.plot(times, values, color=RED, label=r"$(f*g)(t)$")
    if gain < FAINT:
        # At its start, before it swings about 0, the answer is up to twice as strong.
        factor = next(factor for factor in (500, 200, 100, 50, 20, 10, 5, 2) if 2 * factor * gain < 1)
        answer.plot(
            times, factor * values, color=RED, linestyle=":", linewidth=1.2, label=f"{factor} times enlarged"
        )
    kernel.plot(times, ExponentialDecay(alpha)(times), color=GREEN)
    kernel.set(
        title=rf"Kernel $g(t)=\alpha e^{{-\alpha t}}$, $\alpha={alpha:g}$ s$^{{-1}}$", xlabel="Time (s)"
    )
    kernel.set(xlim=(0, TUTORIAL_SECONDS), ylim=(0, 1.05 * alpha), ylabel="Weight (1/s)")
    original.set_title("Original", loc="left")
    answer.set_title(f"Convolved: {gain:#.2g} times as strong, {delay:.2f} s later", loc="left")
    for axes in (original, answer):
        axes.set(ylabel="Amplitude", xlabel="Time (s)", xlim=(0, TUTORIAL_SECONDS), ylim=(-1.1, 1.1))
    original.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    answer.legend(loc="upper right", ncols=2)
    figure.text(
        0.725, 0.24,
        "g holds no impulse at 0, so the\noriginal itself is not in the result:\nthis echo is a low-pass filter.\n\n"
        "Once the start has died away, the\nsine has the amplitude\n"
        r"$\alpha/\sqrt{\alpha^2+\omega^2}$ and the delay" "\n"
        r"$\arctan(\omega/\alpha)/\omega$, with $\omega=2\pi$/s.",
        va="center", fontsize=9, color="#444444", linespacing=1.5,
    )  # fmt: skip
    return figure


@styled
def draw_echo_sheet(alphas: Sequence[float], values: Array) -> "Figure":
    """All alphas on one sheet, ``values`` of shape (K, n): the slower the decay, the weaker the answer."""
    times = tutorial_times()
    rows, columns = grid_shape(len(alphas), 5)
    figure = new_figure(max(2.6 * columns, 5), 1.9 * rows + 0.6)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(alphas) :]:
        axes.remove()
    for axes, alpha, row in zip(grid.flat, alphas, values):
        axes.plot(
            times, sine(times), color=BLUE, linewidth=1, alpha=0.55, label=r"original, $f(t)=\sin 2\pi t$"
        )
        axes.plot(
            times, row, color=RED, label=r"convolved with $g(t)=\alpha e^{-\alpha t}$, the continuous echo"
        )
        axes.set_title(
            rf"$\alpha={alpha:g}$ s$^{{-1}}$: amplitude {sine_gain(alpha):#.2g}",
            fontweight="normal",
            fontsize=10,
        )
    for index in range(columns):
        lowest = grid[(len(alphas) - 1 - index) // columns, index]
        lowest.tick_params(labelbottom=True)
        lowest.set_xlabel("Time (s)")
    for axes in grid[:, 0]:
        axes.set_ylabel("Amplitude")
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
    return figure


@styled
def draw_sound(
    name: str, before: Iterable[Array], what: str, after: Iterable[Array], rate: int, frames: int
) -> "Figure":
    """A sound above and what became of it below, on one time axis of ``frames`` instants.

    Light, from the lowest to the highest sample; dark, the root mean square. Both are taken over at least
    ``PERIOD_SECONDS`` around each place: single stretches shorter than a period of the voice would make a comb.
    """
    shapes = [waveform(blocks, rate, frames) for blocks in (before, after)]
    edges = np.linspace(0.0, frames / rate, len(shapes[1]) + 1)
    largest = max(float(np.nanmax(np.abs(shape))) for shape in shapes) or 1.0
    figure = new_figure(9, 5.5)
    panels = figure.subplots(2, 1, sharex=True)
    for axes, shape, color, title in zip(panels, shapes, (BLUE, RED), (f"Original: {name}", what)):
        low, high, rms = shape.T
        peaks = axes.stairs(high, edges, baseline=low, color=color, alpha=0.4, fill=True, label="peaks")
        loud = axes.stairs(rms, edges, baseline=-rms, color=color, fill=True, label="root mean square")
        axes.stairs(shape[:, :2].mean(axis=1), edges, color=color, linewidth=0.6, baseline=None)
        axes.set(ylabel="Amplitude", xlabel="Time (s)", xlim=(0, edges[-1]))
        axes.set_ylim(-1.05 * largest, 1.05 * largest)
        axes.set_title(literal(title), loc="left")
        axes.tick_params(labelbottom=True)
        axes.legend(
            handles=[peaks, loud], loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2
        )
    return figure


def waveform(blocks: Iterable[Array], rate: int, frames: int, columns: int = COLUMNS) -> Array:
    """Lowest sample, highest sample and root mean square of all channels around each of at most ``columns`` places.

    Args:
        blocks: the sound, arrays (n, C) in turn.
        rate: samples a second; it decides how many stretches ``PERIOD_SECONDS`` spans.
        frames: the length of the time axis in samples; NaN where the blocks end before it.

    Returns:
        Shape (K, 3).
    """
    from scipy.ndimage import maximum_filter1d, minimum_filter1d, uniform_filter1d

    columns = min(columns, frames)
    low, high = np.full(columns, np.inf), np.full(columns, -np.inf)
    energy, count = np.zeros(columns), np.zeros(columns)
    start = 0
    for block in blocks:
        column = (np.arange(start, start + len(block)) * columns) // frames
        np.minimum.at(low, column, block.min(axis=1))
        np.maximum.at(high, column, block.max(axis=1))
        energy += np.bincount(column, np.square(block).mean(axis=1), columns)
        count += np.bincount(column, minlength=columns)
        start += len(block)
    there = count > 0
    shape = np.full((columns, 3), np.nan)
    stretch = frames / columns / rate  # seconds
    # Where the stretches are much shorter than a period, the waveform itself is drawn.
    width = math.ceil(PERIOD_SECONDS / stretch) if stretch > PERIOD_SECONDS / 10 else 1
    if there.any():
        shape[there, 0] = minimum_filter1d(low[there], width)
        shape[there, 1] = maximum_filter1d(high[there], width)
        mean_square = uniform_filter1d(energy[there] / count[there], width)
        shape[there, 2] = np.sqrt(np.maximum(mean_square, 0.0))  # the running mean may leave 0 by a rounding
    return shape


# -------------------------------------------------------------------------------- the sliding kernel


def animate_sliding(path: Path | str, alpha: float, frames: int = 50) -> Path:
    """Write the flipped kernel sliding over the sine: a GIF, or six moments where the ending is .png.

    Above, f, the kernel turned round, g(t - tau), and the area under their product shaded; below, that area
    as a function of t, which is the convolution.
    """
    from PIL import Image

    path = Path(path)
    if path.suffix.lower() != ".gif":
        return save_figure(_sliding_strip(alpha), path)
    moments = np.linspace(0.0, TUTORIAL_SECONDS, frames)
    images = list(_sliding_frames(alpha, moments))
    # One palette for all, so that nothing flickers: the commonest colors, or the grid would be tinted. Pillow
    # confuses levels that are near each other, so of those only the commonest: white stays white.
    commonest: dict[tuple[int, ...], tuple[int, ...]] = {}
    for _, color in sorted(images[len(images) // 2].getcolors(2**24), reverse=True):
        commonest.setdefault(tuple(level >> 3 for level in color), color)
    palette = Image.new("P", (1, 1))
    palette.putpalette([level for color in [*commonest.values()][:256] for level in color])
    images = [image.quantize(palette=palette, dither=0) for image in images]
    with atomic_path(path) as temporary:
        images[0].save(
            temporary, format="GIF", save_all=True, append_images=images[1:],
            duration=[80] * (frames - 1) + [1500], loop=0, optimize=True,
        )  # fmt: skip
    return path


@styled
def _sliding_frames(alpha: float, moments: Array) -> list[Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from PIL import Image

    figure = new_figure(8, 5.5)
    canvas = FigureCanvasAgg(figure)
    panels = figure.subplots(2, 1)
    images: list[Any] = []
    for moment in moments:
        _draw_moment(panels, alpha, moment)
        if not images:
            panels[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.2)
        canvas.draw()
        figure.set_layout_engine("none")  # the first frame's layout serves all: quicker, and nothing jumps
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
        for axes in panels:  # not axes.clear(), which makes all ticks anew and doubles the time
            for drawn in [*axes.lines, *axes.collections]:
                drawn.remove()
    return images


@styled
def _sliding_strip(alpha: float, moments: int = 6) -> "Figure":
    figure = new_figure(12, 9)
    grid = figure.subplots(4, moments // 2)
    for index, moment in enumerate(np.linspace(0.0, TUTORIAL_SECONDS, moments + 1)[1:]):
        row, column = divmod(index, moments // 2)
        _draw_moment(grid[2 * row : 2 * row + 2, column], alpha, moment)
    for axes in grid[:, 1:].flat:  # the rows share their axes: the first column's labels are enough
        axes.set_ylabel("")
        axes.tick_params(labelleft=False)
    figure.legend(*grid[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
    return figure


def _draw_moment(panels: Any, alpha: float, moment: float) -> None:
    above, below = panels
    times = tutorial_times()
    past = np.linspace(0.0, moment, 400)
    kernel = ExponentialDecay(alpha)
    product = sine(past) * kernel(moment - past)
    answer = convolve_recursion(sine, [kernel], times)[0]
    now = float(np.interp(moment, times, answer))
    highest = max(1.0, alpha) * 1.1
    above.plot(times, sine(times), color=BLUE, label=r"$f(\tau)$")
    flipped = np.linspace(-0.5, moment, 400)
    above.plot(
        flipped,
        kernel(moment - flipped),
        color=RED,
        linestyle="--",
        linewidth=1.4,
        label=r"$g(t-\tau)$, flipped",
    )
    above.fill_between(past, product, color=GREEN, alpha=0.35, linewidth=0)
    above.plot(past, product, color=GREEN, linewidth=1, label="product")
    above.axvline(moment, color="#888888", linewidth=0.8)
    above.set(ylim=(-highest, highest), xlim=(-0.5, TUTORIAL_SECONDS))
    above.set(xlabel=r"$\tau$ (s)", ylabel="Amplitude")
    area = f"{now:+.3f}".replace("-", "\N{MINUS SIGN}")
    above.set_title(f"t = {moment:.2f} s: area {area}", loc="left")
    reached = times <= moment
    below.plot(times, answer, color="#cccccc", linewidth=1)
    below.plot(times[reached], answer[reached], color=GREEN)
    below.plot([moment], [now], "o", color=GREEN, clip_on=False)
    below.axvline(moment, color="#888888", linewidth=0.8)
    below.set(xlabel=r"$t$ (s)", ylabel=r"$(f*g)(t)$", xlim=(-0.5, TUTORIAL_SECONDS))
