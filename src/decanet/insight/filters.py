"""What the first layer looks for: its kernels as small color images (AlexNet, Figure 3)."""

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
class Kernels:
    """Kernels of one layer as they act on RGB: ``weights`` (O, 3, k, k) and what they are, in words."""

    layer: str
    about: str
    weights: Tensor


def first_kernels(model: nn.Module) -> list[Kernels]:
    """The first convolution's kernels; where it is not learned, also the next one's, composed with it.

    Two convolutions in a row are one with a larger kernel; the nonlinearity between them is left out. A network that
    sees gray sees all three colors alike.
    """
    convolutions = [(name, m) for name, m in model.named_modules() if isinstance(m, nn.Conv2d)]
    if not convolutions:
        return []
    name, first = convolutions[0]
    weights = first.weight.detach().float().cpu().clone()  # a training may go on
    if first.in_channels == 1:
        weights = weights.repeat(1, 3, 1, 1)
    size = first.kernel_size[0]
    if first.weight.requires_grad:
        return [Kernels(name, f"{len(weights)} learned kernels of {size} × {size}", weights)]
    about = f"{len(weights)} kernels of {size} × {size}, computed from the images, not learned"
    found = [Kernels(name, about, weights)]
    second_name, second = convolutions[1]
    # The composition correlates the second layer's kernels with the first's: a full convolution of the two.
    composed = F.conv_transpose2d(second.weight.detach().float().cpu(), weights)
    size = composed.shape[-1]
    about = f"{len(composed)} learned kernels, composed with those of {name} to {size} × {size}"
    return [*found, Kernels(second_name, about, composed)]


@styled
def kernel_sheet(kernels: list[Kernels], columns: int = 16) -> "Figure":
    """All kernels side by side, coarse patterns before fine ones; gray is zero, each has its own range."""
    most = max(len(layer.weights) for layer in kernels)
    columns = min(columns, max(8, most))  # a title needs the width of eight
    shapes = [grid_shape(len(layer.weights), columns) for layer in kernels]
    heights = [rows + 0.9 for rows, _ in shapes]
    figure = new_figure(0.62 * columns, 0.62 * sum(heights) + 0.1)
    parts = figure.subfigures(len(kernels), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, layer, (rows, _) in zip(parts, kernels, shapes, strict=True):
        part.suptitle(f"{layer.layer}: {layer.about}", fontsize=10, fontweight="bold", x=0.01, ha="left")
        grid = part.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        images = as_images(layer.weights)
        for axes, index in zip(grid, np.argsort(fineness(layer.weights), kind="stable"), strict=False):
            axes.set_axis_on()
            show_image(axes, images[index])
            axes.spines[:].set(visible=True, color="#999999", linewidth=0.6)  # or a white kernel has no edge
    return figure


def fineness(weights: Tensor) -> np.ndarray:
    """Mean spatial frequency of kernels (O, 3, k, k), weighted by energy, in cycles a pixel, shape (O,).

    0 for a blob that covers the kernel, up to 0.7 for a checkerboard.
    """
    size = max(8, 2 * weights.shape[-1])  # zeros around a kernel make its spectrum a smooth curve
    energy = torch.fft.fft2(weights, s=(size, size)).abs().square().sum(1)  # (O, size, size)
    axis = torch.fft.fftfreq(size)
    frequency = torch.hypot(axis[:, None], axis[None, :])
    return ((energy * frequency).sum((1, 2)) / energy.sum((1, 2)).clamp_min(1e-30)).numpy()


def as_images(weights: Tensor) -> np.ndarray:
    """Kernels (O, 3, k, k) as RGB images (O, k, k, 3) in 0..1 with gray for zero."""
    largest = weights.abs().amax(dim=(1, 2, 3), keepdim=True).clamp_min(1e-12)
    return (0.5 + 0.5 * weights / largest).permute(0, 2, 3, 1).numpy()
