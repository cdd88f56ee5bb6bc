"""Figures of signals: the tutorial's two panels, the laws, a sound before and after, the sliding kernel."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.signals import (
    TUTORIAL_SECONDS,
    Array,
    ExponentialDecay,
    convolve_fft,
    convolve_recursion,
    drifting_echo,
    sine,
    tutorial_times,
)
from decanet.core.plotting import COLOURS, grid_shape, new_figure, save_figure, styled
from decanet.core.results import atomic_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, GREEN = COLOURS[0], COLOURS[2]
RED = "#c1272d"  # the tutorial's red; the house's second colour is nearer to orange
COLUMNS = 600  # a waveform is drawn as the lowest and highest sample of this many stretches


@styled
def draw_echo(alpha: float, values: Array) -> "Figure":
    """The tutorial's figure: the original in blue above, with its continuous echo in red below."""
    times = tutorial_times()
    figure = new_figure(8, 5.5)
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(times, sine(times), color=BLUE, label=r"$f(t)=\sin 2\pi t$")
    below.plot(times, values, color=RED, label=r"$(f*g)(t)$")
    above.set_title("Original")
    below.set_title(rf"With continuous echo, $g(t)=\alpha e^{{-\alpha t}}$, $\alpha={alpha:g}$ s$^{{-1}}$")
    for axes in (above, below):
        axes.set(ylabel="Amplitude", xlabel="Time (s)", xlim=(0, TUTORIAL_SECONDS))
        axes.tick_params(labelbottom=True)
        axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
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
        axes.plot(times, sine(times), color=BLUE, linewidth=1, alpha=0.55, label="original")
        axes.plot(times, row, color=RED, label="with continuous echo")
        axes.set_title(rf"$\alpha={alpha:g}$ s$^{{-1}}$", fontweight="normal")
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
    """A sound above and what became of it below, on one time axis of ``frames`` instants."""
    envelopes = [envelope(blocks, frames) for blocks in (before, after)]
    edges = np.linspace(0.0, frames / rate, len(envelopes[1]) + 1)
    largest = max(float(np.nanmax(np.abs(low_high))) for low_high in envelopes) or 1.0
    figure = new_figure(9, 5.5)
    for axes, low_high, colour, title in zip(
        figure.subplots(2, 1, sharex=True), envelopes, (BLUE, RED), (f"Original: {name}", what)
    ):
        axes.stairs(low_high[:, 1], edges, baseline=low_high[:, 0], color=colour, fill=True)
        axes.stairs(low_high.mean(axis=1), edges, color=colour, linewidth=0.8, baseline=None)
        axes.set(ylabel="Amplitude", xlabel="Time (s)", xlim=(0, edges[-1]))
        axes.set_ylim(-1.05 * largest, 1.05 * largest)
        axes.set_title(title)
        axes.tick_params(labelbottom=True)
    return figure


def envelope(blocks: Iterable[Array], frames: int, columns: int = COLUMNS) -> Array:
    """Lowest and highest sample of all channels in each of at most ``columns`` equal stretches, shape (K, 2).

    NaN where the blocks end before ``frames``.
    """
    columns = min(columns, frames)
    low_high = np.tile([np.inf, -np.inf], (columns, 1))
    start = 0
    for block in blocks:
        column = (np.arange(start, start + len(block)) * columns) // frames
        np.minimum.at(low_high[:, 0], column, block.min(axis=1))
        np.maximum.at(low_high[:, 1], column, block.max(axis=1))
        start += len(block)
    low_high[~np.isfinite(low_high).all(axis=1)] = np.nan
    return low_high


# ---------------------------------------------------------------------------------------------- laws


@styled
def draw_laws() -> "Figure":
    """The five laws of convolution, each computed both ways, and a system that is no convolution."""
    times = np.linspace(0.0, 4.0, 801)
    step = times[1]
    f, h = sine(times) * np.exp(-0.5 * times), (np.abs(times - 0.8) < 0.4).astype(float)
    g, k = ExponentialDecay(2.0)(times), ExponentialDecay(6.0)(times)

    def star(one: Array, other: Array) -> Array:  # the sum that keeps every law exactly, at each step width
        return convolve_fft(one, other, step, "rectangle")

    late = 200  # samples: 1 s
    shifted = np.concatenate([np.zeros(late), f[:-late]])
    answer, other = star(f, g), star(h, g)
    later = np.concatenate([np.zeros(late), answer[:-late]])
    pairs = [
        ("Linearity", "(2f + 3h) * g", star(2 * f + 3 * h, g), "2(f * g) + 3(h * g)", 2 * answer + 3 * other),
        ("Time invariance", "(f 1 s later) * g", star(shifted, g), "(f * g) 1 s later", later),
        ("Commutativity", "f * g", answer, "g * f", star(g, f)),
        ("Associativity", "(f * g) * k", star(answer, k), "f * (g * k)", star(f, star(g, k))),
    ]
    figure = new_figure(13, 7)
    grid = figure.subplots(2, 3).ravel()
    for axes, pair in zip(grid, pairs):
        _draw_pair(axes, times, *pair)
        axes.set(xlabel="Time (s)", ylabel="Amplitude", xlim=(0, times[-1]))

    size = 16 * len(times)  # zeros behind the signal make the spectrum a smooth curve
    whole = np.convolve(f, g) * step
    frequencies = np.fft.rfftfreq(size, step)
    together = np.abs(np.fft.rfft(whole, size))
    product = np.abs(np.fft.rfft(f, size) * np.fft.rfft(g, size) * step)
    _draw_pair(
        grid[4],
        frequencies,
        "Convolution theorem",
        r"$|F\{f * g\}|$",
        together,
        r"$|F\{f\}\,F\{g\}|$",
        product,
    )
    grid[4].set(xlabel="Frequency (Hz)", ylabel="Magnitude", xlim=(0, 4))

    def late_f(t: Any) -> Array:
        return np.where(t < 1.0, 0.0, _clap(np.asarray(t) - 1.0))

    drifts = drifting_echo(late_f, times), drifting_echo(_clap, times - 1.0)
    _draw_pair(
        grid[5], times, "What breaks: the echo's delay grows", "clap 1 s later, then echo", drifts[0],
        "clap, then echo; all 1 s later", np.where(times < 1.0, 0.0, drifts[1]), equal=False,
    )  # fmt: skip
    grid[5].set(xlabel="Time (s)", ylabel="Amplitude", xlim=(0, times[-1]))
    return figure


def _clap(times: Any) -> Array:
    """A short burst of sound around 0.15 s."""
    t = np.asarray(times)
    return np.exp(-(((t - 0.15) / 0.06) ** 2)) * np.cos(2 * np.pi * 6 * (t - 0.15))


def _draw_pair(
    axes: Any, x: Array, law: str, name: str, one: Array, other_name: str, other: Array, equal: bool = True
) -> None:
    difference = np.abs(one - other).max()
    axes.plot(x, one, color="#8fc1e3" if equal else BLUE, linewidth=5 if equal else 1.8, label=name)
    axes.plot(x, other, color=RED, linestyle="--", linewidth=1.6, label=other_name)
    sign = "=" if equal else r"$\neq$"
    axes.set_title(f"{law}\n", loc="left")
    shown = f"{difference:.1e}" if equal else f"{difference:.2f}"
    note = f"solid {sign} dashed; largest difference {shown}"
    axes.text(0.0, 1.02, note, transform=axes.transAxes, fontsize=9, color="#444444")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.32 * (high - low))  # room for the legend
    axes.legend(loc="upper right")


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
    pictures = list(_sliding_frames(alpha, moments))
    # One palette for all, so that nothing flickers: the commonest colours, or the grid would be tinted. Pillow
    # confuses levels that are near each other, so of those only the commonest: white stays white.
    commonest: dict[tuple[int, ...], tuple[int, ...]] = {}
    for _, colour in sorted(pictures[len(pictures) // 2].getcolors(2**24), reverse=True):
        commonest.setdefault(tuple(level >> 3 for level in colour), colour)
    palette = Image.new("P", (1, 1))
    palette.putpalette([level for colour in [*commonest.values()][:256] for level in colour])
    pictures = [picture.quantize(palette=palette, dither=0) for picture in pictures]
    with atomic_path(path) as temporary:
        pictures[0].save(
            temporary, format="GIF", save_all=True, append_images=pictures[1:],
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
    pictures: list[Any] = []
    for moment in moments:
        _draw_moment(panels, alpha, moment)
        if not pictures:
            panels[0].legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, borderaxespad=0.2)
        canvas.draw()
        figure.set_layout_engine("none")  # the first frame's layout serves all: quicker, and nothing jumps
        pictures.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
        for axes in panels:  # not axes.clear(), which makes all ticks anew and doubles the time
            for drawn in [*axes.lines, *axes.collections]:
                drawn.remove()
    return pictures


@styled
def _sliding_strip(alpha: float, moments: int = 6) -> "Figure":
    figure = new_figure(14, 9)
    grid = figure.subplots(4, moments // 2)
    for index, moment in enumerate(np.linspace(0.0, TUTORIAL_SECONDS, moments + 1)[1:]):
        row, column = divmod(index, moments // 2)
        _draw_moment(grid[2 * row : 2 * row + 2, column], alpha, moment)
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
    above.plot(times, sine(times), color=BLUE, linewidth=1.2, label=r"$f(\tau)$")
    flipped = np.linspace(-0.5, moment, 400)
    above.plot(flipped, kernel(moment - flipped), color=RED, linestyle="--", label=r"$g(t-\tau)$, flipped")
    above.fill_between(past, product, color=GREEN, alpha=0.35, linewidth=0)
    above.plot(past, product, color=GREEN, linewidth=1, label="product")
    above.axvline(moment, color="#888888", linewidth=0.8)
    above.set(ylim=(-highest, highest), xlim=(-0.5, TUTORIAL_SECONDS))
    above.set(xlabel=r"$\tau$ (s)", ylabel="Amplitude")
    above.set_title(f"t = {moment:.2f} s: area {now:+.3f}", loc="left")
    reached = times <= moment
    below.plot(times, answer, color="#cccccc", linewidth=1)
    below.plot(times[reached], answer[reached], color=GREEN)
    below.plot([moment], [now], "o", color=GREEN, clip_on=False)
    below.axvline(moment, color="#888888", linewidth=0.8)
    below.set(xlabel=r"$t$ (s)", ylabel=r"$(f*g)(t)$", xlim=(-0.5, TUTORIAL_SECONDS))
