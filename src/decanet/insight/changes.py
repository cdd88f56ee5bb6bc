"""Changes of an image that do not change what it shows, from none to strong: position, view, light, quality."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor
from torchvision.transforms.v2 import functional as F

from decanet.core.runtime import generator
from decanet.data.corruptions.digital import jpeg_compression
from decanet.data.shifts import SHIFTS

MIRRORED = "as it is, left and right, up and down"  # the amounts 0, 1 and 2 of a mirror image
DEVIATIONS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0)  # of blur, in pixels of a small image


@dataclass(frozen=True)
class Change:
    """A kind of change with one amount.

    Attributes:
        name: in tables and figures.
        unit: of the amount.
        neutral: the amount that changes nothing.
        amounts: from weak to strong; those of translations depend on the image size, see :func:`list_changes`.
        apply: ``apply(images, amount)`` maps uint8 (N, 3, S, S) to the same shape.
    """

    name: str
    unit: str
    neutral: float
    amounts: tuple[float, ...]
    apply: Callable[[Tensor, float], Tensor]


def list_changes(size: int) -> list[Change]:
    """Return all changes for images of ``size`` by ``size`` pixels.

    Images of up to 64 pixels move pixel by pixel, larger ones in 32 steps across the image. What comes in from outside
    is the image reflected at its border.
    """
    step = 1 if size <= 64 else size // 32
    moves = tuple(float(amount) for amount in range(-8 * step, 8 * step + 1, step))
    by_shift = {
        "horizontal translation": moves,
        "vertical translation": moves,
        "rotation": tuple(float(degrees) for degrees in range(-90, 91, 15)),
        "scale": (0.5, 0.6, 0.7, 0.8, 0.9, 1.0, 1.2, 1.4, 1.6, 1.8, 2.0),
        "viewpoint": tuple(float(degrees) for degrees in range(-60, 61, 15)),
    }
    shifted = [
        Change(name, SHIFTS[name].unit, SHIFTS[name].neutral, amounts, _shift(name))
        for name, amounts in by_shift.items()
    ]
    return [
        *shifted,
        Change("mirror image", MIRRORED, 0, (0.0, 1.0, 2.0), _mirror),
        Change("blur", "standard deviation in pixels", 0, tuple(step * one for one in DEVIATIONS), _blur),
        Change("brightness", "factor", 1, (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0), F.adjust_brightness),
        Change("contrast", "factor", 1, (0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0), F.adjust_contrast),
        Change("noise", "standard deviation, of 255", 0, (0.0, 5.0, 10.0, 20.0, 30.0, 45.0, 60.0), _noise),
        Change("JPEG", "quality (101: not compressed)", 101, (5.0, 10.0, 20.0, 40.0, 70.0, 95.0, 101.0), _jpeg),
    ]  # fmt: skip


def _shift(name: str) -> Callable[[Tensor, float], Tensor]:
    return lambda images, amount: SHIFTS[name].apply(images, amount, "reflect")


def _mirror(images: Tensor, which: float) -> Tensor:
    return images.flip({0: (), 1: (3,), 2: (2,)}[round(which)])


def _blur(images: Tensor, deviation: float) -> Tensor:
    if not deviation:
        return images
    side = min(2 * round(3 * deviation) + 1, 2 * (images.shape[-1] - 1) - 1)
    return F.gaussian_blur(images, [side, side], [deviation, deviation])


def _noise(images: Tensor, deviation: float) -> Tensor:
    """Add noise; the amounts differ in its strength alone."""
    noise = torch.randn(images.shape, generator=generator("changes", "noise"))
    return (images + deviation * noise).round_().clamp_(0, 255).to(torch.uint8)


def _jpeg(images: Tensor, quality: float) -> Tensor:
    if quality > 100:
        return images
    return (jpeg_compression(images.float() / 255, round(quality), ()) * 255).round_().to(torch.uint8)
