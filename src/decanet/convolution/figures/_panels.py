"""What the figures of convolved images are made of: how a kernel is moved, color scales, and panels.

Results with many negative values get the signed colors of :func:`~decanet.core.plotting.signed_scale`; all others
are gray from black 0 to white 1. A scale is measured where the whole kernel lies inside the image: what padding
does to the border would otherwise take half of it. Values beyond its ends are never hidden: the color bar is
pointed there, and the caption says how many they are.
"""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from decanet.convolution.filtering import Convolved
from decanet.convolution.kernel_lookup import describe_sum
from decanet.core.plotting import COLORS, literal, show_image, signed_scale

BLUE, ORANGE = COLORS[0], COLORS[1]
READABLE = (9, 5)  # rows and columns of a kernel whose numbers are still written into its fields
GRAY: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 1}
SMOOTH = "antialiased"  # pixels as they are where they are large, averaged where one dot must show several
CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True)
class Scale:
    """How values become colors.

    Attributes:
        options: of ``imshow``.
        beyond: fraction of the values that lie beyond the ends.
    """

    options: dict[str, Any]
    beyond: float

    @property
    def is_fixed(self) -> bool:
        """Whether the scale is that of images, from black 0 to white 1, whatever the values are."""
        return (self.options["vmin"], self.options["vmax"]) == (0, 1)

    @property
    def words(self) -> str:
        """The ends of the scale."""
        low, high = self.options["vmin"], self.options["vmax"]
        return f"±{high:.2g}" if low == -high else f"{number(low)} to {number(high)}"


def is_signed(values: np.ndarray) -> bool:
    """Whether values answer to change, so that zero is their middle."""
    # Sharpening leaves a few specks below 0; what answers to change is negative on about half of the image.
    return bool((values < -1e-6 * abs(values).max()).mean() > 0.15)


def scale_of(values: np.ndarray) -> Scale:
    """The color scale that suits values of any shape."""
    if is_signed(values):
        limit = float(np.quantile(abs(values), 0.995)) or float(abs(values).max())
        options = signed_scale(limit)
    else:
        low, high = 0.0, 1.0
        if ((values < low - 1e-6) | (values > high + 1e-6)).mean() > 0.15:
            low, high = (float(q) for q in np.quantile(values, (0.005, 0.995)))
        options = {"cmap": "gray", "vmin": low, "vmax": high}
    beyond = (values < options["vmin"] - 1e-6) | (values > options["vmax"] + 1e-6)
    return Scale(options, float(beyond.mean()))


def weights_scale(weights: np.ndarray) -> dict[str, Any]:
    """The signed colors for a kernel or for products."""
    return signed_scale(float(abs(weights).max()))


def scale_caption(scales: Sequence[Scale], results: Sequence[Convolved]) -> str:
    """What a reader must know of the color scales: what exceeds them, and that they leave out the border."""
    most = max(scale.beyond for scale in scales)
    fixed = all(scale.is_fixed for scale in scales)
    sentences = []
    if most >= 0.0005:
        fraction = f"{100 * most:.1f}% of the values lie"
        many = f"Up to {fraction}" if len(scales) > 1 else fraction
        ends = "below black (0) or above white (1)" if fixed else "beyond the ends of the color scale"
        sentences.append(f"{many} {ends}.")
    bordered = [done.values for done in results if done.inside.size < done.values.size]
    if fixed:  # which no border moves; but one that is cut off must not go untold
        bordered = [values for values in bordered if values.min() < -1e-6 or values.max() > 1 + 1e-6]
    if bordered:
        what = "" if fixed else " for the color scale"
        sentences.append(f"The border, where the kernel reaches into the padding, does not count{what}.")
    return " ".join(sentences)


def write_caption(figure: Any, *sentences: str) -> None:
    """Sentences below a figure, wrapped to its width."""
    text = " ".join(sentence for sentence in sentences if sentence)
    figure.supxlabel("\n".join(textwrap.wrap(text, int(14 * figure.get_size_inches()[0]))), fontsize=9)


def write_title(figure: Any, text: str) -> None:
    """The figure's title, wrapped to its width."""
    lines = textwrap.wrap(text, int(9 * figure.get_size_inches()[0]))
    figure.suptitle(literal("\n".join(lines)), fontsize=13, fontweight="bold")


def show_original(axes: Any, image: np.ndarray) -> None:
    """The image as it came."""
    show_image(axes, image, f"original, {by(image.shape[:2])}", interpolation=SMOOTH, **GRAY)


def show_result(axes: Any, values: np.ndarray, scale: Scale, title: str) -> None:
    """A result, (H, W) or (H, W, 3), in the colors of ``scale``."""
    shown = values if values.ndim == 2 else values.clip(0, 1)
    show_image(axes, shown, title, interpolation=SMOOTH, **scale.options)
    axes.spines[:].set(visible=True, color="#bbbbbb")


def show_color_bar(axes: Any, values: np.ndarray, scale: Scale) -> None:
    """The color bar of the result in ``axes``, as tall as it; ``values`` are all that share the scale."""
    below = values.min() < scale.options["vmin"] - 1e-6
    above = values.max() > scale.options["vmax"] + 1e-6
    ends = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[int(below), int(above)]
    place = axes.inset_axes((1.03, 0, 0.035, 1))
    axes.figure.colorbar(axes.images[0], cax=place, extend=ends)
    place.tick_params(labelsize=8)


def show_kernel(axes: Any, weights: np.ndarray, title: str) -> None:
    """One kernel (kh, kw) with its size and what its sum means."""
    show_numbers(axes, weights, title, weights_scale(weights))
    axes.set_xlabel(f"{by(weights.shape)}, {describe_sum(weights)}", fontsize=8.5)


def show_numbers(
    axes: Any, values: np.ndarray, title: str, options: dict[str, Any], decimals: int | None = None
) -> Any:
    """A small array as fields with numbers; returns a function that shows others there."""
    show_image(axes, values, title, **options)
    axes.spines[:].set(visible=True, color="#999999")
    image, labels = axes.images[0], []
    if values.shape[0] <= READABLE[0] and values.shape[1] <= READABLE[1]:
        size = 11 if max(values.shape) <= 3 else 8
        places = [(i, j) for i in range(values.shape[0]) for j in range(values.shape[1])]
        labels = [axes.text(j, i, "", ha="center", va="center", fontsize=size) for i, j in places]

    def show(other: np.ndarray) -> None:
        image.set_data(other)
        for label, value, ink in zip(labels, other.flat, _inks(image.cmap(image.norm(other)))):
            label.set(text=number(float(value), decimals), color=ink)

    show(values)
    return show


def _inks(colors: np.ndarray) -> list[str]:
    """Black or white for the digit on each field; fields of nearly equal brightness get the same."""
    brightness = (colors[..., :3] @ np.array([0.299, 0.587, 0.114])).ravel()
    # The ink changes in the widest gap between middle brightnesses, where either can be read.
    middle = np.unique([0.4, *brightness[(brightness > 0.4) & (brightness < 0.6)], 0.6])
    widest = int(np.diff(middle).argmax())
    threshold = (middle[widest] + middle[widest + 1]) / 2
    return ["white" if one < threshold else "black" for one in brightness]


def number(value: float, decimals: int | None = None) -> str:
    """A number with a true minus sign: of two decimals at most, or of exactly ``decimals``."""
    text = f"{value:.2f}".rstrip("0").rstrip(".") if decimals is None else f"{value:.{decimals}f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def by(shape: Sequence[int]) -> str:
    """A size in words: 3 × 3."""
    return " × ".join(map(str, shape))


def box_of(image: np.ndarray, side: float) -> tuple[float, float]:
    """Width and height in inches of an image's panel whose longer side is ``side``, wide enough for its title."""
    aspect = min(max(image.shape[0] / image.shape[1], 0.4), 2.5)
    return max(side / max(1.0, aspect), 2.2), side * min(1.0, aspect)
