"""Animation and figure of the flipped kernel that slides over the tutorial's sine."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.impulse_responses import Array, ExponentialDecay
from decanet.convolution.signals import TUTORIAL_SECONDS, convolve_recursion, sine, tutorial_times
from decanet.core.files import atomic_path
from decanet.core.plotting import COLORS, new_figure, save_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE, GREEN = COLORS[0], COLORS[2]
RED = "#c1272d"  # the red of the tutorial


def animate_sliding(path: Path | str, alpha: float, frames: int = 50) -> Path:
    """Write the flipped kernel sliding over the sine: an animation for a .gif, otherwise a figure of six moments.

    The upper panel shows f, the flipped kernel g(t - tau) and the area under their product; the lower panel shows that
    area as a function of t, the convolution.
    """
    from PIL import Image

    path = Path(path)
    if path.suffix.lower() != ".gif":
        return save_figure(draw_moments(alpha), path)
    moments = np.linspace(0.0, TUTORIAL_SECONDS, frames)
    images = list(_sliding_frames(alpha, moments))
    # One palette for all frames prevents flicker. Pillow confuses similar colors, so the palette holds only the most
    # common one of those: white stays white.
    most_common: dict[tuple[int, ...], tuple[int, ...]] = {}
    for _, color in sorted(images[len(images) // 2].getcolors(2**24), reverse=True):
        most_common.setdefault(tuple(level >> 3 for level in color), color)
    palette = Image.new("P", (1, 1))
    palette.putpalette([level for color in [*most_common.values()][:256] for level in color])
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
        figure.set_layout_engine("none")  # keep the layout of the first frame
        images.append(Image.fromarray(np.asarray(canvas.buffer_rgba())[..., :3]))
        for axes in panels:  # axes.clear() would create all ticks again
            for drawn in [*axes.lines, *axes.collections]:
                drawn.remove()
    return images


@styled
def draw_moments(alpha: float, moments: int = 6) -> "Figure":
    """Draw the flipped kernel at evenly spaced moments."""
    figure = new_figure(12, 9)
    grid = figure.subplots(4, moments // 2)
    for index, moment in enumerate(np.linspace(0.0, TUTORIAL_SECONDS, moments + 1)[1:]):
        row, column = divmod(index, moments // 2)
        _draw_moment(grid[2 * row : 2 * row + 2, column], alpha, moment)
    for axes in grid[:, 1:].flat:  # the rows share their axes
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
    response = convolve_recursion(sine, [kernel], times)[0]
    now = float(np.interp(moment, times, response))
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
    below.plot(times, response, color="#cccccc", linewidth=1)
    below.plot(times[reached], response[reached], color=GREEN)
    below.plot([moment], [now], "o", color=GREEN, clip_on=False)
    below.axvline(moment, color="#888888", linewidth=0.8)
    below.set(xlabel=r"$t$ (s)", ylabel=r"$(f*g)(t)$", xlim=(-0.5, TUTORIAL_SECONDS))
