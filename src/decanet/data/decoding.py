"""Decoding of image files to squares of one size, resized and cropped as in torchvision."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from decanet.core.errors import DataError
from decanet.core.processor import usable_cores
from decanet.core.progress import Report
from decanet.data.image_files import refuse_unreadable

# A JPEG is decoded at a fraction of its size where this many times the wanted size remains, as Pillow's thumbnails
# are. The rest is a proper resampling, and the result differs by about one gray level.
DRAFT_GAP = 2

THIN = 64  # images longer than this many times their width are cut before they are resized; panoramas are not


def size_with_short_side(width: int, height: int, image_size: int) -> tuple[int, int]:
    """Width and height once the short side is ``image_size``; the other is rounded down as in torchvision."""
    short = min(width, height)
    return width * image_size // short, height * image_size // short


def fit_square(
    image: np.ndarray | Image.Image, image_size: int, interpolation: str = "bilinear", crop: int | None = None
) -> np.ndarray:
    """Resize the short side of an image to ``image_size`` and crop its center: uint8 (crop, crop, 3).

    Equal to torchvision's ``Resize(image_size, interpolation)`` and ``CenterCrop(crop)``, pixel by pixel. Only the
    middle of an image more than ``THIN`` times as long as wide is resized: its crop may be off by a pixel.

    Args:
        image: uint8 (H, W, 3), or a Pillow image of mode RGB.
        interpolation: "bilinear" or "bicubic".
        crop: at most ``image_size``, which is the default.
    """
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    crop = crop or image_size
    short = min(image.size)
    if max(image.size) > THIN * short:
        # A line of a million pixels would become gigabytes. Equal margins keep the center in place.
        margins = [(extent - THIN * short) // 2 for extent in image.size]
        across, down = (max(0, margin) for margin in margins)
        image = image.crop((across, down, image.width - across, image.height - down))
    image = image.resize(
        size_with_short_side(*image.size, image_size), Image.Resampling[interpolation.upper()]
    )
    left, top = round((image.width - crop) / 2), round((image.height - crop) / 2)
    return np.array(image.crop((left, top, left + crop, top + crop)))  # a copy: PyTorch wants to own it


def read_images(paths: Sequence[Path], image_size: int, report: Report) -> Tensor:
    """Decode images on all cores, resize their short sides to ``image_size`` and crop the centers.

    Returns:
        uint8 (N, 3, S, S).

    Raises:
        DataError: images cannot be read; it names all of them.
    """
    from decanet.data.image_io import open_rgb

    images = torch.empty(len(paths), 3, image_size, image_size, dtype=torch.uint8)
    errors: list[DataError] = []

    def read(path: Path) -> np.ndarray | DataError:
        try:
            return fit_square(open_rgb(path, DRAFT_GAP * image_size), image_size)
        except DataError as error:
            return error

    # Pillow decodes outside Python's lock, so threads are enough.
    with ThreadPoolExecutor(usable_cores()) as pool:
        for index, image in enumerate(pool.map(read, paths)):
            if isinstance(image, DataError):
                errors.append(image)
            else:
                images[index] = torch.from_numpy(image).permute(2, 0, 1)
            report.progress("reading images", index + 1, len(paths), "images")
    refuse_unreadable(errors, len(paths))
    return images
