"""Shifts of images that should change no prediction: translation, rotation, scale, viewpoint and horizontal flip.

Each function maps uint8 (N, C, H, W) to the same shape. ``padding`` fills the pixels that come from outside the
image: "reflect" with the image reflected at its border, "zeros" with black.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from decanet.data._sampling import sample, transform_affine


def translate(images: Tensor, down: int, right: int, padding: str = "reflect") -> Tensor:
    """Move images by whole pixels; negative numbers move them up and to the left."""
    height, width = images.shape[2:]
    rows, columns = torch.arange(height) - down, torch.arange(width) - right
    moved = images[:, :, _reflected(rows, height)][..., _reflected(columns, width)]
    if padding == "zeros":
        inside = ((rows >= 0) & (rows < height)).view(-1, 1) & (columns >= 0) & (columns < width)
        moved = moved * inside
    return moved


def rotate(images: Tensor, degrees: float, padding: str = "reflect") -> Tensor:
    """Rotate images counterclockwise about their centers, with bilinear interpolation."""
    angle = math.radians(degrees)
    cos, sin = math.cos(angle), math.sin(angle)
    return _transformed(images, [[cos, -sin, 0.0], [sin, cos, 0.0]], padding)


def rescale(images: Tensor, factor: float, padding: str = "reflect") -> Tensor:
    """Enlarge the content of images about their centers by ``factor``, with bilinear interpolation.

    Raises:
        ValueError: a factor below 1/2, where bilinear interpolation would leave pixels out.
    """
    if factor < 0.5:
        raise ValueError(f"a factor of {factor:g} would alias; 0.5 is the smallest")
    return _transformed(images, [[1 / factor, 0.0, 0.0], [0.0, 1 / factor, 0.0]], padding)


def turn(images: Tensor, degrees: float, padding: str = "reflect") -> Tensor:
    """Turn the plane of images about its vertical axis, the right side away, seen from two widths in front of it.

    A camera's change of viewpoint, for a flat object, with bilinear interpolation.

    Raises:
        ValueError: an angle of 75 degrees or more, where the image is almost a line.
    """
    if abs(degrees) >= 75:
        raise ValueError(f"{degrees:g} degrees are too many; an image can be turned by less than 75")
    height, width = images.shape[2:]
    distance = 2.0 * width
    angle = math.radians(degrees)
    v = torch.arange(height, dtype=torch.float64).view(-1, 1) - (height - 1) / 2
    u = torch.arange(width, dtype=torch.float64) - (width - 1) / 2
    # A point (x, y) of the plane is seen at d (x cos, y) / (d + x sin); this is its inverse.
    x = u * distance / (distance * math.cos(angle) - u * math.sin(angle))
    y = v * (distance + x * math.sin(angle)) / distance
    columns = (x + (width - 1) / 2).expand(height, width)[None]
    moved = sample(images.float(), y[None] + (height - 1) / 2, columns, padding)
    return moved.round_().clamp_(0, 255).to(torch.uint8)


def flip(images: Tensor) -> Tensor:
    """Exchange left and right."""
    return images.flip(3)


@dataclass(frozen=True)
class Shift:
    """A family of shifts with one amount.

    Attributes:
        name: in tables and options.
        unit: of the amount.
        neutral: the amount that changes nothing.
        apply: ``apply(images, amount, padding)``.
    """

    name: str
    unit: str
    neutral: float
    apply: Callable[[Tensor, float, str], Tensor]


SHIFTS = {
    shift.name: shift
    for shift in (
        Shift("horizontal translation", "pixels", 0, lambda x, amount, p: translate(x, 0, round(amount), p)),
        Shift("vertical translation", "pixels", 0, lambda x, amount, p: translate(x, round(amount), 0, p)),
        Shift("rotation", "degrees", 0, rotate),
        Shift("scale", "factor", 1, rescale),
        Shift("viewpoint", "degrees", 0, turn),
    )
}


def _transformed(images: Tensor, matrix: list[list[float]], padding: str) -> Tensor:
    moved = transform_affine(images.float(), torch.tensor([matrix], dtype=torch.float64), padding)
    return moved.round_().clamp_(0, 255).to(torch.uint8)


def _reflected(places: Tensor, size: int) -> Tensor:
    """Indices 0 to size - 1 of places on a line that is reflected at both borders (c b a | a b c | c b a)."""
    places = places.remainder(2 * size)
    return torch.minimum(places, 2 * size - 1 - places)
