"""Batches: from a split to normalised tensors on the device, in an order that depends on (seed, epoch) only.

With several processes each takes its slice of the same global batch. The order, the augmentation and
therefore the union of all slices are the same whatever the number of processes or workers.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from decanet.core.recipe import Augmentation, Rgb
from decanet.core.runtime import Ranks, generator, seed_from, usable_cores
from decanet.data._base import FolderData, ImageData, Split
from decanet.data.augmentation import augment, draw, padded
from decanet.data.folder import fit_square

EVALUATION_BATCH = 500
MAX_WORKERS = 8


@dataclass(frozen=True)
class Batch:
    """What one process sees of one global batch.

    Attributes:
        images: (b, 3, S, S), normalised, in the dtype and on the device that were asked for.
        labels: (b,) int64.
        total: pictures in the global batch over all processes.
    """

    images: Tensor
    labels: Tensor
    total: int


@dataclass(frozen=True)
class Form:
    """What the network takes.

    Attributes:
        side: H and W.
        mean, std: per channel on the scale 0..1.
        device, dtype: where and as what.
    """

    side: int
    mean: Rgb
    std: Rgb
    device: torch.device
    dtype: torch.dtype

    def normalise(self, images: Tensor, holes: Tensor | None = None) -> Tensor:
        """uint8 (B, 3, H, W) to (image / 255 - mean) / std, enlarged where smaller than ``side``.

        ``holes`` (B, 1, H, W) become the mean.
        """
        mean = torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1) * 255
        scale = 1 / (torch.tensor(self.std, device=images.device).view(1, 3, 1, 1) * 255)
        x = images.float().sub_(mean).mul_(scale)
        if holes is not None:
            x.masked_fill_(holes, 0.0)
        if x.shape[-1] < self.side:  # larger ones are cropped, by the augmentation or by the views
            x = F.interpolate(
                x, size=(self.side, self.side), mode="bilinear", antialias=True, align_corners=False
            )
        return x.to(self.dtype).contiguous(memory_format=torch.channels_last)


class Batches(Protocol):
    """What the training loop iterates over."""

    count: int
    steps_per_epoch: int

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from ``first_step`` on."""


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Batches in an epoch; the last one may be smaller, but a single picture left over is dropped.

    Batch normalisation cannot learn from one picture.
    """
    steps, rest = divmod(count, batch_size)
    return steps + (rest > 1 or steps == 0)


def share_of(batch: Tensor, ranks: Ranks) -> Tensor:
    """The slice of a global batch that belongs to this process; slices differ in length by at most one."""
    return batch.tensor_split(ranks.size)[ranks.rank]


class MemoryBatches:
    """Training batches of small pictures that live in memory."""

    def __init__(
        self,
        split: Split,
        augmentation: Augmentation,
        *,
        mirror: bool,
        batch_size: int,
        seed: int,
        form: Form,
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    ) -> None:
        self.count = len(split)
        self.steps_per_epoch = steps_per_epoch(self.count, batch_size)
        self.augmentation, self.mirror = augmentation, mirror
        self.batch_size, self.seed, self.form, self.ranks = batch_size, seed, form, ranks
        # A network that sees less than the pictures hold is trained on random crops, and judged by the centre.
        self.side = min(form.side, split.images.shape[-1])
        self.spare = split.images.shape[-1] - self.side
        self.labels = split.labels.to(form.device)
        self.images = padded(split.images, augmentation).to(form.device)
        self.colours = principal_colours(split.images) if augmentation.pca_noise else None

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from ``first_step`` on."""
        order = torch.randperm(self.count, generator=generator(self.seed, "order", epoch))
        draws = draw(self.augmentation, self.seed, epoch, self.count, self.side, self.mirror, self.spare)
        for step in range(first_step, self.steps_per_epoch):
            whole = order[step * self.batch_size : (step + 1) * self.batch_size]
            mine = share_of(whole, self.ranks)
            images, holes = augment(self.images, mine, draws, self.side, self.augmentation.cutout)
            x = self.form.normalise(images, holes)
            if self.colours is not None:
                x = shift_colours(
                    x, self.colours, self.augmentation.pca_noise, self.form, (self.seed, epoch), mine
                )
            yield Batch(x, self.labels[mine.to(self.labels.device)], len(whole))


def principal_colours(images: Tensor) -> Tensor:
    """Eigenvectors of the RGB covariance, each scaled by its eigenvalue: (3, 3), on the scale 0..1 squared.

    AlexNet, section 4.1: to every picture is added [p1, p2, p3][a1 l1, a2 l2, a3 l3]^T.
    """
    pixels = images.transpose(0, 1).reshape(3, -1).double() / 255
    eigenvalues, eigenvectors = torch.linalg.eigh(torch.cov(pixels))
    return (eigenvectors * eigenvalues).float()


def shift_colours(
    x: Tensor, colours: Tensor, strength: float, form: Form, seed: tuple[int, int], samples: Tensor
) -> Tensor:
    """Add one colour to each normalised picture, drawn from (seed, epoch, sample)."""
    draws = [torch.randn(3, generator=generator(*seed, "colour", int(sample))) for sample in samples]
    shift = strength * torch.stack(draws) @ colours.T / torch.tensor(form.std)  # (B, 3)
    return x + shift.view(-1, 3, 1, 1).to(x)


def memory_evaluation(split: Split, form: Form) -> Iterator[Batch]:
    """All pictures of a split in order, as large batches."""
    for start in range(0, len(split), EVALUATION_BATCH):
        part = split.part(start, start + EVALUATION_BATCH)
        images = part.images.to(form.device).contiguous(memory_format=torch.channels_last)
        yield Batch(form.normalise(images), part.labels.to(form.device), len(part))


class _Pictures(torch.utils.data.Dataset[tuple[Tensor, int]]):
    """Decodes and varies one picture in a worker process; the index is (epoch, sample)."""

    def __init__(
        self,
        listed: Sequence[tuple[Path, int]],
        augmentation: Augmentation | None,
        side: int,
        resize: int,
        seed: int,
        interpolation: str = "bilinear",
    ) -> None:
        self.listed, self.augmentation, self.seed = listed, augmentation, seed
        self.interpolation = interpolation
        self.side, self.resize = side, resize

    def __len__(self) -> int:
        return len(self.listed)

    def __getitem__(self, index: tuple[int, int]) -> tuple[Tensor, int]:
        from decanet.convolution.pictures import read_rgb

        epoch, sample = index
        path, label = self.listed[sample]
        picture = read_rgb(path)
        if self.augmentation is None:
            image = fit_square(picture, self.resize, self.interpolation)
        else:
            image = self._vary(picture, seed_from(self.seed, "augment", epoch, sample))
        return torch.from_numpy(image.copy()).permute(2, 0, 1), label

    def _vary(self, picture: np.ndarray, seed: int) -> np.ndarray:
        from torchvision.transforms import v2

        assert self.augmentation is not None
        image: Any = Image.fromarray(picture)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            if self.augmentation.scale is not None:
                image = v2.RandomResizedCrop(self.side, scale=self.augmentation.scale)(image)
            else:
                image = v2.RandomCrop(self.side, pad_if_needed=True)(v2.Resize(self.resize)(image))
            if self.augmentation.flip != "none":
                image = v2.RandomHorizontalFlip()(image)
        return np.asarray(image)


class FolderBatches:
    """Training batches of large pictures, decoded by worker processes."""

    def __init__(
        self,
        listed: Sequence[tuple[Path, int]],
        augmentation: Augmentation,
        *,
        batch_size: int,
        seed: int,
        form: Form,
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
        workers: int | None = None,
    ) -> None:
        self.count = len(listed)
        self.steps_per_epoch = steps_per_epoch(self.count, batch_size)
        self.batch_size, self.seed, self.form, self.ranks = batch_size, seed, form, ranks
        self.augmentation = augmentation
        self.workers = default_workers() if workers is None else workers
        self.pictures = _Pictures(listed, augmentation, form.side, augmentation.resize or form.side, seed)
        self.colours = _folder_colours(listed, seed) if augmentation.pca_noise else None

    def epoch(self, epoch: int, first_step: int = 0) -> Iterator[Batch]:
        """The batches of one epoch, from ``first_step`` on."""
        order = torch.randperm(self.count, generator=generator(self.seed, "order", epoch))
        wholes = order.split(self.batch_size)[first_step : self.steps_per_epoch]
        mine = [share_of(whole, self.ranks) for whole in wholes]
        loader = _loader(
            self.pictures, [[(epoch, i) for i in part.tolist()] for part in mine], self.workers, self.form
        )
        for whole, part, (images, labels) in zip(wholes, mine, loader, strict=True):
            x = self.form.normalise(images.to(self.form.device, non_blocking=True))
            if self.colours is not None:
                x = shift_colours(
                    x, self.colours, self.augmentation.pca_noise, self.form, (self.seed, epoch), part
                )
            yield Batch(x, labels.to(self.form.device, non_blocking=True), len(whole))


def _folder_colours(listed: Sequence[tuple[Path, int]], seed: int) -> Tensor:
    """Principal colours of up to 256 pictures, which is plenty for a 3x3 matrix."""
    from decanet.convolution.pictures import read_rgb

    chosen = torch.randperm(len(listed), generator=generator(seed, "colours"))[:256].tolist()
    small = [torch.from_numpy(fit_square(read_rgb(listed[i][0]), 64).copy()).permute(2, 0, 1) for i in chosen]
    return principal_colours(torch.stack(small))


def default_workers() -> int:
    """Processes that decode: one for each core, up to 8; the training shares the cores with them."""
    return min(MAX_WORKERS, usable_cores())


def folder_evaluation(
    listed: Sequence[tuple[Path, int]],
    form: Form,
    resize: int | None = None,
    workers: int | None = None,
    interpolation: str = "bilinear",
) -> Iterator[Batch]:
    """All pictures in order; each is the centre square at ``resize`` pixels (default: the network's side)."""
    side = resize or form.side
    pictures = _Pictures(listed, None, form.side, side, 0, interpolation)
    batch = 50
    batches = [[(0, i) for i in range(s, min(s + batch, len(listed)))] for s in range(0, len(listed), batch)]
    wide = Form(side, form.mean, form.std, form.device, form.dtype)
    for images, labels in _loader(pictures, batches, default_workers() if workers is None else workers, form):
        yield Batch(wide.normalise(images.to(form.device)), labels.to(form.device), len(labels))


def _loader(pictures: _Pictures, batches: list[list[tuple[int, int]]], workers: int, form: Form) -> Any:
    workers = min(workers, len(batches))
    return torch.utils.data.DataLoader(
        pictures,
        batch_sampler=batches,  # the indices are pairs, as __getitem__ takes them
        num_workers=workers,
        pin_memory=form.device.type == "cuda",
        # Forked workers would inherit the locks of torch's threads; a fresh server process is safe.
        multiprocessing_context="forkserver" if workers else None,
    )


def training_batches(
    data: ImageData | FolderData,
    augmentation: Augmentation,
    *,
    validation: float,
    batch_size: int,
    seed: int,
    form: Form,
    ranks: Ranks,
) -> Batches:
    """The training split without the share ``validation`` at its end."""
    if isinstance(data, ImageData):
        return MemoryBatches(
            data.train.part(0, _cut(data, validation)),
            augmentation,
            mirror=data.mirror,
            batch_size=batch_size,
            seed=seed,
            form=form,
            ranks=ranks,
        )
    listed = _held_apart(data, validation)[0]
    return FolderBatches(listed, augmentation, batch_size=batch_size, seed=seed, form=form, ranks=ranks)


def _cut(data: ImageData | FolderData, validation: float) -> int:
    return len(data.train) - round(validation * len(data.train))


def _held_apart(
    data: FolderData, validation: float
) -> tuple[Sequence[tuple[Path, int]], Sequence[tuple[Path, int]]]:
    # Folder listings are sorted by class, so the last pictures would be one class: shuffle before cutting.
    order = torch.randperm(len(data.train), generator=generator("validation split")).tolist()
    shuffled = [data.train[i] for i in order]
    cut = _cut(data, validation)
    return shuffled[:cut], shuffled[cut:]


def evaluation_batches(
    data: ImageData | FolderData,
    split: str,
    form: Form,
    *,
    validation: float = 0.0,
    resize: int | None = None,
) -> Iterator[Batch]:
    """The batches of the "test" split, or of the "validation" share at the end of the training split."""
    if isinstance(data, ImageData):
        if split == "validation":
            return memory_evaluation(data.train.part(_cut(data, validation), len(data.train)), form)
        return memory_evaluation(data.test, form)
    listed = _held_apart(data, validation)[1] if split == "validation" else data.test
    return folder_evaluation(listed, form, resize)
