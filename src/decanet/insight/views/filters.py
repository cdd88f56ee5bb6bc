"""First-layer filters as small color images (A. Krizhevsky et al., NeurIPS 2012, Figure 3)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from decanet.core.plotting import grid_shape, new_figure, show_image, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure


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


def mean_frequency(weights: Tensor) -> np.ndarray:
    """Return the mean spatial frequency, weighted by energy, of filters (O, 3, k, k) in cycles per pixel, shape (O,).

    It is near 0 for a blob that covers the kernel, and up to 0.7 for a checkerboard.
    """
    size = max(8, 2 * weights.shape[-1])  # zeros around a kernel make its spectrum smooth
    energy = torch.fft.fft2(weights, s=(size, size)).abs().square().sum(1)  # (O, size, size)
    axis = torch.fft.fftfreq(size)
    frequency = torch.hypot(axis[:, None], axis[None, :])
    return ((energy * frequency).sum((1, 2)) / energy.sum((1, 2)).clamp_min(1e-30)).numpy()


def as_images(weights: Tensor) -> np.ndarray:
    """Return filters (O, 3, k, k) as RGB images (O, k, k, 3) in [0, 1]; a weight of zero is gray."""
    largest = weights.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
    return (0.5 + 0.5 * weights / largest).permute(0, 2, 3, 1).numpy()


def _weights(layer: nn.Conv2d) -> Tensor:
    return layer.weight.detach().float().cpu().clone()


def _size(weights: Tensor) -> str:
    return f"{weights.shape[-2]} × {weights.shape[-1]}"
