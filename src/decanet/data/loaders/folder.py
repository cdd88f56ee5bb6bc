"""Images in files: a split as a list of paths and labels, decoded by worker processes when it is used."""

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from decanet.core.processor import usable_cores
from decanet.core.progress import Report, Silent
from decanet.core.recipe import Augmentation
from decanet.core.runtime import Ranks, generator
from decanet.data.colors import jittered, principal_colors, shift_colors
from decanet.data.decoding import DRAFT_GAP, fit_square, read_images, size_with_short_side
from decanet.data.input_spec import InputSpec
from decanet.data.loaders._workers import Call, decoded
from decanet.data.loaders.memory import MemorySplit
from decanet.data.loaders.protocol import (
    Batch,
    SizeAt,
    evaluation_samples,
    global_batches,
    rank_slice,
    steps_per_epoch,
)

Samples = tuple[tuple[Path, int], ...]  # the path and the label of each image

MAX_WORKERS = 8
EVALUATION_BATCH = 50
COLOR_IMAGES, COLOR_SIZE = 256, 64  # images, and their size, for the 3x3 covariance of colors
NARROWEST = 3 / 4  # aspect ratio of a random resized crop: 3/4 to 4/3


def default_workers() -> int:
    """Number of processes that decode: one for each core, up to 8; the training uses the same cores."""
    return min(MAX_WORKERS, usable_cores())


@dataclass(frozen=True)
class FolderSplit:
    """Images in files; see :class:`decanet.data.loaders.Split`.

    Attributes:
        samples: the path and the label of each image.
    """

    samples: Samples

    @property
    def labels(self) -> Tensor:
        """Labels (N,), int64."""
        return torch.tensor([label for _, label in self.samples], dtype=torch.int64)

    @property
    def stored_size(self) -> None:
        """None: the files have sizes of their own."""

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, which: slice | Tensor) -> "FolderSplit":
        """A part of the split: a slice, or the samples whose indices ``which`` holds."""
        if isinstance(which, slice):
            return FolderSplit(self.samples[which])
        return FolderSplit(tuple(self.samples[index] for index in which.tolist()))

    def relabeled(self, labels: Tensor) -> "FolderSplit":
        """The same images, where label i has become ``labels[i]``."""
        return FolderSplit(tuple((path, int(labels[label])) for path, label in self.samples))

    def in_memory(self, image_size: int, report: Report) -> MemorySplit:
        """Decode all images at ``image_size`` pixels. Raises DataError naming those that cannot be read."""
        return MemorySplit(read_images([path for path, _ in self.samples], image_size, report), self.labels)

    def pixels(self, samples: Sequence[int] | Tensor, image_size: int) -> Tensor:
        """The central squares of the images of ``samples``, uint8 (n, 3, S, S) with S = ``image_size``."""
        paths = [self.samples[int(index)][0] for index in samples]
        return read_images(paths, image_size, Silent())

    def training_batches(
        self,
        augmentation: Augmentation,
        *,
        flippable: bool,
        batch_size: int,
        seed: int,
        spec: InputSpec,
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
        workers: int | None = None,
    ) -> "FolderBatches":
        """See :meth:`decanet.data.loaders.Split.training_batches`.

        ``workers`` processes decode the images, 0 for this one; default: :func:`default_workers`.
        """
        return FolderBatches(
            self, augmentation, flippable=flippable, batch_size=batch_size, seed=seed, spec=spec, ranks=ranks,
            workers=workers,
        )  # fmt: skip

    def evaluation_batches(
        self,
        spec: InputSpec,
        *,
        resize: int | None = None,
        crop: int | None = None,
        interpolation: str = "bilinear",
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
        workers: int | None = None,
    ) -> Iterator[Batch]:
        """See :meth:`decanet.data.loaders.Split.evaluation_batches`; a batch has 50 images.

        A square of ``crop`` pixels that is smaller than ``resize`` is cut here and not out of the larger square: two
        roundings may place it a pixel beside torchvision's.

        Raises:
            DataError: images cannot be read; it names all of them.
        """
        resize = resize or spec.image_size
        spec = replace(spec, image_size=crop or resize)
        decoder = _Decoder(spec.image_size, resize, interpolation=interpolation)
        mine = list(evaluation_samples(len(self), EVALUATION_BATCH, ranks))
        calls = (decoder.calls(self.samples, 0, samples) for samples in mine)
        workers = min(default_workers() if workers is None else workers, len(mine))
        total = sum(map(len, mine))
        for samples, (images, labels) in zip(
            mine, decoded(calls, workers, spec.device, total=total, name_all=True), strict=True
        ):
            yield Batch(spec.normalize(images.to(spec.device)), labels.to(spec.device), samples)


class FolderBatches:
    """Training batches of a :class:`FolderSplit`; see :class:`decanet.data.loaders.Batches`."""

    def __init__(
        self,
        split: FolderSplit,
        augmentation: Augmentation,
        *,
        flippable: bool,
        batch_size: int,
        seed: int,
        spec: InputSpec,
        ranks: Ranks,
        workers: int | None,
    ) -> None:
        self.count = len(split)
        self.steps_per_epoch = steps_per_epoch(self.count, batch_size)
        self.batch_size, self.seed, self.spec, self.ranks = batch_size, seed, spec, ranks
        self.augmentation = augmentation
        self.workers = default_workers() if workers is None else workers
        resize = augmentation.resize or spec.image_size
        drawn = augmentation if flippable else augmentation.model_copy(update={"flip": "none"})
        self.samples, self.decoder = split.samples, _Decoder(spec.image_size, resize, drawn, seed)
        self.colors = _colors(split, augmentation.pca_scale, seed) if augmentation.pca_noise else None

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
        wholes = global_batches(samples, self.batch_size, self.seed, epoch)[first_step:]
        mine = [rank_slice(whole, self.ranks) for whole in wholes]
        full = [part for part in mine if len(part)]
        calls = (self.decoder.calls(self.samples, epoch, part) for part in full)
        loaded = decoded(calls, min(self.workers, len(full)), self.spec.device, total=sum(map(len, mine)))
        # The last batch may have fewer images than there are processes; the slices of the last processes are empty.
        size = self.spec.image_size
        empty = (torch.empty(0, 3, size, size, dtype=torch.uint8), torch.empty(0, dtype=torch.int64))
        loaded = itertools.chain(loaded, [empty] * (len(mine) - len(full)))
        for step, ((images, labels), whole, part) in enumerate(
            zip(loaded, wholes, mine, strict=True), first_step
        ):
            images = images.to(self.spec.device, non_blocking=True)
            images = jittered(images, recipe.color_jitter, (self.seed, epoch), part)
            x = self.spec.normalize(images, image_size=size_at and size_at(step))
            if self.colors is not None:
                x = shift_colors(x, self.colors, recipe.pca_noise, self.spec, (self.seed, epoch), part)
            yield Batch(x, labels.to(self.spec.device, non_blocking=True), whole)


def _colors(split: FolderSplit, scale: str, seed: int) -> Tensor:
    """Principal colors of a random choice of small images."""
    chosen = torch.randperm(len(split), generator=generator(seed, "colours"))[:COLOR_IMAGES]
    return principal_colors(split.pixels(chosen, COLOR_SIZE), scale)


@dataclass(frozen=True)
class _Decoder:
    """Decode one image for a network.

    Images for evaluation are decoded at full size, as comparable accuracies demand; images for training may be decoded
    at a fraction of their size (JPEG).

    Attributes:
        image_size: height and width of the result in pixels.
        resize: size to which the short side is resized before a crop.
        augmentation: the recipe's data augmentation; None for evaluation.
        seed: of the augmentation.
        interpolation: "bilinear" or "bicubic", for evaluation.
    """

    image_size: int
    resize: int
    augmentation: Augmentation | None = None
    seed: int = 0
    interpolation: str = "bilinear"

    def __call__(self, path: Path, label: int, epoch: int, sample: int) -> tuple[Tensor, int]:
        """The image, uint8 (3, S, S) in channels-last memory, and its label. Raises DataError if it is unreadable."""
        from decanet.data.image_io import open_rgb

        if self.augmentation is None:
            image = fit_square(open_rgb(path), self.resize, self.interpolation, self.image_size)
        else:
            draws = generator(self.seed, "augment", epoch, sample)
            image = self._augment(open_rgb(path, self._enough(self.augmentation)), self.augmentation, draws)
        return torch.from_numpy(image).permute(2, 0, 1), label

    def calls(self, samples: Samples, epoch: int, indices: Tensor) -> list[Call]:
        """What a worker runs for a batch; the results depend on (seed, epoch, sample) only."""
        return [
            partial(self, samples[index][0], samples[index][1], epoch, index) for index in indices.tolist()
        ]

    def _enough(self, augmentation: Augmentation) -> int:
        """Short side in pixels at which even the smallest crop is reduced and not enlarged."""
        if augmentation.scale is None:
            return DRAFT_GAP * max(self.resize, self.image_size)
        smallest = math.sqrt(max(augmentation.scale[0], 1e-6) * NARROWEST)
        return math.ceil(DRAFT_GAP * self.image_size / smallest)

    def _augment(self, image: Image.Image, augmentation: Augmentation, draws: torch.Generator) -> np.ndarray:
        size = self.image_size
        if augmentation.scale is not None:
            box: tuple[float, float, float, float] = resized_crop(*image.size, augmentation.scale, draws)
        else:
            # A window of the resized image; only its pixels are computed.
            width, height = size_with_short_side(*image.size, max(self.resize, size))
            across, down = image.width / width, image.height / height
            left, top = _place(width - size, height - size, draws)
            box = (left * across, top * down, (left + size) * across, (top + size) * down)
        image = image.resize((size, size), Image.Resampling.BILINEAR, box)
        if augmentation.flip != "none" and torch.rand((), generator=draws) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return np.array(image)


def resized_crop(
    width: int, height: int, scale: tuple[float, float], draws: torch.Generator
) -> tuple[int, int, int, int]:
    """Draw a box (left, top, right, bottom) with ``scale`` of the area and an aspect ratio of 3/4 to 4/3.

    Drawn as torchvision's RandomResizedCrop does: up to ten tries, then the largest box in the center.
    """
    for fraction, stretch in torch.rand(10, 2, generator=draws).tolist():
        area = width * height * (scale[0] + fraction * (scale[1] - scale[0]))
        ratio = NARROWEST ** (1 - 2 * stretch)  # its logarithm is uniform
        wide, high = round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))
        if 0 < wide <= width and 0 < high <= height:
            left, top = _place(width - wide, height - high, draws)
            return left, top, left + wide, top + high
    wide, high = min(width, round(height / NARROWEST)), min(height, round(width / NARROWEST))
    left, top = (width - wide) // 2, (height - high) // 2
    return left, top, left + wide, top + high


def _place(across: int, down: int, draws: torch.Generator) -> tuple[int, int]:
    """One of the (across + 1) x (down + 1) places where a window fits."""
    x, y = torch.rand(2, generator=draws).tolist()
    return int(x * (across + 1)), int(y * (down + 1))
