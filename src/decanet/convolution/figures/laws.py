"""Figure of the laws of convolution, and of two systems that are no convolution."""

from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.impulse_responses import Array, ExponentialDecay
from decanet.convolution.signals import convolve_fft, drifting_echo, sine
from decanet.core.plotting import COLORS, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

BLUE, RED = COLORS[0], "#c1272d"
CLIP = 0.6  # amplitude at which the amplifier clips
LATE = 200  # samples: 1 s


@styled
def draw_laws() -> "Figure":
    """Draw the five laws of convolution, and two systems that break one each.

    The first row shows the signals f and h and the kernels g and k. A law holds where the solid and the dashed curve,
    the two sides of its equation, coincide.
    """
    times = np.linspace(0.0, 4.0, 801)
    step = times[1]
    f, h = sine(times) * np.exp(-0.5 * times), (np.abs(times - 0.8) < 0.4).astype(float)
    g, k = ExponentialDecay(2.0)(times), ExponentialDecay(6.0)(times)

    def star(one: Array, other: Array) -> Array:  # the rule for which every law holds exactly, for each step
        return convolve_fft(one, other, step, "rectangle")

    figure = new_figure(14, 9)
    grid = figure.add_gridspec(3, 12, height_ratios=(0.75, 1.1, 1.1))
    inputs = [figure.add_subplot(grid[0, 3 * i : 3 * i + 3]) for i in range(4)]
    for axes, name, values in zip(
        inputs, ("Signal $f$: a decaying sine", "Signal $h$: a pulse",
                 "Kernel $g(t) = 2\\,e^{-2t}$", "Kernel $k(t) = 6\\,e^{-6t}$"),
        (f, h, g, k),
    ):  # fmt: skip
        axes.plot(times, values, color="black")
        axes.set_title(name, loc="left")
        _over_time(axes, times)

    response = star(f, g)
    laws = [
        ("Linearity", "$(2f + 3h) * g$", star(2 * f + 3 * h, g),
         "$2(f * g) + 3(h * g)$", 2 * response + 3 * star(h, g)),
        ("Time invariance", r"$f(t-1) * g$", star(_later(f), g), r"$(f * g)(t-1)$", _later(response)),
        ("Commutativity", "$f * g$", response, "$g * f$", star(g, f)),
        ("Associativity", "$(f * g) * k$", star(response, k), "$f * (g * k)$", star(f, star(g, k))),
    ]  # fmt: skip
    for column, law in enumerate(laws):
        axes = figure.add_subplot(grid[1, 3 * column : 3 * column + 3])
        _draw_pair(axes, times, *law)
        _over_time(axes, times)

    spectra, moving, clipped = (figure.add_subplot(grid[2, 4 * i : 4 * i + 4]) for i in range(3))
    size = 16 * len(times)  # zero padding interpolates the spectrum
    frequencies = np.fft.rfftfreq(size, step)
    together = np.abs(np.fft.rfft(np.convolve(f, g) * step, size))
    product = np.abs(np.fft.rfft(f, size) * np.fft.rfft(g, size) * step)
    names = r"$|\mathcal{F}\{f * g\}|$", r"$|\mathcal{F}\{f\}\,\mathcal{F}\{g\}|$"
    _draw_pair(spectra, frequencies, "Convolution theorem", names[0], together, names[1], product)
    spectra.set(xlabel="Frequency (Hz)", ylabel="Magnitude", xlim=(0, 4))

    def late_clap(t: Any) -> Array:
        return np.where(np.asarray(t) < 1.0, 0.0, _clap(np.asarray(t) - 1.0))

    echo_then_late = np.where(times < 1.0, 0.0, drifting_echo(_clap, times - 1.0))
    _draw_pair(
        moving, times, "Not time-invariant: a wall moves away (Doppler)", "echo of the delayed clap",
        drifting_echo(late_clap, times), "delayed echo of the clap", echo_then_late, equal=False,
    )  # fmt: skip
    _over_time(moving, times)
    _draw_pair(
        clipped, times, f"Not linear: an amplifier clips at {CLIP:g}", "$2f$, clipped",
        np.clip(2 * f, -CLIP, CLIP), "2 times ($f$ clipped)", 2 * np.clip(f, -CLIP, CLIP), equal=False,
    )  # fmt: skip
    _over_time(clipped, times)
    return figure


def _later(values: Array) -> Array:
    return np.concatenate([np.zeros(LATE), values[:-LATE]])


def _clap(times: Any) -> Array:
    """Return a short burst of sound around 0.15 s."""
    t = np.asarray(times)
    return np.exp(-(((t - 0.15) / 0.06) ** 2)) * np.cos(2 * np.pi * 6 * (t - 0.15))


def _over_time(axes: "Axes", times: Array) -> None:
    axes.set(xlabel="Time (s)", ylabel="Amplitude", xlim=(0, times[-1]))


def _draw_pair(
    axes: "Axes",
    x: Array,
    law: str,
    name: str,
    one: Array,
    other_name: str,
    other: Array,
    equal: bool = True,
) -> None:
    difference = np.abs(one - other).max()
    axes.plot(x, one, color="#8fc1e3" if equal else BLUE, linewidth=5 if equal else 1.8, label=name)
    axes.plot(x, other, color=RED, linestyle="--", linewidth=1.6, label=other_name)
    axes.set_title(f"{law}\n", loc="left")
    mantissa, exponent = f"{difference:.1e}".split("e")
    within = rf"solid = dashed, within ${mantissa} \times 10^{{{int(exponent)}}}$"
    note = within if equal else f"solid \N{NOT EQUAL TO} dashed, by up to {difference:.2f}"
    axes.text(0.0, 1.02, note, transform=axes.transAxes, fontsize=9, color="#444444")
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.4 * (high - low))  # room for the legend
    axes.legend(loc="upper right")
