"""The registered data sets: one file in ``datasets/`` each, found by discovery."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from decanet.core.progress import Report
from decanet.core.registry import Registry
from decanet.data.image_data import ImageData


@dataclass(frozen=True)
class DatasetEntry:
    """A registered data set.

    Attributes:
        name: what ``--data`` takes.
        summary: one line on its contents.
        sources: where it can come from, in the order in which they are tried.
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
    """Register a data set under its name."""
    return DATASETS.add(entry.name, entry)


def list_datasets() -> list[str]:
    """Names of all registered data sets, sorted."""
    return DATASETS.names()


def dataset_entry(name: str) -> DatasetEntry:
    """The entry of a data set. Raises UsageError for an unknown name."""
    return DATASETS.get(name)
