"""CIFAR-100 on a made-up archive: fine labels, checksums, cache, offline."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from decanet.core.errors import DataError
from decanet.data import MemorySplit, dataset_entry, load_data
from decanet.data.datasets import cifar100
from decanet.data.image_data import channel_statistics
from tests.conftest import Heard
from tests.data.conftest import Server, made_records, write_archive

MADE = {"train": made_records(30, 2, 0), "test": made_records(10, 2, 1)}
MADE["train"][:, 1] = np.arange(30) + 70  # fine labels reach 99
MADE["train"][:, 0] = 19


@pytest.fixture
def archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An archive in the publisher's layout that passes for the publisher's own."""
    files = {f"cifar-100-binary/{split}.bin": records.tobytes() for split, records in MADE.items()}
    files["cifar-100-binary/fine_label_names.txt"] = b"apple\n"
    path = write_archive(tmp_path / "cifar-100-binary.tar.gz", files)
    monkeypatch.setattr(cifar100, "PUBLISHER_MD5", hashlib.md5(path.read_bytes()).hexdigest())
    return path


def check(data: object, served_by: str) -> None:
    assert isinstance(data.train, MemorySplit)
    assert data.source == served_by
    assert data.flippable
    assert len(data.classes) == 100
    for part, records in ((data.train, MADE["train"]), (data.test, MADE["test"])):
        assert part.labels.tolist() == records[:, 1].tolist()
        assert np.array_equal(part.images.numpy().reshape(len(part), -1), records[:, 2:])
    assert (data.mean, data.std) == channel_statistics(data.train.images)


def test_the_archive_is_downloaded_once_and_then_cached(
    archive: Path, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: Heard
) -> None:
    server.files["cifar.tar.gz"] = archive.read_bytes()
    monkeypatch.setattr(cifar100, "PUBLISHER", server.url("cifar.tar.gz"))
    monkeypatch.setattr(cifar100, "PUBLISHER_SIZE", len(archive.read_bytes()))
    cache = tmp_path / "cache"
    assert not dataset_entry("cifar100").is_cached(cache)
    check(load_data("cifar100", cache=cache, report=heard), "publisher")
    assert dataset_entry("cifar100").is_cached(cache)
    check(load_data("cifar100", cache=cache, report=heard), "cache")
    assert len(server.asked) == 1
    assert list((cache / "downloads").iterdir()) == []


def test_a_damaged_cache_is_noticed_by_the_sum_of_its_first_copy(
    archive: Path, tmp_path: Path, heard: Heard
) -> None:
    cache = tmp_path / "cache"
    load_data("cifar100", cache=cache, report=heard, source=str(archive))
    content = bytearray((cache / "cifar100" / "test.bin").read_bytes())
    content[2000] ^= 8
    (cache / "cifar100" / "test.bin").write_bytes(content)
    (cache / "downloads").mkdir()
    (cache / "downloads" / "cifar-100-binary.tar.gz").write_bytes(archive.read_bytes())
    check(load_data("cifar100", cache=cache, report=heard), "publisher")
    assert any("the cached test split" in note for note in heard.notes)


def test_a_given_archive_is_a_source(archive: Path, tmp_path: Path, heard: Heard) -> None:
    check(load_data("cifar100", cache=tmp_path / "cache", report=heard, source=str(archive)), archive.name)


def test_a_given_file_that_is_not_the_publishers_is_refused(
    archive: Path, tmp_path: Path, heard: Heard
) -> None:
    archive.write_bytes(archive.read_bytes() + b"x")
    with pytest.raises(DataError, match=r"is not the publisher's cifar-100-binary\.tar\.gz \(MD5 differs\)"):
        load_data("cifar100", cache=tmp_path / "cache", report=heard, source=str(archive))
    assert not (tmp_path / "cache").exists()


def test_an_unknown_source_is_refused_with_the_known_one(tmp_path: Path, heard: Heard) -> None:
    with pytest.raises(DataError, match=r"no source of that name \(publisher\)"):
        load_data("cifar100", cache=tmp_path, report=heard, source="npm")


def test_the_hundred_classes_are_in_the_order_of_their_labels() -> None:
    """Labels are given by the alphabet; the publisher's list has 100 different names."""
    assert len(set(cifar100.CLASSES)) == 100
    assert list(cifar100.CLASSES) == sorted(cifar100.CLASSES)
    assert cifar100.CLASSES[0] == "apple"
    assert cifar100.CLASSES[99] == "worm"
