"""Blur of the lens, of a moving camera, and of a zoom while the shutter is open."""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.data.corruptions._registry import corruption

INVISIBLE = 1e-4  # weights of a kernel below it change no pixel by a tenth of a gray level


@corruption(
    "defocus_blur", "blur",
    small=((0.3, 0.4), (0.4, 0.5), (0.5, 0.6), (1, 0.2), (1.5, 0.1)),
    large=((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5)),
)  # fmt: skip
def defocus_blur(x: Tensor, disk: tuple[float, float], _: Sequence[torch.Generator]) -> Tensor:
    """The image out of focus: every point becomes a disk."""
    kernel = disk_kernel(*disk)
    margin = kernel.shape[-1] // 2
    planes = F.pad(x.flatten(0, 1).unsqueeze(1), (margin,) * 4, mode="reflect")
    return F.conv2d(planes, kernel[None, None]).view_as(x)


def disk_kernel(radius: float, smoothing: float) -> Tensor:
    """A disk of ``radius`` pixels, smoothed by a Gaussian of deviation ``smoothing`` with 3x3 or 5x5 weights.

    The smoothing is the authors': reflected at the border of a square of 17x17 pixels, or of that of a larger disk.
    """
    extent, reach = (8, 1) if radius <= 8 else (int(radius), 2)
    line = torch.arange(-extent, extent + 1, dtype=torch.float64)
    disk = (line**2 + line.view(-1, 1) ** 2 <= radius**2).double()
    weights = torch.exp(-(torch.arange(-reach, reach + 1, dtype=torch.float64) ** 2) / (2 * smoothing**2))
    weights /= weights.sum()
    square = F.pad((disk / disk.sum())[None, None], (reach,) * 4, mode="reflect")
    smooth = F.conv2d(square, torch.outer(weights, weights)[None, None])[0, 0].float()
    empty = extent - min(extent, math.floor(radius) + reach)  # rows and columns of zeros all around
    return smooth[empty : len(smooth) - empty, empty : len(smooth) - empty]


@corruption(
    "motion_blur", "blur",
    small=((6, 1), (6, 1.5), (6, 2), (8, 2), (9, 2.5)),
    large=((10, 3), (15, 5), (15, 8), (15, 12), (20, 15)),
)  # fmt: skip
def motion_blur(x: Tensor, trail: tuple[int, float], draws: Sequence[torch.Generator]) -> Tensor:
    """A camera that moves in a random direction, 45 degrees up or down at most: half a Gaussian along a line.

    As ImageMagick's MotionBlurImage, which the authors call: offsets are rounded to whole pixels, and the border
    pixels go on outside the image.
    """
    radius, deviation = trail
    height, width = x.shape[2:]
    steps = torch.arange(2 * radius + 1)
    weights = torch.exp(-(steps**2) / (2 * deviation**2))
    weights /= weights.sum()
    angles = torch.cat([torch.rand(1, generator=draw) for draw in draws]) * (math.pi / 2) - math.pi / 4
    images = torch.arange(len(x)).view(-1, 1, 1, 1)
    channels = torch.arange(x.shape[1]).view(1, -1, 1, 1)
    result = torch.zeros_like(x)
    for step, weight in zip(steps.tolist(), weights.tolist(), strict=True):
        if weight < INVISIBLE:
            break
        down = torch.ceil(step * angles.sin() - 0.5).long().view(-1, 1)
        right = torch.ceil(step * angles.cos() - 0.5).long().view(-1, 1)
        rows = (torch.arange(height) + down).clamp_(0, height - 1).view(-1, 1, height, 1)
        columns = (torch.arange(width) + right).clamp_(0, width - 1).view(-1, 1, 1, width)
        result.add_(x[images, channels, rows, columns], alpha=weight)
    return result


@corruption(
    "zoom_blur", "blur",
    small=((1.06, 0.01), (1.11, 0.01), (1.16, 0.01), (1.21, 0.01), (1.26, 0.01)),
    large=((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03)),
)  # fmt: skip
def zoom_blur(x: Tensor, zoom: tuple[float, float], _: Sequence[torch.Generator]) -> Tensor:
    """The mean of the image and of its enlarged centers, by 1, 1 + step, ... below ``end``."""
    end, step = zoom
    factors = np.arange(1, end, step).tolist()  # torch's last digits differ
    total = x.clone()
    for factor in factors:
        rows, columns = (zoom_matrix(size, factor) for size in x.shape[2:])
        total += rows @ x @ columns.T
    return total / (len(factors) + 1)


def zoom_matrix(size: int, factor: float) -> Tensor:
    """The matrix (size, size) that enlarges the center of a line to the whole, linearly, as scipy.ndimage.zoom does."""
    kept = math.ceil(size / factor)
    large = round(kept * factor)
    first, left = (size - kept) // 2, (large - size) // 2
    center = F.interpolate(torch.eye(kept)[None], size=large, mode="linear", align_corners=True)[0].T
    matrix = torch.zeros(size, size)
    matrix[:, first : first + kept] = center[left : left + size]
    return matrix
