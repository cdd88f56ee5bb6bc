"""Pixel formats: conversion of images that Pillow has decoded to RGB, or to gray of full depth."""

import io
import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL.Image import Image

# Tags of TIFF 6.0, section 8, and the values of photometric interpretation and sample format.
BITS_PER_SAMPLE, PHOTOMETRIC, PLANAR_CONFIGURATION, SAMPLE_FORMAT = 258, 262, 284, 339
WHITE_IS_ZERO, UNSIGNED = 0, 1


class UnsuitableImage(Exception):  # noqa: N818 (its text follows "image PATH")
    """A complete image of a format whose pixels Pillow would return wrong."""


PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def without_long_texts(path: Path) -> io.BytesIO | None:
    """Return a PNG without the texts and the color profile that are too long for Pillow; None for other formats.

    Pillow refuses texts above a megabyte each and 64 together; ``PngImagePlugin.MAX_TEXT_CHUNK`` would change that for
    the whole process.
    """
    data = path.read_bytes()
    if not data.startswith(PNG_SIGNATURE):
        return None
    kept, start, texts = [PNG_SIGNATURE], len(PNG_SIGNATURE), 0
    while start + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, start)
        chunk = data[start : start + length + 12]
        start += len(chunk)
        if kind in (b"tEXt", b"zTXt", b"iTXt", b"iCCP"):
            is_plain = kind == b"tEXt" or (kind == b"iTXt" and chunk[8:-4].partition(b"\0")[2][:1] == b"\0")
            longest = length if is_plain else 1032 * length  # what deflate can make of it
            texts += longest
            if longest > 2**20 or texts > 2**26:
                continue
        kept.append(chunk)
    return io.BytesIO(b"".join(kept))


def deep_gray(image: "Image") -> np.ndarray | None:
    """Convert grays of more than 8 bits to float32 in 0..1; return None for all other images."""
    if not image.mode.startswith(("I", "F")):
        return None
    tags: Any = getattr(image, "tag_v2", {})
    bits = tags.get(BITS_PER_SAMPLE, (16,))[0]
    values = np.asarray(image)
    if not np.isfinite(values).all():
        raise UnsuitableImage("holds NaN or infinity; give finite pixels")
    if bits == 32 and image.mode == "I" and tags.get(SAMPLE_FORMAT, (UNSIGNED,))[0] == UNSIGNED:
        values = values.view(np.uint32)
    least, greatest = float(values.min()), float(values.max())
    if image.mode.startswith("I") and least >= 0 and greatest <= 65535:
        least, greatest = 0, 4095 if bits == 12 else 65535
    elif image.mode == "F" and least >= 0 and greatest <= 1:
        least, greatest = 0, 1
    deep = np.empty(values.shape, np.float32)
    rows = max(1, 2**20 // values.shape[1])  # float64 for a part at a time, to save memory
    for top in range(0, len(values), rows):
        part = np.subtract(values[top : top + rows], least, dtype=np.float64)
        deep[top : top + rows] = part / (greatest - least or 1)
    if tags.get(PHOTOMETRIC) == WHITE_IS_ZERO:
        np.subtract(1, deep, out=deep)
    transparent = image.info.get("transparency")
    if isinstance(transparent, int):  # one gray level of a 16-bit PNG, which is shown as white
        deep[values == transparent] = 1
    return deep


def to_rgb(image: "Image") -> "Image":
    """Convert an image of any mode to RGB; transparency is blended with white."""
    from PIL import Image

    if image.mode == "LAB":
        image = _lab_to_rgb(image)
    elif image.has_transparency_data:
        if image.mode == "La":
            image = image.convert("LA")
        if image.mode != "RGBA":
            image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return image if image.mode == "RGB" else image.convert("RGB")


def _lab_to_rgb(image: "Image") -> "Image":
    from PIL import ImageCms

    lab, srgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    return ImageCms.profileToProfile(image, lab, srgb, outputMode="RGB") or image
