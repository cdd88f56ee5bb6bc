"""Panels and color scales of the figures of filtered images.

Results with many negative values are drawn in the signed colors of :func:`~decanet.core.plotting.signed_scale`, all
others in gray from black 0 to white 1. A color scale is computed from the pixels for which the kernel lies inside the
image, since responses to the padding are often larger than all others. Where values exceed the scale, the end of the
color bar is pointed and the caption states their fraction.
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
READABLE = (9, 5)  # largest rows and columns of a kernel whose weights are written into its cells
GRAY: dict[str, Any] = {"cmap": "gray", "vmin": 0, "vmax": 1}
SMOOTH = "antialiased"  # averaged where a dot shows several pixels
CHANNELS = ("red", "green", "blue")


@dataclass(frozen=True)
class Scale:
    """Color scale.

    Attributes:
        options: those of ``imshow``.
        beyond: fraction of the values outside the scale.
    """

    options: dict[str, Any]
    beyond: float

    @property
    def is_fixed(self) -> bool:
        """Whether the scale is that of images, from black 0 to white 1."""
        return (self.options["vmin"], self.options["vmax"]) == (0, 1)

    @property
    def words(self) -> str:
        """The ends of the scale in words."""
        low, high = self.options["vmin"], self.options["vmax"]
        return f"±{high:.2g}" if low == -high else f"{number(low)} to {number(high)}"


def is_signed(values: np.ndarray) -> bool:
    """Whether values are responses to changes, centered at zero."""
    # Sharpening makes a few pixels negative; responses to changes are negative on about half of the image.
    return bool((values < -1e-6 * abs(values).max()).mean() > 0.15)


def scale_of(values: np.ndarray) -> Scale:
    """Return the color scale for values of any shape."""
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
    """Return the signed color scale for a kernel or for products."""
    return signed_scale(float(abs(weights).max()))


def scale_caption(scales: Sequence[Scale], results: Sequence[Convolved]) -> str:
    """Return the sentences on values outside the color scales and on pixels that these leave out."""
    most = max(scale.beyond for scale in scales)
    fixed = all(scale.is_fixed for scale in scales)
    sentences = []
    if most >= 0.0005:
        fraction = f"{100 * most:.1f}% of the values are"
        many = f"Up to {fraction}" if len(scales) > 1 else fraction
        ends = "below black (0) or above white (1)" if fixed else "outside the color scale"
        sentences.append(f"{many} {ends}.")
    padded = [done.values for done in results if done.inside.size < done.values.size]
    if fixed:  # does not depend on the padding; but pixels that exceed it are mentioned
        padded = [values for values in padded if values.min() < -1e-6 or values.max() > 1 + 1e-6]
    if padded:
        if not fixed:
            sentences.append(
                "The color scale does not include pixels where the kernel reaches into the padding."
            )
        elif sentences:
            sentences.append("Pixels where the kernel reaches into the padding are not counted.")
        else:
            sentences.append(
                "Values below 0 or above 1 are rare except where the kernel reaches into the padding."
            )
    return " ".join(sentences)


def write_caption(figure: Any, *sentences: str) -> None:
    """Write sentences below a figure, wrapped to its width."""
    text = " ".join(sentence for sentence in sentences if sentence)
    figure.supxlabel("\n".join(textwrap.wrap(text, int(14 * figure.get_size_inches()[0]))), fontsize=9)


def write_title(figure: Any, text: str) -> None:
    """Write the title of a figure, wrapped to its width."""
    lines = textwrap.wrap(text, int(9 * figure.get_size_inches()[0]))
    figure.suptitle(literal("\n".join(lines)), fontsize=13, fontweight="bold")


def show_original(axes: Any, image: np.ndarray) -> None:
    """Draw the original image."""
    show_image(axes, image, f"original, {by(image.shape[:2])}", interpolation=SMOOTH, **GRAY)


def show_result(axes: Any, values: np.ndarray, scale: Scale, title: str) -> None:
    """Draw a result, (H, W) or (H, W, 3), in the colors of ``scale``."""
    shown = values if values.ndim == 2 else values.clip(0, 1)
    show_image(axes, shown, title, interpolation=SMOOTH, **scale.options)
    axes.spines[:].set(visible=True, color="#bbbbbb")


def show_color_bar(axes: Any, values: np.ndarray, scale: Scale) -> None:
    """Draw the color bar of the result in ``axes`` at its height; ``values`` are all that share the scale."""
    below = values.min() < scale.options["vmin"] - 1e-6
    above = values.max() > scale.options["vmax"] + 1e-6
    ends = {(0, 0): "neither", (1, 0): "min", (0, 1): "max", (1, 1): "both"}[int(below), int(above)]
    bar = axes.inset_axes((1.03, 0, 0.035, 1))
    axes.figure.colorbar(axes.images[0], cax=bar, extend=ends)
    bar.tick_params(labelsize=8)


def show_kernel(axes: Any, weights: np.ndarray, title: str) -> None:
    """Draw one kernel (kh, kw) with its size and the meaning of its sum."""
    show_numbers(axes, weights, title, weights_scale(weights))
    axes.set_xlabel(f"{by(weights.shape)}, {describe_sum(weights)}", fontsize=8.5)


def show_numbers(
    axes: Any, values: np.ndarray, title: str, options: dict[str, Any], decimals: int | None = None
) -> Any:
    """Draw a small array as cells with numbers; return a function that replaces its values."""
    show_image(axes, values, title, **options)
    axes.spines[:].set(visible=True, color="#999999")
    image, labels = axes.images[0], []
    if values.shape[0] <= READABLE[0] and values.shape[1] <= READABLE[1]:
        size = 11 if max(values.shape) <= 3 else 8
        positions = [(i, j) for i in range(values.shape[0]) for j in range(values.shape[1])]
        labels = [axes.text(j, i, "", ha="center", va="center", fontsize=size) for i, j in positions]

    def show(other: np.ndarray) -> None:
        image.set_data(other)
        for label, value, ink in zip(labels, other.flat, _inks(image.cmap(image.norm(other)))):
            label.set(text=number(float(value), decimals), color=ink)

    show(values)
    return show


def _inks(colors: np.ndarray) -> list[str]:
    """Return black or white for the number in each cell; cells of nearly equal brightness get the same."""
    brightness = (colors[..., :3] @ np.array([0.299, 0.587, 0.114])).ravel()
    # The threshold lies in the widest gap between medium values, where either color is readable.
    middle = np.unique([0.4, *brightness[(brightness > 0.4) & (brightness < 0.6)], 0.6])
    widest = int(np.diff(middle).argmax())
    threshold = (middle[widest] + middle[widest + 1]) / 2
    return ["white" if one < threshold else "black" for one in brightness]


def number(value: float, decimals: int | None = None) -> str:
    """Format a number with a true minus sign and at most two decimals, or exactly ``decimals``."""
    text = f"{value:.2f}".rstrip("0").rstrip(".") if decimals is None else f"{value:.{decimals}f}"
    return "0" if float(text) == 0 else text.replace("-", "−")


def by(shape: Sequence[int]) -> str:
    """Format a shape: 3 × 3."""
    return " × ".join(map(str, shape))


def box_of(image: np.ndarray, length: float) -> tuple[float, float]:
    """Return the width and height in inches of a panel whose longer one is ``length``, wide enough for its title."""
    aspect = min(max(image.shape[0] / image.shape[1], 0.4), 2.5)
    return max(length / max(1.0, aspect), 2.2), length * min(1.0, aspect)
