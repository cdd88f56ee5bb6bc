"""The images of an experiment: subsets of a data set with equal classes, and wrong labels at random."""

import hashlib
from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.core.errors import DataError
from decanet.core.runtime import generator
from decanet.data import ImageData
from decanet.data.loaders.memory import MemorySplit
from decanet.experiments.declaration import Images

GRAY = 128.0  # of an image without coarse structure
VALIDATION = 0.1  # of the training split, its end, on which trainings for tuning are evaluated


def prepare_images(data: ImageData, images: Images, *, tuning: bool) -> ImageData:
    """Return ``data`` with the training images that an arm asks for.

    A smaller subset is contained in every larger one. For ``tuning`` the last tenth of the training split is the
    validation split, and a subset is taken from the rest, so that it is the same one in both kinds of trainings where
    it fits.

    Raises:
        DataError: there are fewer images, or they are not in memory.
    """
    if not isinstance(data.train, MemorySplit) or not isinstance(data.test, MemorySplit):
        raise DataError(f"experiments need images in memory; {data.name} is read from files")
    cut = len(data.train) - round(VALIDATION * len(data.train))
    rest = data.train[:cut]
    chosen: MemorySplit = rest if tuning or (images.count or cut + 1) <= cut else data.train
    count = min(images.count or len(chosen), len(chosen)) if tuning else images.count or len(chosen)
    if count > len(chosen):
        raise DataError(f"{data.name} has {len(chosen)} training images; the arm asks for {count}")
    train = chosen[balanced_order(chosen.labels)[:count]]
    if images.wrong_labels:
        train = replace(train, labels=with_wrong_labels(train.labels, images.wrong_labels, len(data.classes)))
    test = data.train[cut:] if tuning else data.test
    if images.change:
        train = replace(train, images=changed(train.images, images.change))
        test = replace(test, images=changed(test.images, images.change))
    return replace(data, train=train, test=test)


def changed(images: Tensor, change: str) -> Tensor:
    """Return ``images``, uint8 (N, 3, S, S), changed as an arm asks for; see :class:`Images`."""
    kind, _, size = change.partition(" ")
    if kind == "patches":
        return shuffle_patches(images, int(size))
    coarse = F.avg_pool2d(F.pad(images.float(), (2, 2, 2, 2), mode="replicate"), 5, stride=1)
    if kind == "low-pass":
        return coarse.round().to(torch.uint8)
    return (images.float() - coarse + GRAY).round().clamp(0, 255).to(torch.uint8)


def shuffle_patches(images: Tensor, size: int) -> Tensor:
    """Return ``images`` (N, C, S, S) with their squares of ``size`` pixels in a random order, another for each."""
    count, channels, side = images.shape[:3]
    squares = images.unfold(2, size, size).unfold(3, size, size).flatten(2, 3)  # (N, C, squares, size, size)
    order = torch.rand(count, squares.shape[2], generator=generator("experiment patches")).argsort(1)
    mixed = squares.gather(2, order[:, None, :, None, None].expand_as(squares))
    rows = side // size
    whole = mixed.unflatten(2, (rows, rows)).permute(0, 1, 2, 4, 3, 5)  # (N, C, rows, size, rows, size)
    return whole.reshape(count, channels, side, side).contiguous()


def balanced_order(labels: Tensor) -> Tensor:
    """Return a fixed random order of the images in which every class comes once in turn, as long as it lasts."""
    order = torch.randperm(len(labels), generator=generator("experiment images"))
    shuffled = labels[order]
    rank = torch.empty_like(shuffled)  # how many images of the same class come before
    for label in shuffled.unique():
        mine = shuffled == label
        rank[mine] = torch.arange(int(mine.sum()))
    return order[torch.argsort(rank, stable=True)]


def with_wrong_labels(labels: Tensor, fraction: float, classes: int) -> Tensor:
    """Return ``labels`` with ``fraction`` of them replaced by another class, each other class equally likely."""
    source = generator("experiment labels")
    chosen = torch.randperm(len(labels), generator=source)[: round(fraction * len(labels))]
    wrong = labels.clone()
    shift = torch.randint(1, classes, (len(chosen),), generator=source)
    wrong[chosen] = (labels[chosen] + shift) % classes
    return wrong


def fingerprint(data: ImageData) -> str:
    """Return a hash of every image and label that a training uses, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for split in (data.train, data.test):
        if isinstance(split, MemorySplit):
            digest.update(split.images.numpy().tobytes())
            digest.update(split.labels.numpy().tobytes())
    return digest.hexdigest()[:16]
