"""Downloads against a server on this machine: whole, continued, damaged, refused."""

import hashlib
import os
import shutil
import socket
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from decanet.core.errors import DataError, ResourceError
from decanet.core.progress import Silent
from decanet.data.datasets._download import download, file_digest, room_needed
from tests.conftest import Heard
from tests.data.conftest import Server

CONTENT = np.random.default_rng(0).integers(0, 256, 1_500_000, np.uint8).tobytes()
MD5 = hashlib.md5(CONTENT).hexdigest()


@pytest.fixture
def serving(server: Server) -> Server:
    server.files["data.bin"] = CONTENT
    return server


def fetch(server: Server, target: Path, md5: str = MD5, report: Heard | None = None) -> Path:
    url = server.url("data.bin")
    return download(url, target, md5=md5, size=len(CONTENT), report=report or Silent())


def test_a_download_is_announced_with_its_size(serving: Server, tmp_path: Path, heard: Heard) -> None:
    target = tmp_path / "new" / "folder" / "data.bin"
    assert fetch(serving, target, report=heard) == target
    assert target.read_bytes() == CONTENT
    assert heard.notes == ["downloading data.bin, 2 MB"]
    done = [step[1] for step in heard.steps]
    assert done == sorted(done)
    assert heard.steps[-1] == ("downloading", len(CONTENT), len(CONTENT), "bytes")
    assert [path.name for path in target.parent.iterdir()] == ["data.bin"]


def test_an_interrupted_download_continues_where_it_stopped(
    serving: Server, tmp_path: Path, heard: Heard
) -> None:
    serving.cuts = [400_000, 700_000]
    assert fetch(serving, tmp_path / "data.bin", report=heard).read_bytes() == CONTENT
    assert serving.asked == [None, "bytes=400000-", "bytes=1100000-"]
    assert sum(note.startswith("connection lost (") for note in heard.notes) == 2


def test_a_partial_download_of_an_earlier_session_is_continued(serving: Server, tmp_path: Path) -> None:
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:1000])
    assert fetch(serving, tmp_path / "data.bin").read_bytes() == CONTENT
    assert serving.asked == ["bytes=1000-"]


def test_a_complete_earlier_download_is_used(serving: Server, tmp_path: Path) -> None:
    (tmp_path / "data.bin.part").write_bytes(CONTENT)
    assert fetch(serving, tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_the_whole_file_again(serving: Server, tmp_path: Path) -> None:
    serving.ranges = False
    serving.cuts = [400_000]
    assert fetch(serving, tmp_path / "data.bin").read_bytes() == CONTENT
    assert serving.asked == [None, "bytes=400000-"]


def test_after_three_interruptions_the_partial_download_is_kept(serving: Server, tmp_path: Path) -> None:
    serving.cuts = [100_000, 100_000, 100_000]
    with pytest.raises(
        DataError, match=r"cannot fetch data\.bin .* try again later, or pass a copy with --source"
    ):
        fetch(serving, tmp_path / "data.bin")
    assert (tmp_path / "data.bin.part").read_bytes() == CONTENT[:300_000]
    assert not (tmp_path / "data.bin").exists()
    assert fetch(serving, tmp_path / "data.bin").read_bytes() == CONTENT


def test_a_file_with_another_checksum_is_deleted_and_reported(serving: Server, tmp_path: Path) -> None:
    wrong = hashlib.md5(b"something else").hexdigest()
    with pytest.raises(DataError, match=f"arrived damaged \\(MD5 {MD5}, expected {wrong}\\); it was deleted"):
        fetch(serving, tmp_path / "data.bin", md5=wrong)
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_is_not_requested_twice(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot fetch data\.bin \(Not Found\)") as caught:
        fetch(server, tmp_path / "data.bin")
    assert len(server.asked) == 1
    assert "\n" not in caught.value.line


def test_a_failing_server_is_asked_three_times(serving: Server, tmp_path: Path) -> None:
    serving.status = 503
    with pytest.raises(DataError, match="Service Unavailable"):
        fetch(serving, tmp_path / "data.bin")
    assert len(serving.asked) == 3


def test_a_refused_connection_is_told_in_one_line_without_trying_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, heard: Heard
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(DataError, match="Connection refused") as caught:
        download(f"http://127.0.0.1:{port}/x", tmp_path / "x", md5=MD5, size=None, report=heard)
    assert "\n" not in caught.value.line
    assert heard.notes == []


def test_too_little_space_is_reported_before_a_download(
    serving: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = os.statvfs(tmp_path)
    too_much = usage.f_bavail * usage.f_frsize * 2
    with pytest.raises(
        ResourceError, match="MB are needed; free some, or choose another place with --data-dir"
    ):
        room_needed(tmp_path, too_much)
    with pytest.raises(ResourceError):
        download(serving.url("data.bin"), tmp_path / "x", md5=MD5, size=too_much, report=Silent())
    assert serving.asked == []


def test_room_is_needed_only_for_what_is_still_missing(
    serving: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data.bin.part").write_bytes(CONTENT[:1_400_000])
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=200_000))
    assert fetch(serving, tmp_path / "data.bin").read_bytes() == CONTENT


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's device that is always full")
def test_a_full_disk_during_a_download_is_a_resource_error(
    serving: Server, tmp_path: Path, heard: Heard
) -> None:
    (tmp_path / "data.bin.part").symlink_to("/dev/full")
    with pytest.raises(ResourceError, match="no space left on the disk"):
        fetch(serving, tmp_path / "data.bin", report=heard)
    assert len(serving.asked) == 1


def test_a_digest_is_that_of_hashlib(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    assert file_digest(tmp_path / "x", "md5") == MD5
    assert file_digest(tmp_path / "x", "sha256") == hashlib.sha256(CONTENT).hexdigest()
