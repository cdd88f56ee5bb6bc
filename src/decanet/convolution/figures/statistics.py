"""Figure of the autocorrelation of an image and of noise, and of its decrease with distance."""

from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.spectrum import FITTED
from decanet.convolution.statistics import FADED, Statistics, verdict
from decanet.core.plotting import COLORS, new_figure, show_image, signed_scale, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw_statistics(natural: Statistics, noise: Statistics) -> "Figure":
    """Draw the image, the random matrix and both laws, on linear, half-logarithmic and logarithmic axes.

    An exponential is a straight line on the second axes, a power law on the third.
    """
    from matplotlib.ticker import NullFormatter

    height, width = natural.image.shape
    aspect = min(
        max(width / height, 0.5), 2.0
    )  # width of an image panel, relative to the square ones of equal height
    figure = new_figure(17, 11 / (2 * aspect + 2.9) + 4.9)
    parts: Any = figure.subfigures(2, 1, height_ratios=(11 / (2 * aspect + 2.9) + 0.8, 3.7))
    above, below = parts
    _draw_images(above, natural, noise, aspect)
    *panels, scatter, spectrum = below.subplots(1, 5)
    _draw_neighbors(scatter, natural)
    _draw_spectrum(spectrum, natural, noise)
    for axes, (title, x_scale, y_scale) in zip(
        panels,
        (
            ("Correlation decreases with distance", "linear", "linear"),
            ("An exponential is a straight line", "linear", "log"),
            ("A power law is a straight line", "log", "log"),
        ),
    ):
        _draw_decay(axes, natural, noise, logarithmic=y_scale == "log")
        axes.set(xscale=x_scale, yscale=y_scale, xlabel="Distance (pixels)", ylabel="Correlation")
        axes.set_title(title)
    panels[0].set_ylim(min(-0.1, 1.1 * natural.radial.min()), 1.05)
    lowest = max(1e-3, 0.7 * min(FADED, float(natural.radial[natural.radial > 0].min())))
    for axes in panels[1:]:
        axes.set_ylim(lowest, 1.6)
    for axes in (panels[2], spectrum):
        axes.xaxis.set_minor_formatter(NullFormatter())  # on a short axis all minor ticks would be labeled
    panels[2].set_xlim(0.9, 1.05 * natural.distances[-1])
    figure.suptitle(verdict(natural), fontsize=13, fontweight="bold")
    below.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
    return figure


def _draw_images(above: Any, natural: Statistics, noise: Statistics, aspect: float) -> None:
    panels = above.subplots(1, 4, width_ratios=(aspect, 1, aspect, 1))
    reach = len(natural.correlation) // 2
    extent = (-reach - 0.5, reach + 0.5, reach + 0.5, -reach - 0.5)
    for axes, statistics, name in (
        (panels[0], natural, "Image" if natural.count == 1 else f"First of {natural.count:,} images"),
        (panels[2], noise, "Random matrix"),
    ):
        show_image(axes, statistics.image, name, cmap="gray", interpolation="antialiased")
        axes.set_title(name)
    for axes, statistics in ((panels[1], natural), (panels[3], noise)):
        colors = axes.imshow(statistics.correlation, extent=extent, **signed_scale(1))
        across, down = (f"{value:.3f}".replace("-", "−") for value in statistics.neighbors)
        axes.set_title(f"Autocorrelation\nneighbors: {across} across, {down} down")
        axes.title.set(fontsize=9, fontweight="normal")
        axes.set(xlabel="shift across (pixels)", ylabel="shift down (pixels)")
        axes.grid(False)
    bar = panels[3].inset_axes((1.06, 0, 0.06, 1))
    above.colorbar(colors, cax=bar, label="correlation")


def _draw_decay(axes: Any, natural: Statistics, noise: Statistics, logarithmic: bool) -> None:
    start = 1 if logarithmic else 0
    x = natural.distances[start:]
    shown = natural.radial[start:]
    axes.plot(x, np.where(shown > 0, shown, np.nan) if logarithmic else shown, color="black", label="image")
    flat = noise.radial[start:]
    axes.plot(
        noise.distances[start:], np.where(flat > 0, flat, np.nan) if logarithmic else flat,
        color="#888888", marker=".", markersize=4, linewidth=0.8, label="random matrix",
    )  # fmt: skip
    for color, line, (law, fit) in zip(COLORS, ("--", "-."), natural.fits.items()):
        if fit is None:
            continue
        fitted = np.linspace(1.0, natural.distances[fit.points], 200)
        formula = rf"${fit.amplitude:.2f}\,e^{{-{fit.k:.4f}\,x}}$"
        if law == "power":
            formula = rf"${fit.amplitude:.2f}\,/\,x^{{{fit.k:.3f}}}$"
        label = rf"{law}: {formula}, $R^2={fit.r_squared:.3f}$"
        axes.plot(fitted, fit(fitted), color=color, linestyle=line, label=label)


def _draw_neighbors(axes: Any, natural: Statistics) -> None:
    """Each pixel against its right neighbor, for at most 3,000 pixels."""
    one, other = natural.image[:, :-1].ravel(), natural.image[:, 1:].ravel()
    chosen = np.random.default_rng(0).permutation(len(one))[:3000]
    axes.scatter(one[chosen], other[chosen], s=3, color=COLORS[0], alpha=0.35, linewidths=0)
    axes.set(xlabel="Pixel", ylabel="Its right neighbor", title="Neighbors are alike")
    axes.set_aspect("equal", adjustable="box")


def _draw_spectrum(axes: Any, natural: Statistics, noise: Statistics) -> None:
    """Power by frequency, with the fitted law."""
    found = natural.spectrum
    if found is None or noise.spectrum is None:
        axes.set_axis_off()
        return
    axes.loglog(found.frequencies, found.power, color="black", label="image")
    axes.loglog(
        noise.spectrum.frequencies,
        noise.spectrum.power,
        color="#888888",
        marker=".",
        markersize=4,
        linewidth=0.8,
    )
    title = "Power spectrum"
    if np.isfinite(found.exponent):
        low, high = FITTED
        line = np.array([low, high])
        middle = np.exp(np.log(found.power[(found.frequencies >= low) & (found.frequencies <= high)]).mean())
        center = np.exp(
            np.log(found.frequencies[(found.frequencies >= low) & (found.frequencies <= high)]).mean()
        )
        axes.loglog(
            line, middle * (line / center) ** -found.exponent, color=COLORS[1], linestyle="--", linewidth=2.2
        )
        title = f"Power falls as 1/f$^{{{found.exponent:.1f}}}$ ($R^2={found.r_squared:.3f}$)"
    axes.set(xlabel="Frequency (cycles per pixel)", ylabel="Power, relative", title=title)
