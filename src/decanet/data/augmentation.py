"""Varying whole batches of small images at once, as a pure function of (seed, epoch, sample).

What happens to sample i in an epoch is drawn for all samples together from a generator seeded with (seed,
epoch): it does not matter in which order, in which batch or by which process the sample is used, nor where a
run resumed. The drawing is cheap; the work is one gather from a padded copy of the data set.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from decanet.core.recipe import Augmentation
from decanet.core.runtime import generator


@dataclass(frozen=True)
class Draws:
    """One epoch's random choices for all N samples; None where the recipe does not vary it.

    Attributes:
        top, left: (N,) offsets of the crop in the padded image, 0 to 2 * padding.
        flip: (N,) whether to mirror.
        hole_top, hole_left: (N,) corner of the cut-out square, which may reach over the border.
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
    """All random choices of one epoch for ``count`` crops of ``image_size`` pixels.

    ``spare`` is by how many pixels the images are larger than the crops, before any border is added.

    ``flippable`` says whether the data set's classes survive mirroring; where they do not, nothing is flipped.
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
        # A coin for the first epoch, then the other view every time: two epochs always show both.
        coin = torch.randint(0, 2, (count,), generator=generator(seed, "augment", "flip"))
        choices["flip"] = (coin + epoch) % 2 == 1
    if augmentation.cutout:
        reach = augmentation.cutout // 2
        choices["cutout_top"] = uniform("hole top", -reach, image_size - reach)
        choices["cutout_left"] = uniform("hole left", -reach, image_size - reach)
    return Draws(**choices)


def padded(images: Tensor, augmentation: Augmentation) -> Tensor:
    """The images, uint8 (N, C, H, W), with the border that crops need, then in channels-last memory."""
    pad = augmentation.crop_padding
    if not pad:
        return images  # a copy of the whole data set would cost more than the batches save
    count, channels, height, width = images.shape
    large = images.new_zeros(count, height + 2 * pad, width + 2 * pad, channels)
    large[:, pad:-pad, pad:-pad] = images.permute(0, 2, 3, 1)
    if augmentation.padding_mode == "reflect":
        # By slices: F.pad reflects floats only, four times as large. The columns take the corners along.
        for i in range(1, pad + 1):
            large[:, pad - i], large[:, -pad - 1 + i] = large[:, pad + i], large[:, -pad - 1 - i]
        for i in range(1, pad + 1):
            large[:, :, pad - i], large[:, :, -pad - 1 + i] = large[:, :, pad + i], large[:, :, -pad - 1 - i]
    return large.permute(0, 3, 1, 2)


def augment(
    images: Tensor, indices: Tensor, draws: Draws, image_size: int, cutout: int = 0
) -> tuple[Tensor, Tensor | None]:
    """Cut, mirror and return a batch.

    Args:
        images: padded data set, uint8 (N, C, H + 2p, W + 2p), channels-last.
        indices: (B,) which samples.
        draws: the epoch's choices, for all N samples.
        side: H and W of the result.
        cutout: side of the hole, where ``draws`` has one.

    Returns:
        uint8 (B, C, H, W), channels-last, and a mask (B, 1, H, W) of the holes, or None.
    """
    if draws.top is not None and draws.left is not None:
        # Every possible crop is a window of the padded image; windows are views, so one gather copies just
        # the pixels that are wanted.
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
