"""The protocol of all loaders: a split of a data set gives batches, wherever its images are stored.

The order of the samples depends on (seed, epoch) only. With several processes, each takes its slice of the same
global batch. The order, the augmentation and therefore the union of all slices are the same for any number of
processes or workers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from decanet.core.recipe import Augmentation
from decanet.core.runtime import Ranks, generator
from decanet.data.input_spec import InputSpec


@dataclass(frozen=True)
class Batch:
    """One process's slice of one global batch.

    Attributes:
        images: (b, C, S, S), normalized, of the type and on the device of the input specification.
        labels: (b,) int64, on the same device.
        samples: (total,) indices in the split of the global batch over all processes, on the CPU.
    """

    images: Tensor
    labels: Tensor
    samples: Tensor

    @property
    def total(self) -> int:
        """Number of images in the global batch over all processes."""
        return len(self.samples)


SizeAt = Callable[[int], int]  # step of the epoch to the size of its images in pixels


class Batches(Protocol):
    """The batches of a training split, epoch by epoch.

    Attributes:
        count: number of images in the split.
        steps_per_epoch: number of batches in an epoch.
    """

    count: int
    steps_per_epoch: int

    def epoch(
        self,
        epoch: int,
        first_step: int = 0,
        size_at: SizeAt | None = None,
        chosen: Tensor | None = None,
    ) -> Iterator[Batch]:
        """Iterate over the batches of one epoch.

        Args:
            epoch: number of the epoch; order and augmentation depend on it.
            first_step: number of batches to skip, where a run resumes.
            size_at: gives the image size of each step; default: that of the input specification.
            chosen: indices of the samples to use; default: all.
        """


class Split(Protocol):
    """A part of a data set: labeled images in memory or in files.

    Training, evaluation and figures use these members only, so that none depends on where the images are stored.
    """

    @property
    def labels(self) -> Tensor:
        """Labels (N,), int64."""

    @property
    def stored_size(self) -> int | None:
        """Height and width in pixels if all images are stored at one size, else None."""

    def __len__(self) -> int:
        """Number of images."""

    def __getitem__(self, which: slice | Tensor) -> Self:
        """A part of the split: a slice, or the samples whose indices ``which`` holds."""

    def relabeled(self, labels: Tensor) -> Self:
        """The same images with other labels: label i becomes ``labels[i]``."""

    def pixels(self, samples: Sequence[int] | Tensor, image_size: int) -> Tensor:
        """The images of ``samples``, uint8 (n, 3, S, S).

        S is ``stored_size``; images without one are resized and center-cropped to ``image_size`` pixels.

        Raises:
            DataError: images cannot be read.
        """

    def training_batches(
        self,
        augmentation: Augmentation,
        *,
        flippable: bool,
        batch_size: int,
        seed: int,
        spec: InputSpec,
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    ) -> Batches:
        """The shuffled and augmented batches of this process.

        Args:
            augmentation: the recipe's data augmentation.
            flippable: whether a mirror image still belongs to its class; if not, no image is flipped.
            batch_size: size of the global batch.
            seed: of the order and the augmentation.
            spec: the network's input specification.
            ranks: this process among those of the training.
        """

    def evaluation_batches(
        self,
        spec: InputSpec,
        *,
        resize: int | None = None,
        crop: int | None = None,
        interpolation: str = "bilinear",
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    ) -> Iterator[Batch]:
        """Iterate over this process's part of the batches, in order.

        The parts of all processes, one after the other, are the batches of one process: an image is in the same batch
        whatever their number, so that its prediction is the same bit for bit.

        Args:
            spec: the network's input specification.
            resize: size in pixels to which the short side is resized; default: the image size of ``spec``.
            crop: size of the central square that is cut out of an image file; default: ``resize``. Images in memory
                are square already, and are not cropped.
            interpolation: "bilinear" or "bicubic", of image files; images in memory are resized bilinearly.
            ranks: this process among those of the evaluation.
        """


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Number of batches in an epoch; the last one may be smaller, but a single remaining image is dropped.

    Batch normalization cannot learn from one image.
    """
    steps, rest = divmod(count, batch_size)
    return steps + (rest > 1 or steps == 0)


def rank_slice(batch: Tensor, ranks: Ranks) -> Tensor:
    """The slice of a global batch that belongs to this process; slices differ in length by at most one."""
    return batch.tensor_split(ranks.world_size)[ranks.rank]


def global_batches(samples: Tensor, batch_size: int, seed: int, epoch: int) -> Sequence[Tensor]:
    """The indices of one epoch's batches over all processes: ``samples`` in the epoch's order, cut into batches."""
    order = torch.randperm(len(samples), generator=generator(seed, "order", epoch))
    return samples[order].split(batch_size)[: steps_per_epoch(len(samples), batch_size)]


def evaluation_samples(count: int, batch_size: int, ranks: Ranks) -> Iterator[Tensor]:
    """The indices of this process's evaluation batches: its part of all batches of ``count`` images, in order."""
    for start in rank_slice(torch.arange(0, count, batch_size), ranks).tolist():
        yield torch.arange(start, min(start + batch_size, count))
