"""How a network is judged: the views of each image, and what is counted."""

import contextlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from decanet.core.errors import UsageError
from decanet.data.batches import Batch


@dataclass(frozen=True)
class Predictions:
    """What a network said: ``probabilities`` (N, K) float32 and the true ``labels`` (N,), both on the CPU."""

    probabilities: Tensor
    labels: Tensor

    def top(self, k: int) -> float:
        """Share of images whose class is among the ``k`` most probable; 1.0 when there are at most k."""
        k = min(k, self.probabilities.shape[1])
        best = self.probabilities.topk(k, dim=1).indices  # (N, k)
        return (best == self.labels.unsqueeze(1)).any(dim=1).double().mean().item()

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats."""
        own = self.probabilities.gather(1, self.labels.unsqueeze(1)).double()
        return -own.clamp_min(1e-12).log().mean().item()

    def confusion(self) -> Tensor:
        """(K, K) int64: entry (i, j) counts images of class i that were called j."""
        classes = self.probabilities.shape[1]
        called = self.probabilities.argmax(dim=1)
        return torch.bincount(self.labels * classes + called, minlength=classes**2).view(classes, classes)


def autocast(device: torch.device, precision: str) -> contextlib.AbstractContextManager[None]:
    """The context in which ``precision`` ("float32" or "bfloat16") is used for convolutions and products."""
    if precision == "float32":
        return contextlib.nullcontext()
    return torch.autocast(device.type, dtype=torch.bfloat16)


def center(model: nn.Module, x: Tensor, image_size: int) -> Tensor:
    """The image as it is; of one larger than ``image_size``, the center."""
    return _log_softmax(model(_crop(x, image_size, 0.5, 0.5)))


def flip(model: nn.Module, x: Tensor, image_size: int) -> Tensor:
    """The mean of the outputs for the image and its mirror image."""
    # The image is mirrored before it is cropped: an odd margin has its middle on one side.
    views = [_crop(v, image_size, 0.5, 0.5) for v in (x, x.flip(3))]
    return _log_softmax((model(views[0]) + model(views[1])) / 2)


def flip_shift(model: nn.Module, x: Tensor, image_size: int) -> Tensor:
    """Mirror pairs of the image (half the weight) and of two copies shifted by a pixel (a quarter each).

    K. Jordan, arXiv:2404.00498, section 3.5.
    """
    x = _crop(x, image_size, 0.5, 0.5)
    border = F.pad(x, (1, 1, 1, 1), mode="reflect")
    views = [(x, 0.25), (border[:, :, :-2, :-2], 0.125), (border[:, :, 2:, 2:], 0.125)]
    logits = sum((model(view) + model(view.flip(3))) * weight for view, weight in views)
    assert isinstance(logits, Tensor)
    return _log_softmax(logits)


def ten_crop(model: nn.Module, x: Tensor, image_size: int) -> Tensor:
    """The mean probability over the four corners, the center and their mirror images (AlexNet, section 4.1).

    Raises UsageError for an image that is no larger than ``image_size``: see :func:`require_room`.
    """
    require_room("ten_crop", min(x.shape[2:]), image_size)
    corners = [(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5)]
    views = [_crop(v, image_size, down, across) for v in (x, x.flip(3)) for down, across in corners]
    probabilities = [F.softmax(model(view).float(), 1) for view in views]
    return torch.stack(probabilities).mean(0).clamp_min(1e-12).log()


TTA: dict[str, Callable[[nn.Module, Tensor, int], Tensor]] = {
    "none": center, "flip": flip, "flip_shift": flip_shift, "ten_crop": ten_crop,
}  # fmt: skip


def require_room(views: str, size: int, image_size: int) -> None:
    """Raise UsageError where ``views`` of images of ``size`` pixels do not exist for a network of ``image_size``.

    Images are never enlarged for a view: a network that was trained on pixels as they are loses up to a fifth
    of its accuracy on enlarged, and so blurred, ones.
    """
    least = image_size + 1 if views == "ten_crop" else image_size
    if size < least:
        instead = (
            "take shift (--tta flip_shift, or --set tta=flip_shift)"
            if size == image_size
            else f"set augmentation.resize to {least} or more"
        )
        raise UsageError(
            f"the views {views!r} are cut out of images of at least {least}x{least} for this network; these are "
            f"{size}x{size}, and enlarging them would blur what it was trained on: {instead}"
        )


def center_crop(views: str, image_size: int) -> int | None:
    """``image_size`` where ``views`` look at the center alone, which can then be cut out at once; else None."""
    return image_size if views in {"none", "flip_shift"} else None


def _crop(x: Tensor, image_size: int, down: float, across: float) -> Tensor:
    """A window of ``image_size`` pixels; ``down`` and ``across`` run from 0 (top, left) to 1 (bottom, right)."""
    top, left = round((x.shape[2] - image_size) * down), round((x.shape[3] - image_size) * across)
    return x[:, :, top : top + image_size, left : left + image_size]


def _log_softmax(logits: Tensor) -> Tensor:
    return F.log_softmax(logits.float(), dim=1)


@torch.inference_mode()
def predict(
    model: nn.Module,
    batches: Iterable[Batch],
    *,
    views: str,
    image_size: int,
    device: torch.device,
    precision: str,
) -> Predictions:
    """Run ``model`` in evaluation mode over all ``batches``, each image judged by ``views``."""
    was_training = model.training
    model.eval()
    outputs, labels = [], []
    try:
        with autocast(device, precision):
            for batch in batches:
                outputs.append(TTA[views](model, batch.images, image_size).exp().cpu())
                labels.append(batch.labels.cpu())
    finally:
        model.train(was_training)
    return Predictions(torch.cat(outputs), torch.cat(labels))
