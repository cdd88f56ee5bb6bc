"""The images of an experiment: subsets of a data set with equal classes, and wrong labels at random."""

import hashlib
from dataclasses import replace

import torch
from torch import Tensor

from decanet.core.errors import DataError
from decanet.core.runtime import generator
from decanet.data import ImageData
from decanet.data.loaders.memory import MemorySplit
from decanet.experiments.declaration import Images

VALIDATION = 0.1  # of the training split, its end, on which trainings for tuning are evaluated


def prepare_images(data: ImageData, images: Images, *, tuning: bool) -> ImageData:
    """Return ``data`` with the training images that an arm asks for.

    A smaller subset is contained in every larger one. For ``tuning`` the last tenth of the training split is the
    validation split, and a subset is taken from the rest, so that it is the same one in both kinds of trainings where
    it fits.

    Raises:
        DataError: there are fewer images, or they are not in memory.
    """
    if not isinstance(data.train, MemorySplit):
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
    return replace(data, train=train, test=data.train[cut:] if tuning else data.test)


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
