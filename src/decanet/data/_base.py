"""What a data set is, and which ones there are by name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import torch
from torch import Tensor

from decanet.core.progress import Report
from decanet.core.recipe import Rgb
from decanet.core.registry import Registry


@dataclass(frozen=True)
class Split:
    """Images in memory: ``images`` uint8 (N, 3, H, W), ``labels`` int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, which: slice | Tensor) -> "Split":
        """A part: a slice without copying, or the images whose indices ``which`` holds."""
        return Split(self.images[which], self.labels[which])


@dataclass(frozen=True)
class ImageData:
    """A data set in memory.

    Attributes:
        name: its registered name, or the folder's path.
        classes: the classes' names, in the order of the labels.
        train, test: the two splits, images all of one size.
        mean, std: constants of the training split's channels on the scale 0..1.
        mirror: whether a mirrored image still belongs to its class.
        source: where the images came from, in words.
        files: for a folder, which files each split holds: their paths below the folder, with the SHA-256 of each.
        validation: a third split, where a folder brings one; else a recipe holds out a fraction of ``train``.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    mean: Rgb
    std: Rgb
    flippable: bool
    source: str
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    validation: Split | None = None


@dataclass(frozen=True)
class FolderData:
    """A folder of large images that are read when needed; fields as in :class:`ImageData`.

    The splits list (path, label).
    """

    name: str
    classes: tuple[str, ...]
    train: tuple[tuple[Path, int], ...]
    test: tuple[tuple[Path, int], ...]
    mean: Rgb
    std: Rgb
    flippable: bool
    source: str
    files: dict[str, dict[str, str]] = field(default_factory=dict)
    validation: tuple[tuple[Path, int], ...] | None = None


def bare_name(name: str) -> str:
    """The name of a data set without the folders above it: what may leave this machine."""
    return PurePath(name).name


@dataclass(frozen=True)
class DatasetEntry:
    """A data set that is known by name.

    Attributes:
        name: what ``--data`` takes.
        summary: one line on what it holds.
        sources: where it can come from, in the order that is tried.
        load: ``load(cache, source, report)``; ``source`` is "auto", "cache", a name of ``sources`` or a path.
        cached: the files in the cache that make it complete.
    """

    name: str
    summary: str
    sources: tuple[str, ...]
    load: Callable[[Path, str, Report], ImageData]
    cached: Callable[[Path], list[Path]]

    def is_cached(self, cache: Path) -> bool:
        """Whether it can be loaded without a network."""
        return all(path.exists() for path in self.cached(cache))


DATASETS: Registry[DatasetEntry] = Registry("data set", "decanet.data.datasets")


def register_dataset(entry: DatasetEntry) -> DatasetEntry:
    """Make a data set known by its name."""
    return DATASETS.add(entry.name, entry)


def list_datasets() -> list[str]:
    """Names of all data sets, sorted."""
    return DATASETS.names()


def dataset_entry(name: str) -> DatasetEntry:
    """The entry of a data set. Raises UsageError for an unknown name."""
    return DATASETS.get(name)


def channel_statistics(images: Tensor) -> tuple[Rgb, Rgb]:
    """Mean and standard deviation of each channel over all pixels of uint8 (N, 3, H, W), on the scale 0..1.

    Exact: it counts how often each of the 256 values occurs, so the order of summation cannot matter.
    """
    values = torch.arange(256, dtype=torch.float64) / 255
    means, deviations = [], []
    for channel in images.transpose(0, 1):
        fraction = torch.bincount(channel.reshape(-1), minlength=256).double()
        fraction /= fraction.sum()
        mean = (fraction * values).sum()
        means.append(mean.item())
        deviations.append((fraction * (values - mean) ** 2).sum().sqrt().item())
    return (means[0], means[1], means[2]), (deviations[0], deviations[1], deviations[2])
