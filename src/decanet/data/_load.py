"""Loading of data sets by name and of folders by path, for training or for evaluating a run."""

import os
from dataclasses import replace
from pathlib import Path

import torch

from decanet.core.errors import UsageError, did_you_mean
from decanet.core.progress import Report
from decanet.data.folder import load_folder, load_test_folder, refuse_unknown
from decanet.data.image_data import ImageData
from decanet.data.registry import DATASETS
from decanet.data.run_data import RunData


def load_data(
    name: str,
    *,
    cache: Path,
    report: Report,
    source: str = "auto",
    image_size: int = 32,
    seed: int = 0,
    stored: RunData | None = None,
) -> ImageData:
    """Load a registered data set, or the images of a folder.

    Args:
        name: a registered name, or a path (it contains a separator, or is a folder in the working directory).
        cache: folder of the data sets and of the list of readable images.
        source: of a registered data set; "auto" tries the cache, then each source; "cache" downloads nothing.
        image_size: input size of the network in pixels; decides whether the images of a folder are kept in memory.
        seed: of a folder's split.
        stored: data of the run that resumes; its split is used again.

    Raises:
        UsageError: neither a data set nor a folder.
        DataError: it is not available, or damaged.
    """
    if name in DATASETS:
        return DATASETS.get(name).load(cache, source, report)
    return load_folder(_folder(name), image_size, seed, report, cache, stored)


def load_test_data(
    run: RunData,
    name: str | None = None,
    *,
    cache: Path,
    report: Report,
    source: str = "auto",
    image_size: int = 32,
) -> ImageData:
    """Load the test split of ``name`` (default: the run's data) with the labels of the run.

    See :func:`load_data` for the arguments, :func:`decanet.data.folder.load_test_folder` for folders.

    Raises:
        UsageError: neither a data set nor a folder.
        DataError: it is not available, or has classes that the run does not have.
    """
    name = name or run.name
    if name not in DATASETS:
        return load_test_folder(_folder(name), image_size, report, run)
    return match_classes(DATASETS.get(name).load(cache, source, report), run.classes)


def match_classes(data: ImageData, classes: tuple[str, ...]) -> ImageData:
    """Give the test split of ``data`` the labels of a network with ``classes``.

    Raises:
        DataError: the network does not know one of the data's classes.
    """
    refuse_unknown(data.classes, classes, data.name)
    labels = torch.tensor([classes.index(name) for name in data.classes])
    return replace(data, classes=classes, test=data.test.relabeled(labels))


def _folder(name: str) -> Path:
    path = Path(os.path.expanduser(name))
    if path.exists() or any(mark in name for mark in "/\\."):
        return path
    if name == "imagenet":
        raise UsageError(
            "ImageNet is not fetched, its publisher gives it to registered users only; give the folder that holds "
            "train/CLASS/ and val/CLASS/ with --data DIR"
        )
    hint = did_you_mean(name, DATASETS) or f" (known: {', '.join(DATASETS)})"
    raise UsageError(f"unknown data set {name!r}{hint}; a folder is given by its path, for instance ./{name}")
