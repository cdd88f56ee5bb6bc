"""Figures of the tutorial's sine and of sounds, before and after convolution."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from decanet.convolution.impulse_responses import Array, ExponentialDecay
from decanet.convolution.signals import TUTORIAL_SECONDS, sine, sine_delay, sine_gain, tutorial_times
from decanet.convolution.sound_convolution import Response
from decanet.convolution.sound_output import Rendered
from decanet.convolution.sounds import Sound
from decanet.convolution.waveform import waveform
from decanet.core.plotting import COLORS, grid_shape, literal, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, GREEN = COLORS[0], COLORS[2]
RED = "#c1272d"  # the red of the tutorial
FAINT = 0.2  # amplitudes below it are drawn enlarged as well


@styled
def draw_echo(alpha: float, values: Array) -> "Figure":
    """Draw the tutorial's figure: the original in blue, the convolved sine in red below, and the kernel g.

    The amplitude axis is the same for all alphas. A response too weak to be readable is drawn enlarged as well.
    """
    times = tutorial_times()
    gain, delay = sine_gain(alpha), sine_delay(alpha)
    figure = new_figure(10, 5.5)
    panels = figure.subplot_mosaic([["f", "g"], ["f*g", "."]], width_ratios=(2.4, 1))
    original, response, kernel = panels["f"], panels["f*g"], panels["g"]
    original.plot(times, sine(times), color=BLUE, label=r"$f(t)=\sin 2\pi t$")
    response.plot(times, values, color=RED, label=r"$(f*g)(t)$")
    if gain < FAINT:
        # With its transient, the response is up to twice as large.
        factor = next(factor for factor in (500, 200, 100, 50, 20, 10, 5, 2) if 2 * factor * gain < 1)
        response.plot(
            times, factor * values, color=RED, linestyle=":", linewidth=1.2, label=f"enlarged {factor} times"
        )
    kernel.plot(times, ExponentialDecay(alpha)(times), color=GREEN)
    kernel.set(
        title=rf"Kernel $g(t)=\alpha e^{{-\alpha t}}$, $\alpha={alpha:g}$ s$^{{-1}}$", xlabel="Time (s)"
    )
    kernel.set(xlim=(0, TUTORIAL_SECONDS), ylim=(0, 1.05 * alpha), ylabel="Weight (1/s)")
    original.set_title("Original", loc="left")
    phase = -360 * delay  # a period is 1 s
    response.set_title(
        f"Convolved: amplitude {gain:#.2g}, phase {phase:.0f}°, delay {delay:.2f} s".replace(
            "-", "\N{MINUS SIGN}"
        ),
        loc="left",
    )
    for axes in (original, response):
        axes.set(ylabel="Amplitude", xlabel="Time (s)", xlim=(0, TUTORIAL_SECONDS), ylim=(-1.1, 1.1))
    original.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.2)
    response.legend(loc="upper right", ncols=2)
    figure.text(
        0.725, 0.24,
        "g has no impulse at 0, so the result\ndoes not contain the original:\nthis echo is a low-pass filter.\n\n"
        "After the transient, the sine has\nthe amplitude\n"
        r"$\alpha/\sqrt{\alpha^2+\omega^2}$ and the delay" "\n"
        r"$\arctan(\omega/\alpha)/\omega$, with $\omega=2\pi$/s.",
        va="center", fontsize=9, color="#444444", linespacing=1.5,
    )  # fmt: skip
    return figure


@styled
def draw_echo_sheet(alphas: Sequence[float], values: Array) -> "Figure":
    """Draw all alphas on one sheet, from ``values`` of shape (K, n)."""
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
            times, row, color=RED,
            label=r"convolved with $g(t)=\alpha e^{-\alpha t}$: amplitude $\alpha/\sqrt{\alpha^2+\omega^2}$",
        )  # fmt: skip
        axes.set_title(
            rf"$\alpha={alpha:g}$ s$^{{-1}}$: {sine_gain(alpha):#.2g}, delay {sine_delay(alpha):.2f} s",
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
    sound: Sound, result: Rendered, kernels: str, response: Response, gain: float = 1.0
) -> "Figure":
    """Draw the waveform of a sound above that of its convolution with ``kernels`` (in words), and their response.

    Amplitudes are fractions of full scale; the level at the right is 20 log10 of them, in dBFS. ``gain`` is the factor
    by which the result was scaled when it was written.

    The light area reaches from the lowest to the highest sample, the dark area shows the root mean square; see
    :func:`~decanet.convolution.waveform.waveform`.
    """
    frames, sample_rate = result.frames, sound.sample_rate
    shapes = [waveform(blocks, sample_rate, frames) for blocks in (sound.blocks(), result.blocks())]
    shapes[1] = shapes[1] * gain
    edges = np.linspace(0.0, frames / sample_rate, len(shapes[1]) + 1)
    titles = f"Original: {sound.name}", f"Convolved with {kernels or 'the unit impulse'}"
    largest = max(float(np.nanmax(np.abs(shape))) for shape in shapes) or 1.0
    figure = new_figure(11.5, 5.5)
    places = figure.subplot_mosaic([["f", "g"], ["F", "."]], width_ratios=(3.2, 1))
    panels = (places["f"], places["F"])
    _draw_response(places["g"], response)
    figure.text(
        0.79, 0.25,
        "The amplitude is the sound\nitself: pressure, as a fraction\nof full scale.\nA level is a ratio:\n"
        "20 log\N{SUBSCRIPT ONE}\N{SUBSCRIPT ZERO} of the amplitude, in dBFS;\nhalf the amplitude is 6 dB less.",
        va="center", fontsize=9, color="#444444", linespacing=1.5,
    )  # fmt: skip
    for axes, shape, color, title in zip(panels, shapes, (BLUE, RED), titles):
        low, high, rms = shape.T
        peaks = axes.stairs(high, edges, baseline=low, color=color, alpha=0.4, fill=True, label="peaks")
        loud = axes.stairs(rms, edges, baseline=-rms, color=color, fill=True, label="root mean square")
        axes.stairs(shape[:, :2].mean(axis=1), edges, color=color, linewidth=0.6, baseline=None)
        axes.set(ylabel="Amplitude", xlabel="Time (s)", xlim=(0, edges[-1]))
        axes.set_ylim(-1.05 * largest, 1.05 * largest)
        # The legend is beside the title.
        axes.set_title(literal(title), loc="left", fontsize=11 if len(title) <= 46 else 8.5)
        axes.tick_params(labelbottom=True)
        _draw_levels(axes, 1.05 * largest)
        axes.legend(
            handles=[peaks, loud], loc="lower right", bbox_to_anchor=(1, 1), ncols=2, borderaxespad=0.2
        )
    if gain != 1:
        change = f"{20 * np.log10(gain):+.1f}".replace("-", "\N{MINUS SIGN}")
        panels[1].set_ylabel(f"Amplitude, scaled by {change} dB")
    return figure


def _draw_response(axes: "Axes", response: Response) -> None:
    """Impulses are stems: they have no width, so no curve can show them. Samples of a room are drawn as levels."""
    axes.set_xlabel("Time (s)")
    if response.kind == "impulses":
        axes.vlines(response.times, 0, response.values, color=GREEN, linewidth=2.5)
        axes.plot(response.times, response.values, "o", color=GREEN, markersize=6)
        axes.set(title="Kernel g: impulses (Dirac)", ylabel="Factor")
        last = max(float(response.times.max()), 0.1)
        axes.set_xlim(-0.08 * last, 1.15 * last)
        axes.axhline(0, color="#999999", linewidth=0.8)
        return
    axes.set_xlim(0, max(float(response.times[-1]), 1e-3))
    if response.kind == "continuous":
        axes.plot(response.times, response.values, color=GREEN, linewidth=1.5)
        axes.set(title="Kernel g, integral 1", ylabel="Weight (1/s)")
        return
    # The peaks of short windows: a single loud first sample would leave the rest of a linear axis empty.
    size = np.abs(response.values)
    parts = np.array_split(size, min(len(size), 400))
    peaks = np.array([part.max() for part in parts]) / (size.max() or 1.0)
    axes.plot(
        np.linspace(0, response.times[-1], len(peaks)),
        20 * np.log10(peaks.clip(1e-5)),
        color=GREEN,
        linewidth=1,
    )
    axes.set(title="Kernel g", ylabel="Level below its peak (dB)", ylim=(-80, 3))


def _draw_levels(axes: "Axes", largest: float) -> None:
    """A second axis with the level of the positive amplitudes in dBFS."""
    steps = (0, -3, -6, -12, -20, -40, -60, -80)
    amplitudes = [10 ** (level / 20) for level in steps]
    shown: list[tuple[float, int]] = []
    for amplitude, level in zip(amplitudes, steps):
        apart = not shown or shown[-1][0] - amplitude > 0.16 * largest
        if amplitude <= largest and apart and amplitude > 0.05 * largest:  # lower ones would crowd at zero
            shown.append((amplitude, level))
    levels = axes.secondary_yaxis("right")
    levels.set_yticks(
        [a for a, _ in shown], [f"{level}".replace("-", "\N{MINUS SIGN}") for _, level in shown]
    )
    levels.set_ylabel("Level (dBFS)", fontsize=9)
