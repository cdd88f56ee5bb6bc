"""One way in: a data set by its name, or a folder by its path."""

import os
from pathlib import Path

from decanet.core.errors import UsageError, did_you_mean
from decanet.core.report import Report
from decanet.data._base import DATASETS, FolderData, ImageData
from decanet.data.folder import load_folder


def load_data(
    name: str, *, cache: Path, report: Report, source: str = "auto", image_size: int = 32, seed: int = 0
) -> ImageData | FolderData:
    """Load a registered data set, or the pictures of a folder.

    Args:
        name: a registered name, or a path (it contains a separator, or is a folder here).
        cache: where data sets are kept.
        source: where a registered data set should come from; "auto" tries the cache, then each source; "cache" fetches
            nothing.
        image_size: side in pixels of what the network sees; decides whether a folder fits into memory.
        seed: of a folder's split.

    Raises:
        UsageError: neither a data set nor a folder.
        DataError: it cannot be had or is not what it should be.
    """
    if name in DATASETS:
        return DATASETS.get(name).load(cache, source, report)
    path = Path(os.path.expanduser(name))
    if path.exists() or any(mark in name for mark in "/\\."):
        return load_folder(path, image_size, seed, report)
    if name == "imagenet":
        raise UsageError(
            "ImageNet is not fetched, its publisher gives it to registered users only; give the folder that holds "
            "train/CLASS/ and val/CLASS/ with --data DIR"
        )
    hint = did_you_mean(name, DATASETS) or f" (known: {', '.join(DATASETS)})"
    raise UsageError(f"unknown data set {name!r}{hint}; a folder is given by its path, for instance ./{name}")
