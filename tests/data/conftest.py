"""Small splits, a web server on this machine that misbehaves on demand, and made-up records."""

import hashlib
import io
import tarfile
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.data import FolderSplit, ImageData, MemorySplit, load_data
from tests.conftest import Heard, MakeFolder


class Server(ThreadingHTTPServer):
    """Serves ``files`` (path to content).

    Attributes:
        ranges: whether it continues where a client left off.
        cuts: for the coming answers, after how many bytes of the body the connection breaks.
        status: what it answers to everything, in place of serving.
        asked: the Range header of every request so far.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.cuts: list[int] = []
        self.status: int | None = None
        self.asked: list[str | None] = []

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{name}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        content = self.server.files.get(self.path.lstrip("/"))
        if self.server.status or content is None:
            self.send_error(self.server.status or 404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.server.ranges else 0
        if start >= len(content):
            self.send_error(416)
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep the test's output clean."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    """A running server; waiting between two attempts takes no time."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("decanet.data.datasets._download.time.sleep", lambda _: None)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture(scope="session")
def split() -> MemorySplit:
    """103 images of 8 pixels; the label of an image is its number, so that a batch tells which images it holds."""
    pixels = torch.randint(0, 256, (103, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    return MemorySplit(pixels.byte(), torch.arange(103))


@pytest.fixture
def large(make_folder: MakeFolder, heard: Heard) -> ImageData:
    """A folder of 17 training and 4 test images of 90x70 pixels in two classes, read when they are used."""
    folder = make_folder({"a": 9, "b": 12}, size=(90, 70))
    data = load_data(str(folder), cache=folder, report=heard, image_size=80)
    assert isinstance(data.train, FolderSplit)
    return data


def made_records(count: int, label_bytes: int, seed: int) -> np.ndarray:
    """Records in CIFAR's layout with small labels and random pixels."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 10, (count, label_bytes), np.uint8)
    return np.concatenate([labels, rng.integers(0, 256, (count, 3072), np.uint8)], axis=1)


def sha256(records: np.ndarray) -> str:
    return hashlib.sha256(records.tobytes()).hexdigest()


def write_archive(path: Path, files: dict[str, bytes]) -> Path:
    """A ``.tar.gz`` with the given files."""
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return path
