"""Test-time augmentation: the copies of an image that a network is evaluated on, and the average of its outputs.

Every function takes the network, normalized images (B, C, H, W) and the network's image size, and returns (B, K)
log-probabilities in float32.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from decanet.core.errors import UsageError


def center(model: nn.Module, x: Tensor, image_size: int) -> Tensor:
    """No augmentation: the central crop, which is the whole image where it has the network's size."""
    return _log_softmax(model(_crop(x, image_size, 0.5, 0.5)))


def flip(model: nn.Module, x: Tensor, image_size: int) -> Tensor:
    """The mean of the logits of the image and its horizontal flip."""
    # Flip first, then crop: where the margin is odd, the central crop is not symmetric.
    crops = [_crop(v, image_size, 0.5, 0.5) for v in (x, x.flip(3))]
    return _log_softmax((model(crops[0]) + model(crops[1])) / 2)


def flip_shift(model: nn.Module, x: Tensor, image_size: int) -> Tensor:
    """The weighted mean of the logits of six copies: flips of the image, and of the image shifted by one pixel.

    The image and its flip have half the weight; the copies shifted up and left, and down and right, a quarter each
    (K. Jordan, arXiv:2404.00498, section 3.5).
    """
    x = _crop(x, image_size, 0.5, 0.5)
    padded = F.pad(x, (1, 1, 1, 1), mode="reflect")
    copies = [(x, 0.25), (padded[:, :, :-2, :-2], 0.125), (padded[:, :, 2:, 2:], 0.125)]
    logits = sum((model(copy) + model(copy.flip(3))) * weight for copy, weight in copies)
    assert isinstance(logits, Tensor)
    return _log_softmax(logits)


def ten_crop(model: nn.Module, x: Tensor, image_size: int) -> Tensor:
    """The mean probability over the crops at the four corners and the center and their flips (AlexNet, section 4.1).

    Raises:
        UsageError: the images are no larger than ``image_size``; see :func:`require_margin`.
    """
    require_margin("ten_crop", min(x.shape[2:]), image_size)
    places = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5)]
    crops = [_crop(v, image_size, down, across) for v in (x, x.flip(3)) for down, across in places]
    probabilities = [F.softmax(model(crop).float(), 1) for crop in crops]
    return torch.stack(probabilities).mean(0).clamp_min(1e-12).log()


TTA: dict[str, Callable[[nn.Module, Tensor, int], Tensor]] = {
    "none": center, "flip": flip, "flip_shift": flip_shift, "ten_crop": ten_crop,
}  # fmt: skip


def require_margin(tta: str, size: int, image_size: int) -> None:
    """Raise UsageError where images of ``size`` pixels are too small for ``tta`` with a network of ``image_size``.

    Images are never enlarged for a crop: a network that was trained on the original pixels loses up to a fifth of its
    accuracy on enlarged, and therefore blurred, ones.
    """
    least = image_size + 1 if tta == "ten_crop" else image_size
    if size < least:
        instead = (
            "use flip_shift (--tta flip_shift, or --set tta=flip_shift)"
            if size == image_size
            else f"set augmentation.resize to {least} or more"
        )
        raise UsageError(
            f"tta={tta} cuts crops out of images of at least {least}x{least} for this network; these are "
            f"{size}x{size}, and enlarging them would blur what the network was trained on: {instead}"
        )


def central_crop_size(tta: str, image_size: int) -> int | None:
    """Return ``image_size`` where ``tta`` uses the central crop only, which can be cut while decoding; else None."""
    return image_size if tta in {"none", "flip_shift"} else None


def _crop(x: Tensor, image_size: int, down: float, across: float) -> Tensor:
    """A window of ``image_size`` pixels; ``down`` and ``across`` run from 0 (top, left) to 1 (bottom, right)."""
    top, left = round((x.shape[2] - image_size) * down), round((x.shape[3] - image_size) * across)
    return x[:, :, top : top + image_size, left : left + image_size]


def _log_softmax(logits: Tensor) -> Tensor:
    return F.log_softmax(logits.float(), dim=1)
