"""Processing: contrast, saturation, pixels, JPEG, elastic deformation."""

import io
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from decanet.data._sampling import sample, transform_affine
from decanet.data.corruptions._registry import corruption


@corruption("contrast", "digital", small=(0.75, 0.5, 0.4, 0.3, 0.15), large=(0.4, 0.3, 0.2, 0.1, 0.05))
def contrast(x: Tensor, factor: float, _: Sequence[torch.Generator]) -> Tensor:
    """Bring all pixels nearer to the mean of their channel."""
    mean = x.mean(dim=(2, 3), keepdim=True)
    return (x - mean) * factor + mean


@corruption(
    "saturate", "extra",
    small=((0.3, 0), (0.1, 0), (1.5, 0), (2, 0.1), (2.5, 0.2)),
    large=((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2)),
)  # fmt: skip
def saturate(x: Tensor, change: tuple[float, float], _: Sequence[torch.Generator]) -> Tensor:
    """Multiply the saturation of HSV, and add to it. A gray pixel has the hue 0, so that what is added is red."""
    factor, added = change
    value = x.amax(dim=1, keepdim=True)
    below = value - x  # value * saturation * a function of the hue
    saturation = below.amax(dim=1, keepdim=True) / value.clamp_min(1e-12)
    changed = (saturation * factor + added).clamp_(0, 1)
    red = torch.tensor([0.0, 1.0, 1.0]).view(1, 3, 1, 1)
    return value - torch.where(
        saturation > 0, below * changed / saturation.clamp_min(1e-12), value * changed * red
    )


@corruption("pixelate", "digital", small=(0.95, 0.9, 0.85, 0.75, 0.65), large=(0.6, 0.5, 0.4, 0.3, 0.25))
def pixelate(x: Tensor, factor: float, _: Sequence[torch.Generator]) -> Tensor:
    """Reduce the image with a box filter of Pillow, and enlarge it again."""
    height, width = x.shape[2:]
    small = (int(width * factor), int(height * factor))
    box = Image.Resampling.BOX
    return _by_pillow(x, lambda image: image.resize(small, box).resize((width, height), box))


@corruption("jpeg_compression", "digital", small=(80, 65, 58, 50, 40), large=(25, 18, 15, 10, 7))
def jpeg_compression(x: Tensor, quality: int, _: Sequence[torch.Generator]) -> Tensor:
    """Compress the image as JPEG with Pillow, and decode it."""

    def compressed(image: Image.Image) -> Image.Image:
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        return Image.open(file)

    return _by_pillow(x, compressed)


# The authors' constants are fractions of these sizes; 244 is theirs, for images of 224 pixels.
SMALL, LARGE = 32, 244


@corruption(
    "elastic_transform", "digital",
    small=[(SMALL * a, SMALL * s, SMALL * d) for a, s, d in
           ((0, 0, 0.08), (0.05, 0.2, 0.07), (0.08, 0.06, 0.06), (0.1, 0.04, 0.05), (0.1, 0.03, 0.03))],
    large=[(LARGE * a, LARGE * s, LARGE * d) for a, s, d in
           ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))],
)  # fmt: skip
def elastic_transform(
    x: Tensor, change: tuple[float, float, float], draws: Sequence[torch.Generator]
) -> Tensor:
    """Deform the image: a random affine map, then a smooth random displacement of each pixel.

    ``change`` holds the amplitude of the displacement before it is smoothed, the deviation of the Gaussian that smooths
    it, and how far three points of the affine map are moved, all in pixels.
    """
    amplitude, deviation, reach = change
    height, width = x.shape[2:]
    uniform = torch.stack([torch.rand(6, generator=draw, dtype=torch.float64) for draw in draws])
    x = transform_affine(x, random_affine((2 * uniform - 1) * reach, height, width), "mirror")
    if not amplitude:
        return x
    noise = 2 * torch.stack([torch.rand(2, height, width, generator=draw) for draw in draws]) - 1
    smooth = [gaussian_matrix(size, deviation) for size in (height, width)]
    right, down = (amplitude * (smooth[0] @ noise @ smooth[1].T)).unbind(1)
    rows = torch.arange(height).view(-1, 1) + down
    return sample(x, rows, torch.arange(width) + right, "reflect")


def random_affine(moves: Tensor, height: int, width: int) -> Tensor:
    """Maps of output to input coordinates, both from the center, that move three points of the image.

    Args:
        moves: (N, 6), how far the points are moved, in pixels: x and y of each.

    Returns:
        (N, 2, 3).
    """
    arm = min(height, width) // 3
    # The authors' points are about pixel (H // 2, W // 2), half a pixel off the center of even sizes.
    middle = torch.tensor([height // 2 - (width - 1) / 2, width // 2 - (height - 1) / 2], dtype=torch.float64)
    points = middle + torch.tensor([[arm, arm], [arm, -arm], [-arm, -arm]], dtype=torch.float64)
    moved = points + moves.view(-1, 3, 2)
    ones = torch.ones(len(moved), 3, 1, dtype=torch.float64)
    return torch.linalg.solve(torch.cat([moved, ones], 2), points.expand(len(moved), 3, 2)).mT


def gaussian_matrix(size: int, deviation: float) -> Tensor:
    """The matrix (size, size) that smooths a line by a Gaussian, cut at 3 deviations and reflected at the borders."""
    radius = int(3 * deviation + 0.5)
    offsets = torch.arange(-radius, radius + 1)
    weights = torch.exp(-(offsets.double() ** 2) / (2 * deviation**2))
    places = (torch.arange(size).view(-1, 1) + offsets).remainder(2 * size)
    places = torch.minimum(places, 2 * size - 1 - places)
    matrix = torch.zeros(size, size, dtype=torch.float64)
    matrix.scatter_add_(1, places, (weights / weights.sum()).expand(size, -1))
    return matrix.float()


def _by_pillow(x: Tensor, change: Callable[[Image.Image], Image.Image]) -> Tensor:
    pixels = (x * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    changed = np.stack([np.asarray(change(Image.fromarray(image))) for image in pixels])
    return torch.from_numpy(changed).permute(0, 3, 1, 2).float() / 255
