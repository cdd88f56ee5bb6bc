"""The registered data sets."""

from pathlib import Path

import pytest

from decanet.core.errors import UsageError
from decanet.data.registry import DatasetEntry, dataset_entry, list_datasets


def test_every_file_of_datasets_is_found() -> None:
    assert {"cifar10", "cifar100", "digits", "fashion-mnist"} <= set(list_datasets())
    assert list_datasets() == sorted(list_datasets())
    assert all(dataset_entry(name).name == name for name in list_datasets())


def test_an_unknown_name_gets_the_nearest_one() -> None:
    with pytest.raises(UsageError, match="did you mean cifar10"):
        dataset_entry("cifar11")


def test_a_data_set_is_cached_when_all_its_files_are(tmp_path: Path) -> None:
    entry = DatasetEntry("made", "", (), lambda *_: None, lambda cache: [cache / "a", cache / "b"])  # type: ignore[arg-type, return-value]
    assert not entry.is_cached(tmp_path)
    (tmp_path / "a").touch()
    assert not entry.is_cached(tmp_path)
    (tmp_path / "b").touch()
    assert entry.is_cached(tmp_path)
