"""Augmentation of whole batches of small images, as a pure function of (seed, epoch, sample).

The random choices of an epoch are drawn for all samples together from a generator seeded with (seed, epoch). They do
not depend on the order, the batch or the process in which a sample is used, nor on where a run resumed. Drawing is
cheap; the work is one gather from a padded copy of the data set.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from decanet.core.recipe import Augmentation
from decanet.core.runtime import generator


@dataclass(frozen=True)
class Draws:
    """Random choices of one epoch for all N samples; None for an augmentation that the recipe does not use.

    Attributes:
        top, left: (N,) offsets of the crop in the padded image, 0 to 2 * padding.
        flip: (N,) whether the image is flipped.
        cutout_top, cutout_left: (N,) top left corner of the cutout square, which may extend beyond the image.
    """

    top: Tensor | None = None
    left: Tensor | None = None
    flip: Tensor | None = None
    cutout_top: Tensor | None = None
    cutout_left: Tensor | None = None


def draw(
    augmentation: Augmentation,
    seed: int,
    epoch: int,
    count: int,
    image_size: int,
    flippable: bool,
    spare: int = 0,
) -> Draws:
    """Draw the random choices of one epoch.

    Args:
        augmentation: the recipe's data augmentation.
        seed, epoch: of the generator.
        count: number of samples.
        image_size: height and width of the crops in pixels.
        flippable: whether a mirror image still belongs to its class; if not, no image is flipped.
        spare: by how many pixels the images are larger than the crops, before padding.
    """

    def uniform(what: str, low: int, high: int) -> Tensor:
        return torch.randint(low, high, (count,), generator=generator(seed, "augment", what, epoch))

    choices: dict[str, Tensor] = {}
    room = 2 * augmentation.crop_padding + spare
    if room:
        choices["top"] = uniform("top", 0, room + 1)
        choices["left"] = uniform("left", 0, room + 1)
    if flippable and augmentation.flip == "random":
        choices["flip"] = uniform("flip", 0, 2).bool()
    elif flippable and augmentation.flip == "alternating":
        # A coin decides in the first epoch, then the flip alternates: two successive epochs use both.
        coin = torch.randint(0, 2, (count,), generator=generator(seed, "augment", "flip"))
        choices["flip"] = (coin + epoch) % 2 == 1
    if augmentation.cutout:
        reach = augmentation.cutout // 2
        choices["cutout_top"] = uniform("hole top", -reach, image_size - reach)
        choices["cutout_left"] = uniform("hole left", -reach, image_size - reach)
    return Draws(**choices)


def padded(images: Tensor, augmentation: Augmentation) -> Tensor:
    """Pad images, uint8 (N, C, H, W), as random crops need it; padded images are in channels-last memory."""
    pad = augmentation.crop_padding
    if not pad:
        return images  # a copy of the whole data set would cost more than the batches save
    count, channels, height, width = images.shape
    large = images.new_zeros(count, height + 2 * pad, width + 2 * pad, channels)
    large[:, pad:-pad, pad:-pad] = images.permute(0, 2, 3, 1)
    if augmentation.padding_mode == "reflect":
        # By slices: F.pad reflects floats only, four times as large. The second loop fills the corners too.
        for i in range(1, pad + 1):
            large[:, pad - i], large[:, -pad - 1 + i] = large[:, pad + i], large[:, -pad - 1 - i]
        for i in range(1, pad + 1):
            large[:, :, pad - i], large[:, :, -pad - 1 + i] = large[:, :, pad + i], large[:, :, -pad - 1 - i]
    return large.permute(0, 3, 1, 2)


def augment(
    images: Tensor, indices: Tensor, draws: Draws, image_size: int, cutout: int = 0
) -> tuple[Tensor, Tensor | None]:
    """Crop and flip a batch, and draw its cutout mask.

    Args:
        images: padded data set, uint8 (N, C, H + 2p, W + 2p), channels-last.
        indices: (B,) which samples.
        draws: random choices of the epoch, for all N samples.
        image_size: height and width of the result in pixels.
        cutout: size of the cutout square in pixels, if ``draws`` has one.

    Returns:
        uint8 (B, C, H, W), channels-last, and a mask (B, 1, H, W) of the cutout, or None.
    """
    if draws.top is not None and draws.left is not None:
        # Every possible crop is a window of the padded image. Windows are views, so that one gather copies only
        # the pixels of the batch.
        windows = (
            images.permute(0, 2, 3, 1).unfold(1, image_size, 1).unfold(2, image_size, 1)
        )  # (N, P, P, C, H, W)
        windows = windows.permute(0, 1, 2, 4, 5, 3)  # (N, P, P, H, W, C)
        batch = windows[indices, draws.top[indices], draws.left[indices]].permute(0, 3, 1, 2)
    else:
        batch = images[indices]
    if draws.flip is not None:
        flip = draws.flip[indices].to(batch.device)
        batch = torch.where(flip.view(-1, 1, 1, 1), batch.flip(3), batch)
    if draws.cutout_top is None or draws.cutout_left is None:
        return batch, None
    line = torch.arange(image_size, device=batch.device)
    rows = line - draws.cutout_top[indices].to(batch.device).view(-1, 1)  # (B, H)
    columns = line - draws.cutout_left[indices].to(batch.device).view(-1, 1)  # (B, W)
    inside_rows, inside_columns = (rows >= 0) & (rows < cutout), (columns >= 0) & (columns < cutout)
    return batch, (inside_rows.unsqueeze(2) & inside_columns.unsqueeze(1)).unsqueeze(1)
