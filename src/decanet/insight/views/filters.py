"""First-layer filters: as small color images, and their orientation, frequency, color and Gabor functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import fill
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from decanet.core.plotting import COLORS, grid_shape, literal, new_figure, show_image, styled
from decanet.insight.filter_statistics import color_selectivity, mean_frequency, orientation, pattern

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

    from decanet.insight.gabor import Gabor

BINS = 8  # of orientations, by which the sheet is ordered
COLUMNS = 12  # of each sheet


@dataclass(frozen=True)
class Filters:
    """The filters of one layer as they act on RGB images.

    Attributes:
        layer: attribute path of the layer.
        description: number, size and origin of the filters.
        weights: (O, 3, height, width); a copy, which later training does not change.
    """

    layer: str
    description: str
    weights: Tensor


@dataclass(frozen=True)
class Statistics:
    """What can be said of the filters of one layer in numbers.

    Attributes:
        orientation: (O,) of edges and stripes in degrees from 0 (horizontal) to 180, counterclockwise.
        frequency: (O,) mean spatial frequency in cycles per pixel.
        color: (O,) color selectivity: fraction of the energy off the gray axis.
        gabors: the Gabor function fitted to each filter's main pattern; empty where they are refused.
        refused: why no Gabor functions were fitted; empty where they were.
    """

    orientation: np.ndarray
    frequency: np.ndarray
    color: np.ndarray
    gabors: "tuple[Gabor, ...]"
    refused: str

    @property
    def order(self) -> np.ndarray:
        """The numbers of the filters: blobs first, then by orientation, and by frequency within one."""
        angle = np.round(self.orientation / (180 / BINS)) % BINS
        blobs = self.frequency < np.quantile(self.frequency, 0.15)
        return np.lexsort((self.frequency, np.where(blobs, -1, angle)))

    def rows(self) -> list[dict[str, Any]]:
        """Return a row of numbers for each filter."""
        rows = []
        for index in range(len(self.color)):
            row: dict[str, Any] = {
                "filter": index,
                "orientation_deg": round(float(self.orientation[index]), 1),
                "cycles_per_pixel": round(float(self.frequency[index]), 3),
                "color_selectivity": round(float(self.color[index]), 3),
            }
            if self.gabors:
                one = self.gabors[index]
                row |= {
                    "gabor_r2": round(one.r2, 3),
                    "gabor_orientation_deg": round(one.orientation, 1),
                    "gabor_cycles_per_pixel": round(one.frequency, 3),
                    "gabor_bandwidth_octaves": round(one.bandwidth, 2)
                    if np.isfinite(one.bandwidth)
                    else None,
                }
            rows.append(row)
        return rows


def compute(model: nn.Module) -> list[Filters]:
    """Return the filters of the first convolution; none where there is no convolution of gray or RGB images.

    Filters for gray images are repeated for the three channels. A first layer that was computed from the images
    (``initialize_from``) is not learned: the next layer's filters, composed with it, are returned too. Two convolutions
    in a row equal one with larger kernels; the nonlinearity between them is left out.
    """
    convolutions = [(name, m) for name, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    if not convolutions or convolutions[0][1].in_channels not in (1, 3):
        return []
    name, first = convolutions[0]
    weights = _weights(first)
    if first.in_channels == 1:
        weights = weights.repeat(1, 3, 1, 1)
    if first.weight.requires_grad or not hasattr(model, "initialize_from"):
        return [Filters(name, f"{len(weights)} learned filters of {_size(weights)}", weights)]
    computed = f"{len(weights)} filters of {_size(weights)}, computed from the images, not learned"
    next_name, following = convolutions[1]
    # The composition is a full convolution of the two layers' kernels.
    composed = F.conv_transpose2d(_weights(following), weights)
    learned = f"{len(composed)} learned filters, composed with those of {name} to {_size(composed)}"
    return [Filters(name, computed, weights), Filters(next_name, learned, composed)]


def describe(weights: Tensor) -> Statistics:
    """Measure filters (O, 3, k, k); fit a Gabor function to the main pattern of each, where they are large enough."""
    from decanet.insight.gabor import SMALLEST, fit_gabor

    side = min(weights.shape[-2:])
    gabors: tuple[Gabor, ...] = ()
    refused = ""
    if side < SMALLEST:
        refused = (
            f"Gabor functions are not fitted: they have 8 numbers, and a kernel of {_size(weights)} has only "
            f"{weights[0, 0].numel()} to explain; 7 × 7 is the least"
        )
    elif not (weights.flatten(1).std(1) > 1e-10).all():
        refused = "Gabor functions are not fitted: a filter is constant"
    else:
        gabors = tuple(fit_gabor(pattern(weight)[0]) for weight in weights)
    return Statistics(
        orientation(weights), mean_frequency(weights), color_selectivity(weights), gabors, refused
    )


@styled
def draw(layers: Sequence[Filters], columns: int = 16) -> "Figure":
    """Draw all filters as a contact sheet, coarse patterns before fine ones; each filter has its own range."""
    most = max(len(layer.weights) for layer in layers)
    columns = min(columns, max(8, most))  # a title needs the width of eight
    shapes = [grid_shape(len(layer.weights), columns) for layer in layers]
    heights = [rows + 0.9 for rows, _ in shapes]
    figure = new_figure(0.62 * columns, 0.62 * sum(heights) + 0.1)
    panels = figure.subfigures(len(layers), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, layer, (rows, _) in zip(panels, layers, shapes, strict=True):
        title = f"{layer.layer}: {layer.description}"
        panel.suptitle(title, fontsize=10, fontweight="bold", x=0.01, ha="left")
        grid = panel.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        images = as_images(layer.weights)
        for axes, index in zip(grid, np.argsort(mean_frequency(layer.weights), kind="stable"), strict=False):
            axes.set_axis_on()
            show_image(axes, images[index])
            axes.spines[:].set(visible=True, color="#999999", linewidth=0.6)  # a white filter needs an edge
    return figure


@styled
def draw_described(layers: Sequence[Filters], described: Sequence[Statistics], title: str) -> "Figure":
    """Draw the filters of each layer twice, with a range of their own and a common one, and their statistics."""
    shapes = [grid_shape(len(layer.weights), COLUMNS) for layer in layers]
    heights = [0.44 * rows + 3.6 for rows, _ in shapes]
    figure = new_figure(11.0, sum(heights) + 0.35)
    figure.suptitle(f"First filters of {literal(title)}", fontweight="bold", fontsize=12)
    panels = figure.subfigures(len(layers), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, layer, one, (rows, columns) in zip(panels, layers, described, shapes, strict=True):
        panel.suptitle(f"{layer.layer}: {layer.description}", fontsize=10, fontweight="bold")
        upper, lower = panel.subfigures(2, 1, height_ratios=[0.44 * rows + 0.4, 2.8])
        common = 0.5 + 0.5 * layer.weights / max(float(layer.weights.abs().max()), 1e-12)
        sheets = {
            "each with its own range: blobs first, then by orientation": as_images(layer.weights),
            "the same with one range for all": common.permute(0, 2, 3, 1).numpy(),
        }
        for axes, (name, images) in zip(upper.subplots(1, 2), sheets.items(), strict=True):
            show_image(axes, mosaic(images[one.order], rows, columns))
            axes.set_title(name, fontsize=9, fontweight="normal")
        _draw_statistics(lower, layer, one)
    return figure


def mosaic(images: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Return images (O, k, k, 3) beside each other, with gaps of white: one image."""
    zoom = max(1, 24 // images.shape[1])
    large = images.repeat(zoom, 1).repeat(zoom, 2)
    height, width = large.shape[1] + 4, large.shape[2] + 4
    sheet = np.ones((rows * height - 4, columns * width - 4, 3))
    for index, image in enumerate(large):
        top, left = index // columns * height, index % columns * width
        sheet[top : top + height - 4, left : left + width - 4] = image
    return sheet


def _draw_statistics(panel: "SubFigure", layer: Filters, one: Statistics) -> None:
    colors = _mean_colors(layer.weights)
    polar = panel.add_subplot(1, 3, 1, projection="polar")
    color, fits = panel.add_subplot(1, 3, 2), panel.add_subplot(1, 3, 3)
    angle = np.deg2rad(np.concatenate([one.orientation, one.orientation + 180]))
    radius = np.tile(one.frequency, 2)
    polar.scatter(angle, radius, c=np.tile(colors, (2, 1)), s=26, edgecolor="#333333", linewidth=0.5)
    largest = max(0.44, 1.08 * float(one.frequency.max()))
    polar.set(ylim=(0, largest), yticks=[0.2, 0.4], yticklabels=[])
    polar.set_title(
        "orientation of stripes and frequency\n(circles: 0.2 and 0.4 cycles per pixel)", fontsize=9.5
    )
    polar.tick_params(labelsize=8)
    color.hist(one.color, bins=20, range=(0, 1), color=COLORS[0], edgecolor="white")
    color.axvline(2 / 3, color="#333333", linestyle="--", linewidth=1)
    place = color.get_xaxis_transform()
    color.text(0.65, 0.97, "random\nweights", ha="right", va="top", fontsize=8, transform=place)
    color.set(xlabel="color selectivity (0 gray, 1 color alone)", ylabel="filters")
    color.locator_params(axis="y", integer=True)
    color.set_title("fraction of the energy\noff the gray axis", fontsize=9.5)
    if one.gabors:
        r2 = [gabor.r2 for gabor in one.gabors]
        fits.hist(r2, bins=20, range=(0, 1), color=COLORS[2], edgecolor="white")
        fits.set(xlabel="R² of the best Gabor function", ylabel="filters")
        fits.locator_params(axis="y", integer=True)
        fits.set_title(f"how well a Gabor function fits\n(median R² {np.median(r2):.2f})", fontsize=9.5)
    else:
        fits.set_axis_off()
        text = fill(one.refused.replace(" × ", "\N{NO-BREAK SPACE}×\N{NO-BREAK SPACE}"), 34)
        fits.text(0.5, 0.6, text, ha="center", va="center", fontsize=9, transform=fits.transAxes)


def _mean_colors(weights: Tensor) -> np.ndarray:
    """Return the main color of each filter (O, 3, k, k), (O, 3) in [0, 1]; gray for those without one."""
    found = []
    for weight in weights:
        channels = weight.reshape(3, -1)
        main = torch.linalg.svd(channels, full_matrices=False)[0][:, 0]
        main = main * (1 if main.sum() >= 0 else -1)
        found.append((0.5 + 0.5 * main / main.abs().max().clamp_min(1e-12)).numpy())
    return np.stack(found)


def as_images(weights: Tensor) -> np.ndarray:
    """Return filters (O, 3, k, k) as RGB images (O, k, k, 3) in [0, 1]; a weight of zero is gray."""
    largest = weights.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
    return (0.5 + 0.5 * weights / largest).permute(0, 2, 3, 1).numpy()


def _weights(layer: nn.Conv2d) -> Tensor:
    return layer.weight.detach().float().cpu().clone()


def _size(weights: Tensor) -> str:
    return f"{weights.shape[-2]} × {weights.shape[-1]}"
