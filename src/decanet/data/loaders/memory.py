"""Images in memory: a split as two tensors, and its batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from decanet.core.recipe import Augmentation
from decanet.core.runtime import Ranks
from decanet.data.augmentation import augment, draw, padded
from decanet.data.colors import jittered, principal_colors, shift_colors
from decanet.data.input_spec import InputSpec
from decanet.data.loaders.protocol import (
    Batch,
    SizeAt,
    evaluation_samples,
    global_batches,
    rank_slice,
    steps_per_epoch,
)

EVALUATION_BATCH = 500


@dataclass(frozen=True)
class MemorySplit:
    """Images in memory; see :class:`decanet.data.loaders.Split`.

    Attributes:
        images: uint8 (N, 3, H, W) with H = W.
        labels: int64 (N,).
    """

    images: Tensor
    labels: Tensor

    @property
    def stored_size(self) -> int:
        """Height and width in pixels."""
        return self.images.shape[-1]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: slice | Tensor) -> "MemorySplit":
        """A part of the split: a slice, without copying, or the samples whose indices ``which`` holds."""
        return MemorySplit(self.images[which], self.labels[which])

    def relabeled(self, labels: Tensor) -> "MemorySplit":
        """The same images, where label i has become ``labels[i]``."""
        return MemorySplit(self.images, labels[self.labels])

    def pixels(self, samples: Sequence[int] | Tensor, image_size: int) -> Tensor:  # noqa: ARG002 (stored at one size)
        """The images of ``samples`` as they are stored, uint8 (n, 3, H, W)."""
        return self.images[torch.as_tensor(samples, dtype=torch.int64)]

    def training_batches(
        self,
        augmentation: Augmentation,
        *,
        flippable: bool,
        batch_size: int,
        seed: int,
        spec: InputSpec,
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    ) -> "MemoryBatches":
        """See :meth:`decanet.data.loaders.Split.training_batches`."""
        return MemoryBatches(
            self, augmentation, flippable=flippable, batch_size=batch_size, seed=seed, spec=spec, ranks=ranks
        )

    def evaluation_batches(
        self,
        spec: InputSpec,
        *,
        resize: int | None = None,
        crop: int | None = None,  # noqa: ARG002 (stored as squares)
        interpolation: str = "bilinear",  # noqa: ARG002 (of files)
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    ) -> Iterator[Batch]:
        """See :meth:`decanet.data.loaders.Split.evaluation_batches`; a batch has 500 images."""
        spec = replace(spec, image_size=resize or spec.image_size)
        for samples in evaluation_samples(len(self), EVALUATION_BATCH, ranks):
            part = self[int(samples[0]) : int(samples[-1]) + 1]
            images = part.images.to(spec.device).contiguous(memory_format=torch.channels_last)
            yield Batch(spec.normalize(images), part.labels.to(spec.device), samples)


class MemoryBatches:
    """Training batches of a :class:`MemorySplit`; see :class:`decanet.data.loaders.Batches`."""

    def __init__(
        self,
        split: MemorySplit,
        augmentation: Augmentation,
        *,
        flippable: bool,
        batch_size: int,
        seed: int,
        spec: InputSpec,
        ranks: Ranks,
    ) -> None:
        self.count = len(split)
        self.steps_per_epoch = steps_per_epoch(self.count, batch_size)
        self.augmentation, self.flippable = augmentation, flippable
        self.batch_size, self.seed, self.spec, self.ranks = batch_size, seed, spec, ranks
        # The whole image is resized for the network, unless the recipe sets the size out of which crops are cut.
        stored = split.stored_size
        self.crop_size = min(spec.image_size, stored) if augmentation.resize else stored
        self.spare = stored - self.crop_size
        self.labels = split.labels.to(spec.device)
        self.images = padded(split.images, augmentation).to(spec.device)
        self.colors = (
            principal_colors(split.images, augmentation.pca_scale) if augmentation.pca_noise else None
        )

    def epoch(
        self,
        epoch: int,
        first_step: int = 0,
        size_at: SizeAt | None = None,
        chosen: Tensor | None = None,
    ) -> Iterator[Batch]:
        """See :meth:`decanet.data.loaders.Batches.epoch`."""
        recipe = self.augmentation
        samples = torch.arange(self.count) if chosen is None else chosen
        wholes = global_batches(samples, self.batch_size, self.seed, epoch)
        draws = draw(recipe, self.seed, epoch, self.count, self.crop_size, self.flippable, self.spare)
        for step, whole in enumerate(wholes[first_step:], first_step):
            mine = rank_slice(whole, self.ranks)
            images, cutout_mask = augment(self.images, mine, draws, self.crop_size, recipe.cutout)
            images = jittered(images, recipe.color_jitter, (self.seed, epoch), mine)
            x = self.spec.normalize(images, cutout_mask, size_at and size_at(step))
            if self.colors is not None:
                x = shift_colors(x, self.colors, recipe.pca_noise, self.spec, (self.seed, epoch), mine)
            yield Batch(x, self.labels[mine.to(self.labels.device)], whole)
