"""Bilinear sampling of image batches at any coordinates, with the borders that scipy.ndimage and OpenCV know."""

import torch
from torch import Tensor
from torch.nn import functional as F

# Extension of an image beyond its border, in torch's terms: (padding mode, whether pixel centers are at -1 and 1).
# "mirror" reflects about the centers of the outermost pixels (d c b | a b c d | c b a), "reflect" about the border
# (c b a | a b c d | d c b): the names are scipy.ndimage's.
PADDINGS = {"mirror": ("reflection", True), "reflect": ("reflection", False), "zeros": ("zeros", False)}


def sample(images: Tensor, rows: Tensor, columns: Tensor, padding: str) -> Tensor:
    """Interpolate ``images`` bilinearly.

    Args:
        images: float (N, C, H, W).
        rows, columns: (N, H', W') or (1, H', W'), coordinates in pixels; pixel centers are integers.
        padding: "mirror", "reflect" or "zeros", a key of ``PADDINGS``.

    Returns:
        (N, C, H', W').
    """
    mode, centers = PADDINGS[padding]
    height, width = images.shape[2:]
    if centers:
        x, y = 2 * columns / max(width - 1, 1) - 1, 2 * rows / max(height - 1, 1) - 1
    else:
        x, y = (2 * columns + 1) / width - 1, (2 * rows + 1) / height - 1
    grid = torch.stack([x, y], dim=-1).to(images).expand(len(images), -1, -1, -1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode=mode, align_corners=centers)


def transform_affine(images: Tensor, matrix: Tensor, padding: str) -> Tensor:
    """Sample each image at an affine function of its coordinates, which are measured from the center.

    Args:
        images: float (N, C, H, W).
        matrix: (N, 2, 3) or (1, 2, 3): output coordinates (x, y, 1) to input coordinates (x, y).
        padding: see :func:`sample`.
    """
    height, width = images.shape[2:]
    y = torch.arange(height, dtype=torch.float64).view(-1, 1) - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    places = torch.stack([x.expand(height, width), y.expand(height, width), torch.ones(height, width)])
    moved = torch.einsum("nij,jhw->nihw", matrix.double(), places.double())
    columns, rows = moved[:, 0] + (width - 1) / 2, moved[:, 1] + (height - 1) / 2
    return sample(images, rows, columns, padding)
