"""Figure of simple and complex cells: their responses to a shifted grating and to an image."""

from typing import TYPE_CHECKING

import numpy as np

from decanet.convolution.cells import Cells
from decanet.core.plotting import COLORS, new_figure, show_image, signed_scale, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@styled
def draw_cells(cells: Cells) -> "Figure":
    """Draw the quadrature pair, the responses to a grating of any phase, and the maps of an image."""
    figure = new_figure(13.5, 7.3)
    figure.suptitle(
        "A simple cell answers at one position, a complex cell wherever the pattern lies",
        fontsize=13,
        fontweight="bold",
    )
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(1.2, 1))[:, 0]
    even, odd, grating, image = above.subplots(1, 4, width_ratios=(0.8, 0.8, 1.7, 1.7))
    scale = signed_scale(float(abs(cells.odd).max()))
    show_image(even, cells.even, "simple cell: even\n(a bar)", **scale)
    show_image(odd, cells.odd, "simple cell: odd,\na quarter period later (an edge)", **scale)
    simple, energy = cells.modulation
    grating.plot(cells.phases, cells.grating[:, 0], color=COLORS[0], linestyle="--", label="simple, even")
    grating.plot(cells.phases, cells.grating[:, 1], color=COLORS[5], linestyle=":", label="simple, odd")
    grating.plot(cells.phases, cells.energy, color=COLORS[1], label=r"complex: $\sqrt{even^2+odd^2}$")
    grating.set(xlabel="shift of a grating (degrees of its period)", ylabel="response", xlim=(0, 360))
    grating.set_xticks(range(0, 361, 90))
    grating.set_title(f"Shifted grating: simple varies by {simple:.0%}, complex by {energy:.1%}", fontsize=10)
    highest = 1.45 * float(cells.energy.max())
    grating.set_ylim(-1.15 * float(cells.energy.max()), highest)
    grating.legend(loc="upper right", ncols=3, fontsize=8, columnspacing=1)
    image.axhline(0, color="#999999", linewidth=0.8)
    image.plot(cells.shifts, cells.image_simple, color=COLORS[0], linestyle="--", marker="o", markersize=3)
    image.plot(cells.shifts, cells.image_complex, color=COLORS[1], marker="o", markersize=3)
    image.set(xlabel="shift of the image (pixels)", ylabel="response", title="Shifted image, one position")
    image.title.set_fontsize(10)
    panels = below.subplots(1, 4)
    limit = float(np.quantile(abs(cells.image_odd), 0.998))
    show_image(panels[0], cells.image, "image", cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
    show_image(
        panels[1],
        cells.image_even,
        "simple, even: signed",
        interpolation="antialiased",
        **signed_scale(limit),
    )
    show_image(
        panels[2], cells.image_odd, "simple, odd: signed", interpolation="antialiased", **signed_scale(limit)
    )
    show_image(panels[3], cells.image_energy, "complex: the energy of both", cmap="magma", vmin=0, vmax=limit,
               interpolation="antialiased")  # fmt: skip
    below.supxlabel(
        "In a network, convolutions correspond to simple cells and pooling to complex cells (Hubel and Wiesel 1962; "
        "Fukushima 1980), not fully connected layers.",
        fontsize=9,
    )
    return figure
