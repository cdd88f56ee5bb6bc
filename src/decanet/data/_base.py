"""What a data set is, and which ones there are by name."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from decanet.core.recipe import Rgb
from decanet.core.registry import Registry
from decanet.core.report import Report


@dataclass(frozen=True)
class Split:
    """Pictures in memory: ``images`` uint8 (N, 3, H, W), ``labels`` int64 (N,)."""

    images: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def part(self, start: int, stop: int) -> "Split":
        """Pictures ``start`` to ``stop``, without copying."""
        return Split(self.images[start:stop], self.labels[start:stop])


@dataclass(frozen=True)
class ImageData:
    """A data set in memory.

    Attributes:
        name: its registered name, or the folder's path.
        classes: the classes' names, in the order of the labels.
        train, test: the two splits, pictures all of one size.
        mean, std: constants of the training split's channels on the scale 0..1.
        mirror: whether a mirrored picture still belongs to its class.
        source: where the pictures came from, in words.
        files: for a folder, the split that was made: split name to the pictures' paths.
    """

    name: str
    classes: tuple[str, ...]
    train: Split
    test: Split
    mean: Rgb
    std: Rgb
    mirror: bool
    source: str
    files: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class FolderData:
    """A folder of large pictures that are read when needed; fields as in :class:`ImageData`.

    ``train`` and ``test`` list (path, label).
    """

    name: str
    classes: tuple[str, ...]
    train: tuple[tuple[Path, int], ...]
    test: tuple[tuple[Path, int], ...]
    mean: Rgb
    std: Rgb
    mirror: bool
    source: str
    files: dict[str, list[str]] = field(default_factory=dict)


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


DATASETS: Registry[DatasetEntry] = Registry("data set", "decanet.data")


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
        share = torch.bincount(channel.reshape(-1), minlength=256).double()
        share /= share.sum()
        mean = (share * values).sum()
        means.append(mean.item())
        deviations.append((share * (values - mean) ** 2).sum().sqrt().item())
    return (means[0], means[1], means[2]), (deviations[0], deviations[1], deviations[2])
