"""Fashion-MNIST on made-up files: the layout, the sources and their order, damage."""

import gzip
import hashlib
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest

from decanet.core.errors import DataError
from decanet.data import MemorySplit, dataset_entry, load_data
from decanet.data.datasets import fashion_mnist
from decanet.data.image_data import channel_statistics
from tests.conftest import Heard
from tests.data.conftest import Server

COUNTS = {"train": 12, "t10k": 5}


def pixels(prefix: str) -> np.ndarray:
    return np.random.default_rng(COUNTS[prefix]).integers(0, 256, (COUNTS[prefix], 28, 28), np.uint8)


def labels(prefix: str) -> np.ndarray:
    return (np.arange(COUNTS[prefix]) % 10).astype(np.uint8)


@pytest.fixture
def files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """Four files in the IDX layout (big-endian magic number and sizes, then bytes) that pass for the right ones."""
    made = {}
    for prefix, count in COUNTS.items():
        images = struct.pack(">4i", 2051, count, 28, 28) + pixels(prefix).tobytes()
        made[f"{prefix}-images-idx3-ubyte.gz"] = images
        made[f"{prefix}-labels-idx1-ubyte.gz"] = struct.pack(">2i", 2049, count) + labels(prefix).tobytes()
    for name, content in made.items():
        monkeypatch.setitem(fashion_mnist.FILES, name, hashlib.sha256(content).hexdigest())
    packed = {name: gzip.compress(content, mtime=0) for name, content in made.items()}
    for name, content in packed.items():
        monkeypatch.setitem(fashion_mnist.PUBLISHER_MD5, name, hashlib.md5(content).hexdigest())
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", tmp_path / "not installed")
    monkeypatch.setattr(fashion_mnist, "PUBLISHER", "http://127.0.0.1:9/nobody-listens-here/")
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("PATH", str(tmp_path / "no programs"))
    return packed


def write(folder: Path, files: dict[str, bytes]) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)
    return folder


def check(data: object, served_by: str) -> None:
    assert isinstance(data.train, MemorySplit)
    assert data.source == served_by
    for part, prefix in ((data.train, "train"), (data.test, "t10k")):
        gray = pixels(prefix)
        expected = np.pad(gray, ((0, 0), (2, 2), (2, 2)))[:, None].repeat(3, axis=1)
        assert np.array_equal(part.images.numpy(), expected)
        assert part.labels.tolist() == labels(prefix).tolist()
    assert (data.mean, data.std) == channel_statistics(data.train.images)
    assert data.mean[0] == data.mean[1] == data.mean[2]
    assert len(data.classes) == 10


def test_gray_images_are_padded_and_get_three_equal_channels(
    files: dict[str, bytes], tmp_path: Path, heard: Heard
) -> None:
    folder = write(tmp_path / "given", files)
    check(load_data("fashion-mnist", cache=tmp_path / "cache", report=heard, source=str(folder)), folder.name)


def test_cached_data_needs_no_source(files: dict[str, bytes], tmp_path: Path, heard: Heard) -> None:
    assert not dataset_entry("fashion-mnist").is_cached(tmp_path)
    write(tmp_path / "fashion-mnist", files)
    assert dataset_entry("fashion-mnist").is_cached(tmp_path)
    check(load_data("fashion-mnist", cache=tmp_path, report=heard), "cache")


def test_debians_installed_files_come_first(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: Heard
) -> None:
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", write(tmp_path / "usr", files))
    check(load_data("fashion-mnist", cache=tmp_path / "cache", report=heard), "debian")
    assert dataset_entry("fashion-mnist").is_cached(tmp_path / "cache")


def test_the_publisher_comes_second(
    files: dict[str, bytes], server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: Heard
) -> None:
    server.files = files
    monkeypatch.setattr(fashion_mnist, "PUBLISHER", server.url(""))
    check(load_data("fashion-mnist", cache=tmp_path, report=heard), "publisher")
    assert len(server.asked) == 4


@pytest.mark.parametrize("place", [3, 30, 60, 200, -3])
def test_a_damaged_cached_file_is_noticed_and_only_it_is_fetched_again(
    files: dict[str, bytes],
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    heard: Heard,
    place: int,
) -> None:
    folder = write(tmp_path / "fashion-mnist", files)
    content = bytearray(files["train-images-idx3-ubyte.gz"])
    content[place] ^= 255
    (folder / "train-images-idx3-ubyte.gz").write_bytes(content)
    server.files = files
    monkeypatch.setattr(fashion_mnist, "PUBLISHER", server.url(""))
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte.gz in .*: missing or damaged"):
        load_data("fashion-mnist", cache=tmp_path, report=heard, source="cache")
    assert not server.asked
    check(load_data("fashion-mnist", cache=tmp_path, report=heard, source="auto"), "publisher")
    assert len(server.asked) == 1


def test_if_no_source_works_both_reasons_are_reported_in_one_line(
    files: dict[str, bytes], tmp_path: Path, heard: Heard
) -> None:
    with pytest.raises(
        DataError, match=r"debian: apt-get and dpkg-deb are not installed; publisher: cannot fetch "
    ):
        load_data("fashion-mnist", cache=tmp_path, report=heard)


def test_a_given_folder_with_a_wrong_file_is_refused_before_anything_is_copied(
    files: dict[str, bytes], tmp_path: Path, heard: Heard
) -> None:
    files["t10k-labels-idx1-ubyte.gz"] = gzip.compress(b"something else")
    folder = write(tmp_path / "given", files)
    with pytest.raises(DataError, match=r"t10k-labels-idx1-ubyte\.gz is missing or not the publisher's"):
        load_data("fashion-mnist", cache=tmp_path / "cache", report=heard, source=str(folder))
    assert not (tmp_path / "cache").exists()


def test_an_unknown_source_is_refused_with_the_known_ones(tmp_path: Path, heard: Heard) -> None:
    with pytest.raises(DataError, match=r"no such folder, and no source of that name \(debian, publisher\)"):
        load_data("fashion-mnist", cache=tmp_path, report=heard, source="npm")


# Debian's package: pretended programs on the PATH, so that the real code runs.


def pretend(folder: Path, monkeypatch: pytest.MonkeyPatch, apt_get: str, dpkg_deb: str) -> None:
    folder.mkdir()
    for name, script in (("apt-get", apt_get), ("dpkg-deb", dpkg_deb)):
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def test_the_package_is_fetched_and_unpacked_without_being_installed(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: Heard
) -> None:
    given = write(tmp_path / "given", files)
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", Path("/no/such/folder"))
    pretend(
        tmp_path / "bin",
        monkeypatch,
        '[ "$*" = "download dataset-fashion-mnist" ] && echo x > dataset-fashion-mnist_1_all.deb',
        f'mkdir -p "$3/no/such" && cp -r {given} "$3/no/such/folder"',
    )
    check(load_data("fashion-mnist", cache=tmp_path / "cache", report=heard), "debian")
    assert "fetching Debian's package dataset-fashion-mnist, 31 MB" in heard.notes


@pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="needs Debian's own dpkg-deb")
def test_a_real_package_is_unpacked(
    files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path, heard: Heard
) -> None:
    monkeypatch.setattr(fashion_mnist, "DEBIAN_FOLDER", Path("/no/such/folder"))
    write(tmp_path / "tree" / "no" / "such" / "folder", files)
    (tmp_path / "tree" / "DEBIAN").mkdir()
    (tmp_path / "tree" / "DEBIAN" / "control").write_text(
        "Package: made\nVersion: 1\nArchitecture: all\nMaintainer: a <a@example.org>\nDescription: made up\n"
    )
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    build = ["dpkg-deb", "--build", str(tmp_path / "tree"), str(tmp_path / "made.deb")]
    subprocess.run(build, check=True, capture_output=True)
    pretend(tmp_path / "bin", monkeypatch, f"cp {tmp_path}/made.deb .", 'exec /usr/bin/dpkg-deb "$@"')
    check(load_data("fashion-mnist", cache=tmp_path / "cache", report=heard), "debian")


@pytest.mark.parametrize(
    ("apt_get", "said"),
    [
        (
            "echo 'W: warning' >&2; echo 'E: Unable to locate package' >&2; exit 100",
            "E: Unable to locate package",
        ),
        ("exit 100", "returned non-zero exit status 100"),
        ("exit 0", "no package arrived"),
    ],
)
def test_errors_of_apt_are_reported_in_one_line(
    files: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    heard: Heard,
    apt_get: str,
    said: str,
) -> None:
    pretend(tmp_path / "bin", monkeypatch, apt_get, "exit 0")
    with pytest.raises(DataError, match=said) as caught:
        load_data("fashion-mnist", cache=tmp_path / "cache", report=heard, source="debian")
    assert "\n" not in caught.value.line
    assert "apt-get could not fetch dataset-fashion-mnist" in str(caught.value)
