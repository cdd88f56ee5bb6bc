"""CIFAR's record layout, and where its records come from: cache, sources in their order, a path."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.core.errors import DataError
from decanet.core.progress import Report
from decanet.data.datasets._records import Splits, digest, from_publisher, load_splits, to_split
from tests.conftest import Heard
from tests.data.conftest import made_records, sha256, write_archive

RECORDS = {"train": made_records(12, 1, 0), "test": made_records(4, 1, 1)}
SUMS: dict[str, str | None] = {split: sha256(records) for split, records in RECORDS.items()}
Fetch = Callable[[Report], Splits]


class Sources(dict[str, Fetch]):
    """Sources that remember in which order they were asked."""

    def __init__(self, **answers: Splits | str) -> None:
        super().__init__()
        self.asked: list[str] = []
        for name, answer in answers.items():
            self[name] = self._source(name, answer)

    def _source(self, name: str, answer: Splits | str) -> Fetch:
        def fetch(report: Report) -> Splits:
            self.asked.append(name)
            if isinstance(answer, str):
                raise DataError(answer)
            return answer

        return fetch


def equal(found: Splits) -> bool:
    return found.keys() == RECORDS.keys() and all(np.array_equal(found[s], RECORDS[s]) for s in RECORDS)


def test_a_record_is_label_red_green_blue(tmp_path: Path) -> None:
    """By hand: the image of record 0 is red in its first row only."""
    records = np.zeros((2, 3073), np.uint8)
    records[:, 0] = 7, 3
    records[0, 1 : 1 + 32] = 200  # red, first row
    records[1, 1 + 2048 + 32 * 31 + 5] = 99  # blue, last row, sixth column
    split = to_split(records, 1)
    assert split.labels.tolist() == [7, 3]
    assert split.labels.dtype == torch.int64
    assert split.images.shape == (2, 3, 32, 32)
    assert split.images.dtype == torch.uint8
    assert (split.images[0, 0, 0] == 200).all()
    assert int(split.images[0].sum()) == 32 * 200
    assert int(split.images[1, 2, 31, 5]) == 99
    assert int(split.images[1].sum()) == 99


def test_the_finer_of_two_labels_is_used() -> None:
    records = made_records(5, 2, 0)
    split = to_split(records, 2)
    assert split.labels.tolist() == records[:, 1].tolist()
    assert torch.equal(split.images, torch.from_numpy(records[:, 2:].reshape(-1, 3, 32, 32)))


def test_the_records_of_the_first_source_are_cached(tmp_path: Path, heard: Heard) -> None:
    sources = Sources(first=RECORDS, second=RECORDS)
    found, served_by = load_splits(tmp_path / "made", SUMS, 1, sources, "auto", heard)
    assert equal(found)
    assert served_by == "first"
    assert sources.asked == ["first"]
    assert {p.name for p in (tmp_path / "made").iterdir()} == {
        "train.bin", "test.bin", "train.sha256", "test.sha256",
    }  # fmt: skip
    assert (tmp_path / "made" / "train.bin").read_bytes() == RECORDS["train"].tobytes()

    again, served_by = load_splits(tmp_path / "made", SUMS, 1, sources, "auto", heard)
    assert equal(again)
    assert served_by == "cache"
    assert sources.asked == ["first"], "a cached copy needs no source"


def test_the_next_source_is_used_if_one_fails(tmp_path: Path, heard: Heard) -> None:
    sources = Sources(first="not installed", second=RECORDS, third=RECORDS)
    _, served_by = load_splits(tmp_path, SUMS, 1, sources, "auto", heard)
    assert served_by == "second"
    assert sources.asked == ["first", "second"]


def test_a_source_with_other_contents_is_skipped(tmp_path: Path, heard: Heard) -> None:
    other = {**RECORDS, "test": RECORDS["test"] ^ 1}
    sources = Sources(first=other, second=RECORDS)
    found, served_by = load_splits(tmp_path, SUMS, 1, sources, "auto", heard)
    assert served_by == "second"
    assert equal(found)


def test_if_no_source_works_all_reasons_are_reported_in_one_line(tmp_path: Path, heard: Heard) -> None:
    sources = Sources(first="not installed", second={**RECORDS, "test": RECORDS["test"] ^ 1})
    with pytest.raises(DataError) as caught:
        load_splits(tmp_path / "made", SUMS, 1, sources, "auto", heard)
    assert str(caught.value) == (
        "no source has the data: first: not installed; "
        "second: the test split is not what its publisher made (SHA-256 differs)"
    )
    assert not (tmp_path / "made").exists()


def test_only_the_chosen_source_is_used(tmp_path: Path, heard: Heard) -> None:
    sources = Sources(first=RECORDS, second="no network")
    with pytest.raises(DataError, match="second: no network"):
        load_splits(tmp_path, SUMS, 1, sources, "second", heard)
    assert sources.asked == ["second"]


def test_a_chosen_source_is_used_even_if_a_copy_is_cached(tmp_path: Path, heard: Heard) -> None:
    sources = Sources(first=RECORDS)
    for _ in range(2):
        assert load_splits(tmp_path, SUMS, 1, sources, "first", heard)[1] == "first"
    assert sources.asked == ["first", "first"]


def test_an_unknown_source_is_refused_with_the_known_ones(tmp_path: Path, heard: Heard) -> None:
    with pytest.raises(
        DataError, match=r"--source frist: no such file, and no source of that name \(first, second\)"
    ):
        load_splits(tmp_path, SUMS, 1, Sources(first=RECORDS, second=RECORDS), "frist", heard)


@pytest.mark.parametrize("damage", ["a bit", "the end", "everything"])
def test_a_damaged_cache_is_noticed_and_fetched_again(tmp_path: Path, heard: Heard, damage: str) -> None:
    sources = Sources(first=RECORDS)
    load_splits(tmp_path, SUMS, 1, sources, "auto", heard)
    content = bytearray((tmp_path / "test.bin").read_bytes())
    content[5000] ^= 4
    (tmp_path / "test.bin").write_bytes(
        {"a bit": bytes(content), "the end": RECORDS["test"].tobytes()[:-10], "everything": b""}[damage]
    )
    with pytest.raises(
        DataError, match=r"the cached test split in .* is damaged; fetch it again with: decanet data fetch"
    ):
        load_splits(tmp_path, SUMS, 1, sources, "cache", heard)
    assert sources.asked == ["first"]  # once, to begin with
    found, served_by = load_splits(tmp_path, SUMS, 1, sources, "auto", heard)
    assert equal(found)
    assert served_by == "first"
    assert any("the cached test split" in note and "is damaged" in note for note in heard.notes)
    assert (tmp_path / "test.bin").read_bytes() == RECORDS["test"].tobytes()


def test_the_source_cache_downloads_nothing(tmp_path: Path, heard: Heard) -> None:
    sources = Sources(first=RECORDS)
    with pytest.raises(DataError, match=r"is not in .*; get it with: decanet data fetch"):
        load_splits(tmp_path, SUMS, 1, sources, "cache", heard)
    load_splits(tmp_path, SUMS, 1, sources, "auto", heard)
    found, served_by = load_splits(tmp_path, SUMS, 1, sources, "cache", heard)
    assert equal(found)
    assert served_by.startswith("cache")
    assert sources.asked == ["first"]


def test_a_damaged_cache_without_a_source_is_left_as_it_is(tmp_path: Path, heard: Heard) -> None:
    load_splits(tmp_path, SUMS, 1, Sources(first=RECORDS), "auto", heard)
    (tmp_path / "test.bin").write_bytes(b"x" * 3073)
    with pytest.raises(DataError, match="no network"):
        load_splits(tmp_path, SUMS, 1, Sources(first="no network"), "auto", heard)
    assert (tmp_path / "test.bin").read_bytes() == b"x" * 3073


def test_without_a_known_checksum_that_of_the_first_copy_is_stored(tmp_path: Path, heard: Heard) -> None:
    unknown: dict[str, str | None] = {"train": None, "test": None}
    sources = Sources(first=RECORDS)
    load_splits(tmp_path, unknown, 1, sources, "auto", heard)
    assert load_splits(tmp_path, unknown, 1, sources, "auto", heard)[1].startswith("cache")
    content = bytearray((tmp_path / "train.bin").read_bytes())
    content[100] ^= 1
    (tmp_path / "train.bin").write_bytes(content)
    assert load_splits(tmp_path, unknown, 1, sources, "auto", heard)[1] == "first"
    other = Sources(first={**RECORDS, "train": RECORDS["train"] ^ 1})
    with pytest.raises(DataError, match="the train split is not what its publisher made"):
        load_splits(tmp_path, unknown, 1, other, "first", heard)


# The publisher's archive.


def publisher_files() -> dict[str, bytes]:
    """CIFAR-10's layout: five training files, not in order, among other things."""
    train = {
        f"data_batch_{i + 1}.bin": RECORDS["train"][[2 * i, 2 * i + 1]].tobytes() for i in (4, 0, 2, 1, 3)
    }
    return {
        "cifar/readme.html": b"<html>",
        "cifar/batches.meta.txt": b"airplane\n",
        "cifar/test_batch.bin": RECORDS["test"].tobytes(),
        **{f"cifar/{name}": content for name, content in train.items()},
    }


def test_the_publishers_archive_is_read_in_the_order_of_its_names(tmp_path: Path) -> None:
    found = from_publisher(write_archive(tmp_path / "x.tar.gz", publisher_files()), ("train", "test"), 1)
    assert np.array_equal(found["train"], RECORDS["train"][:10])
    assert np.array_equal(found["test"], RECORDS["test"])
    assert found["train"].flags.writeable, "PyTorch warns of tensors on memory that must not be written to"


def test_an_unpacked_archive_gives_the_same_records(tmp_path: Path) -> None:
    for name, content in publisher_files().items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    found = from_publisher(tmp_path, ("train", "test"), 1)
    assert np.array_equal(found["train"], RECORDS["train"][:10])
    assert np.array_equal(found["test"], RECORDS["test"])


def test_a_path_is_a_source(tmp_path: Path, heard: Heard) -> None:
    files = {"c/train.bin": RECORDS["train"].tobytes(), "c/test.bin": RECORDS["test"].tobytes()}
    archive = write_archive(tmp_path / "x.tar.gz", files)
    found, served_by = load_splits(tmp_path / "cache", SUMS, 1, Sources(), str(archive), heard)
    assert equal(found)
    assert served_by == archive.name


def test_an_archive_without_the_records_is_refused(tmp_path: Path) -> None:
    pickled = write_archive(tmp_path / "python.tar.gz", {"cifar/data_batch_1": b"a pickle"})
    with pytest.raises(DataError, match="holds no whole train records; is it the binary version"):
        from_publisher(pickled, ("train", "test"), 1)
    half = write_archive(tmp_path / "half.tar.gz", {"c/train.bin": RECORDS["train"].tobytes()[:-1]})
    with pytest.raises(DataError, match="holds no whole train records"):
        from_publisher(half, ("train",), 1)


def test_damage_anywhere_in_an_archive_is_a_data_error(tmp_path: Path) -> None:
    files = {
        f"c/{split}.bin": (records // 32).tobytes() for split, records in RECORDS.items()
    }  # compressible
    whole = write_archive(tmp_path / "x.tar.gz", files).read_bytes()
    rng = np.random.default_rng(0)
    damaged = [b"no archive at all", b"", whole[: len(whole) // 2], whole[:-10]]
    for place in rng.integers(0, len(whole), 60):
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 256))
        damaged.append(bytes(changed))
    refused = 0
    for content in damaged:
        (tmp_path / "y.tar.gz").write_bytes(content)
        try:
            found = from_publisher(tmp_path / "y.tar.gz", ("train", "test"), 1)
        except DataError:
            refused += 1
        else:
            assert found.keys() == RECORDS.keys()  # damage in a name or date; the SHA-256 decides
    assert refused >= 10


def test_the_digest_does_not_depend_on_the_memory_layout() -> None:
    records = RECORDS["train"]
    assert digest(records) == sha256(records)
    assert digest(records[::2]) == sha256(records[::2].copy())


def test_a_folder_in_place_of_a_file_is_refused_before_a_download(tmp_path: Path, heard: Heard) -> None:
    (tmp_path / f"{next(iter(SUMS))}.bin").mkdir()
    sources = Sources(first=RECORDS)
    with pytest.raises(DataError, match="it is a folder; remove it"):
        load_splits(tmp_path, SUMS, 1, sources, "auto", heard)
    assert sources.asked == []


@pytest.mark.parametrize("place", ["file", "file/below"])
def test_a_cache_that_cannot_be_written_is_refused_before_a_download(
    tmp_path: Path, heard: Heard, place: str
) -> None:
    (tmp_path / "file").touch()
    sources = Sources(first=RECORDS)
    with pytest.raises(
        DataError, match=r"cannot keep data in .*; choose another place with --data-dir"
    ) as caught:
        load_splits(tmp_path / place, SUMS, 1, sources, "auto", heard)
    assert "\n" not in caught.value.line
    assert sources.asked == []
