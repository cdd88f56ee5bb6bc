"""Batches: from a split to normalized tensors on the device, in an order that depends on (seed, epoch) only.

With several processes each takes its slice of the same global batch. The order, the augmentation and
therefore the union of all slices are the same whatever the number of processes or workers.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F

from decanet.core.errors import DataError
from decanet.core.processor import usable_cores
from decanet.core.recipe import Augmentation, Rgb
from decanet.core.runtime import Ranks, generator
from decanet.data._base import FolderData, ImageData, Split
from decanet.data._workers import decoded
from decanet.data.augmentation import augment, draw, draw_jitter, jitter_colors, padded
from decanet.data.folder import DRAFT_GAP, fit_square, size_with_short_side

EVALUATION_BATCH = 500
MAX_WORKERS = 8


@dataclass(frozen=True)
class Batch:
    """What one process sees of one global batch.

    Attributes:
        images: (b, C, S, S), normalized, in the dtype and on the device that were asked for.
        labels: (b,) int64.
        samples: (total,) indices in the split of the global batch over all processes, on the CPU.
    """

    images: Tensor
    labels: Tensor
    samples: Tensor

    @property
    def total(self) -> int:
        """Images in the global batch over all processes."""
        return len(self.samples)


@dataclass(frozen=True)
class InputSpec:
    """What the network takes.

    Attributes:
        side: H and W.
        mean, std: per channel on the scale 0..1.
        device, dtype: where and as what.
        channels: 3, or 1 for a network that sees the mean of the three, as LeNet-5 does.
    """

    image_size: int
    mean: Rgb
    std: Rgb
    device: torch.device
    dtype: torch.dtype
    channels: int = 3

    def normalize(
        self, images: Tensor, cutout_mask: Tensor | None = None, image_size: int | None = None
    ) -> Tensor:
        """uint8 (B, 3, H, W) to (image / 255 - mean) / std, resized to ``image_size`` (default: the specification's).

        Returns (B, channels, S, S). ``cutout_mask`` (B, 1, H, W) become the mean.
        """
        image_size = image_size or self.image_size
        scale = 1 / (torch.tensor(self.std, device=images.device).view(1, 3, 1, 1) * 255)
        shift = -torch.tensor(self.mean, device=images.device).view(1, 3, 1, 1) * 255 * scale
        if cutout_mask is None:  # bytes are resized five times as fast as floats
            images = resized(images, image_size)
        x = torch.addcmul(shift, images.float(), scale)
        if cutout_mask is not None:
            x = resized(x.masked_fill_(cutout_mask, 0.0), image_size)
        if self.channels == 1:
            x = x.mean(dim=1, keepdim=True)
        return x.to(self.dtype).contiguous(memory_format=torch.channels_last)


def resized(images: Tensor, image_size: int) -> Tensor:
    """Images (B, C, H, W), float32 or uint8, at ``image_size`` by ``image_size`` pixels, without aliasing."""
    if images.shape[-1] == image_size:
        return images
    # On other devices torch has this filter for floats only.
    on_bytes = images.dtype == torch.uint8 and images.device.type == "cpu"
    pixels = images if on_bytes else images.float()
    pixels = F.interpolate(pixels, size=(image_size, image_size), mode="bilinear", antialias=True)
    return pixels if pixels.dtype == images.dtype else pixels.round().to(images.dtype)


SizeAt = Callable[[int], int]  # step of the epoch to the side of its images, in pixels


class Batches(Protocol):
    """What the training loop iterates over."""

    count: int
    steps_per_epoch: int

    def epoch(
        self,
        epoch: int,
        first_step: int = 0,
        size_at: SizeAt | None = None,
        chosen: Tensor | None = None,
    ) -> Iterator[Batch]:
        """The batches of one epoch, from ``first_step`` on.

        Those of step t are shown at ``side_at(t)``, if it is given; ``chosen`` are the indices of the images to show.
        """


def steps_per_epoch(count: int, batch_size: int) -> int:
    """Batches in an epoch; the last one may be smaller, but a single image left over is dropped.

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


class MemoryBatches:
    """Training batches of small images that live in memory."""

    def __init__(
        self,
        split: Split,
        augmentation: Augmentation,
        *,
        flippable: bool,
        batch_size: int,
        seed: int,
        spec: InputSpec,
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    ) -> None:
        self.count = len(split)
        self.steps_per_epoch = steps_per_epoch(self.count, batch_size)
        self.augmentation, self.flippable = augmentation, flippable
        self.batch_size, self.seed, self.spec, self.ranks = batch_size, seed, spec, ranks
        # The whole image is brought to the network's side, unless the recipe says at which size crops are cut.
        whole = split.images.shape[-1]
        self.image_size = min(spec.image_size, whole) if augmentation.resize else whole
        self.spare = split.images.shape[-1] - self.image_size
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
        """See :class:`Batches`."""
        samples = torch.arange(self.count) if chosen is None else chosen
        wholes = global_batches(samples, self.batch_size, self.seed, epoch)
        draws = draw(
            self.augmentation, self.seed, epoch, self.count, self.image_size, self.flippable, self.spare
        )
        for step, whole in enumerate(wholes[first_step:], first_step):
            mine = rank_slice(whole, self.ranks)
            images, cutout_mask = augment(self.images, mine, draws, self.image_size, self.augmentation.cutout)
            images = _jittered(images, self.augmentation.color_jitter, (self.seed, epoch), mine)
            x = self.spec.normalize(images, cutout_mask, size_at and size_at(step))
            if self.colors is not None:
                x = shift_colors(
                    x, self.colors, self.augmentation.pca_noise, self.spec, (self.seed, epoch), mine
                )
            yield Batch(x, self.labels[mine.to(self.labels.device)], whole)


def principal_colors(images: Tensor, scale: str = "std") -> Tensor:
    """Principal directions of RGB as columns, each ``scale`` ("std" or "eigenvalue") long: (3, 3), on the scale 0..1.

    AlexNet, section 4.1, adds [p1, p2, p3][a1 l1, a2 l2, a3 l3]^T to every image and calls the l eigenvalues of the
    covariance. They are squares of colors, so their effect hangs on the scale of the pixels; the original code takes
    their roots (cuda-convnet2, convdata.py: pca_stdevs), and then divides the image by 1.1, which is not done here.
    """
    pixels = images.transpose(0, 1).reshape(3, -1).double() / 255
    eigenvalues, eigenvectors = torch.linalg.eigh(torch.cov(pixels))
    lengths = eigenvalues.clamp_min(0).sqrt() if scale == "std" else eigenvalues  # gray images: -1e-18
    return (eigenvectors * lengths).float()


def shift_colors(
    x: Tensor, colors: Tensor, strength: float, spec: InputSpec, seed: tuple[int, int], samples: Tensor
) -> Tensor:
    """Add one color to each normalized image, drawn from (seed, epoch, sample)."""
    draws = [torch.randn(3, generator=generator(*seed, "colour", int(sample))) for sample in samples]
    shift = strength * torch.stack(draws) @ colors.T / torch.tensor(spec.std)  # (B, 3)
    if spec.channels == 1:
        shift = shift.mean(dim=1, keepdim=True)
    return x + shift[:, :, None, None].to(x)


def _jittered(images: Tensor, strength: float, seed: tuple[int, int], samples: Tensor) -> Tensor:
    """The images (B, 3, H, W) with their colors changed, drawn from (seed, epoch, sample)."""
    return jitter_colors(images, *draw_jitter(strength, *seed, samples)) if strength else images


def memory_evaluation(
    split: Split,
    spec: InputSpec,
    resize: int | None = None,
    ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
) -> Iterator[Batch]:
    """This process's part of a split's batches, in order, at ``resize`` pixels (default: the network's side)."""
    spec = replace(spec, image_size=resize or spec.image_size)
    for start in rank_slice(torch.arange(0, len(split), EVALUATION_BATCH), ranks).tolist():
        part = split[start : start + EVALUATION_BATCH]
        images = part.images.to(spec.device).contiguous(memory_format=torch.channels_last)
        samples = torch.arange(start, start + len(part))
        yield Batch(spec.normalize(images), part.labels.to(spec.device), samples)


class _Images(torch.utils.data.Dataset[tuple[Tensor, int] | DataError]):
    """Decodes and varies one image in a worker process: (epoch, sample) to uint8 (3, S, S), channels-last, and label.

    Judged images are decoded whole, as published accuracies demand; training takes the decoder's short cut.
    """

    def __init__(
        self,
        listed: Sequence[tuple[Path, int]],
        augmentation: Augmentation | None,
        image_size: int,
        resize: int,
        seed: int,
        interpolation: str = "bilinear",
    ) -> None:
        self.listed, self.augmentation, self.seed = listed, augmentation, seed
        self.interpolation = interpolation
        self.image_size, self.resize = image_size, resize

    def __len__(self) -> int:
        return len(self.listed)

    def __getitem__(self, index: tuple[int, int]) -> tuple[Tensor, int] | DataError:
        try:
            return self._read(index)
        except (
            DataError
        ) as error:  # raised in a worker it would come with the worker's traceback in its message
            return error

    def _read(self, index: tuple[int, int]) -> tuple[Tensor, int]:
        from decanet.data.image_io import open_rgb

        epoch, sample = index
        path, label = self.listed[sample]
        if self.augmentation is None:
            image = fit_square(open_rgb(path), self.resize, self.interpolation, self.image_size)
        else:
            draws = generator(self.seed, "augment", epoch, sample)
            image = self._vary(open_rgb(path, self._enough(self.augmentation)), self.augmentation, draws)
        return torch.from_numpy(image).permute(2, 0, 1), label

    def _enough(self, augmentation: Augmentation) -> int:
        """Short side in pixels from which even the smallest crop is still reduced and not enlarged."""
        if augmentation.scale is None:
            return DRAFT_GAP * max(self.resize, self.image_size)
        smallest = math.sqrt(max(augmentation.scale[0], 1e-6) * NARROWEST)
        return math.ceil(DRAFT_GAP * self.image_size / smallest)

    def _vary(self, image: Image.Image, augmentation: Augmentation, draws: torch.Generator) -> np.ndarray:
        if augmentation.scale is not None:
            box: tuple[float, float, float, float] = resized_crop(*image.size, augmentation.scale, draws)
        else:
            # A window of the resized image; only its pixels are computed.
            width, height = size_with_short_side(*image.size, max(self.resize, self.image_size))
            across, down = image.width / width, image.height / height
            left, top = _place(width - self.image_size, height - self.image_size, draws)
            box = (
                left * across,
                top * down,
                (left + self.image_size) * across,
                (top + self.image_size) * down,
            )
        image = image.resize((self.image_size, self.image_size), Image.Resampling.BILINEAR, box)
        if augmentation.flip != "none" and torch.rand((), generator=draws) < 0.5:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return np.array(image)


NARROWEST = 3 / 4  # ratio of the sides of a random resized crop, at most 4/3 the other way


def resized_crop(
    width: int, height: int, scale: tuple[float, float], draws: torch.Generator
) -> tuple[int, int, int, int]:
    """A box (left, top, right, bottom) with ``scale`` of the area, its sides in a ratio of 3/4 to 4/3.

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


class FolderBatches:
    """Training batches of large images, decoded by worker processes."""

    def __init__(
        self,
        listed: Sequence[tuple[Path, int]],
        augmentation: Augmentation,
        *,
        batch_size: int,
        seed: int,
        spec: InputSpec,
        ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
        workers: int | None = None,
    ) -> None:
        self.count = len(listed)
        self.steps_per_epoch = steps_per_epoch(self.count, batch_size)
        self.batch_size, self.seed, self.spec, self.ranks = batch_size, seed, spec, ranks
        self.augmentation = augmentation
        self.workers = default_workers() if workers is None else workers
        self.images = _Images(
            listed, augmentation, spec.image_size, augmentation.resize or spec.image_size, seed
        )
        self.colors = _folder_colors(listed, augmentation.pca_scale, seed) if augmentation.pca_noise else None

    def epoch(
        self,
        epoch: int,
        first_step: int = 0,
        size_at: SizeAt | None = None,
        chosen: Tensor | None = None,
    ) -> Iterator[Batch]:
        """See :class:`Batches`."""
        samples = torch.arange(self.count) if chosen is None else chosen
        wholes = global_batches(samples, self.batch_size, self.seed, epoch)[first_step:]
        mine = [rank_slice(whole, self.ranks) for whole in wholes]
        loader = decoded(
            self.images,
            [[(epoch, i) for i in part.tolist()] for part in mine],
            self.workers,
            self.spec.device,
        )
        for step, (whole, part, (images, labels)) in enumerate(
            zip(wholes, mine, loader, strict=True), first_step
        ):
            images = images.to(self.spec.device, non_blocking=True)
            images = _jittered(images, self.augmentation.color_jitter, (self.seed, epoch), part)
            x = self.spec.normalize(images, image_size=size_at and size_at(step))
            if self.colors is not None:
                x = shift_colors(
                    x, self.colors, self.augmentation.pca_noise, self.spec, (self.seed, epoch), part
                )
            yield Batch(x, labels.to(self.spec.device, non_blocking=True), whole)


def _folder_colors(listed: Sequence[tuple[Path, int]], scale: str, seed: int) -> Tensor:
    """Principal colors of up to 256 images, which is plenty for a 3x3 matrix."""
    from decanet.data.image_io import open_rgb

    chosen = torch.randperm(len(listed), generator=generator(seed, "colours"))[:256].tolist()
    small = [torch.from_numpy(fit_square(open_rgb(listed[i][0], DRAFT_GAP * 64), 64)) for i in chosen]
    return principal_colors(torch.stack(small).permute(0, 3, 1, 2), scale)


def default_workers() -> int:
    """Processes that decode: one for each core, up to 8; the training shares the cores with them."""
    return min(MAX_WORKERS, usable_cores())


def folder_evaluation(
    listed: Sequence[tuple[Path, int]],
    spec: InputSpec,
    resize: int | None = None,
    workers: int | None = None,
    interpolation: str = "bilinear",
    crop: int | None = None,
    ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
) -> Iterator[Batch]:
    """This process's part of the batches, in order; the short side at ``resize`` pixels (default: the image size).

    Each image is the central square.

    The square has ``crop`` pixels (default: ``resize``). A smaller one must be cut here and not out of the larger one:
    two roundings may lie a pixel beside torchvision's one.
    """
    resize = resize or spec.image_size
    image_size = crop or resize
    squares = _Images(listed, None, image_size, resize, 0, interpolation)
    batch = 50
    starts = rank_slice(torch.arange(0, len(listed), batch), ranks).tolist()
    batches = [[(0, i) for i in range(start, min(start + batch, len(listed)))] for start in starts]
    wide = replace(spec, image_size=image_size)
    workers = default_workers() if workers is None else workers
    loader = decoded(squares, batches, workers, spec.device, name_all=True)
    for indices, (images, labels) in zip(batches, loader, strict=True):
        samples = torch.tensor([sample for _, sample in indices])
        yield Batch(wide.normalize(images.to(spec.device)), labels.to(spec.device), samples)


def training_batches(
    data: ImageData | FolderData,
    augmentation: Augmentation,
    *,
    validation: float,
    batch_size: int,
    seed: int,
    spec: InputSpec,
    ranks: Ranks,
) -> Batches:
    """The training split, without what is held out of it for validation (see :func:`held_out`)."""
    train, _ = held_out(data, validation)
    if isinstance(train, Split):
        return MemoryBatches(
            train,
            augmentation,
            flippable=data.flippable,
            batch_size=batch_size,
            seed=seed,
            spec=spec,
            ranks=ranks,
        )
    return FolderBatches(train, augmentation, batch_size=batch_size, seed=seed, spec=spec, ranks=ranks)


Images = Split | Sequence[tuple[Path, int]]


def held_out(data: ImageData | FolderData, validation: float) -> tuple[Images, Images]:
    """What a recipe trains on, and what it validates on.

    The second is the folder's own validation split where there is one, else the fraction ``validation`` of the
    training split: of a data set known by name its end, of a folder a fixed random choice.
    """
    if not validation:
        return data.train, data.train[:0]
    if data.validation is not None:
        return data.train, data.validation
    cut = len(data.train) - round(validation * len(data.train))
    if not data.files:
        return data.train[:cut], data.train[cut:]
    # A folder's listing is sorted by class, so the last images would be of one class.
    order = torch.randperm(len(data.train), generator=generator("validation split"))
    if isinstance(data, ImageData):
        return data.train[order[:cut]], data.train[order[cut:]]
    shuffled = [data.train[i] for i in order.tolist()]
    return shuffled[:cut], shuffled[cut:]


def evaluation_batches(
    data: ImageData | FolderData,
    split: str,
    spec: InputSpec,
    *,
    validation: float = 0.0,
    resize: int | None = None,
    crop: int | None = None,
    ranks: Ranks = Ranks(),  # noqa: B008 (frozen)
    interpolation: str = "bilinear",
) -> Iterator[Batch]:
    """The batches of the "test" split, or of "validation": what is held out for it (see :func:`held_out`).

    With several processes, each gets its part of the batches, whole ones: an image is in the same batch whatever the
    number of processes, so that its prediction is the same bit for bit.

    ``crop`` and ``interpolation``: see :func:`folder_evaluation`; small images are cropped by the test-time
    augmentation alone.
    """
    images: Images = held_out(data, validation)[1] if split == "validation" else data.test
    if isinstance(images, Split):
        return memory_evaluation(images, spec, resize, ranks)
    return folder_evaluation(images, spec, resize, interpolation=interpolation, crop=crop, ranks=ranks)
