"""Fashion-MNIST: 70,000 gray images of clothes in ten classes (H. Xiao, K. Rasul, R. Vollgraf, 2017).

It is taken from Debian's package ``dataset-fashion-mnist`` if apt is available (installed or not, without root), or
from the publisher. The 28x28 images are padded by 2 pixels and get three equal channels, so that every network for
32x32 takes them.
"""

import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from decanet.core.errors import DataError
from decanet.core.files import atomic_path
from decanet.core.progress import Report
from decanet.data.datasets._download import download, require_writable
from decanet.data.image_data import ImageData, channel_statistics
from decanet.data.loaders.memory import MemorySplit
from decanet.data.registry import DatasetEntry, register_dataset

CLASSES = (
    "T-shirt/top", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot",
)  # fmt: skip

FILES = {  # name to the SHA-256 of the uncompressed contents, which are the same in Debian's package
    "train-images-idx3-ubyte.gz": "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    "train-labels-idx1-ubyte.gz": "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    "t10k-images-idx3-ubyte.gz": "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    "t10k-labels-idx1-ubyte.gz": "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
PUBLISHER_MD5 = {
    "train-images-idx3-ubyte.gz": "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
    "train-labels-idx1-ubyte.gz": "25c81989df183df01b3e8a0aad5dffbe",
    "t10k-images-idx3-ubyte.gz": "bef4ecab320f06d8554ea6380940ec79",
    "t10k-labels-idx1-ubyte.gz": "bb300cfdad3c16e7a12a480ee83cd310",
}
PUBLISHER = "https://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"
DEBIAN_PACKAGE = "dataset-fashion-mnist"
DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")


def load(cache: Path, source: str, report: Report) -> ImageData:
    """Load Fashion-MNIST as 32x32 RGB. Raises DataError if no source has it."""
    folder = cache / "fashion-mnist"
    served_by = "cache"
    wrong = [name for name in FILES if source not in {"auto", "cache"} or not _is_right(folder / name)]
    if source == "cache" and wrong:
        raise DataError(
            f"{' and '.join(wrong)} in {folder}: missing or damaged; "
            "fetch it again with: decanet data fetch fashion-mnist"
        )
    if wrong:
        served_by = _fetch(folder, source, report)
    train, test = (_read(folder, prefix) for prefix in ("train", "t10k"))
    mean, std = channel_statistics(train.images)
    return ImageData("fashion-mnist", CLASSES, train, test, mean, std, flippable=True, source=served_by)


def _fetch(folder: Path, source: str, report: Report) -> str:
    """Download the four files into ``folder`` and return the name of the source."""
    sources: dict[str, Callable[[Path, Report], None]]
    sources = {"debian": _from_debian, "publisher": _from_publisher}
    if source in sources:
        sources = {source: sources[source]}
    elif source != "auto":
        given = Path(os.path.expanduser(source))
        if not given.is_dir():
            raise DataError(
                f"--source {source}: no such folder, and no source of that name ({', '.join(sources)})"
            )
        sources = {given.name: lambda target, _: _copy(given, target)}
    require_writable(*(folder / name for name in FILES))
    failures = []
    for name, fetch in sources.items():
        try:
            fetch(folder, report)
        except DataError as error:
            failures.append(f"{name}: {error}")
            continue
        return name
    raise DataError("no source has the data: " + "; ".join(failures))


def _is_right(path: Path) -> bool:
    try:
        with gzip.open(path) as file:
            return hashlib.sha256(file.read()).hexdigest() == FILES[path.name]
    except (OSError, EOFError, zlib.error):
        return False


def _copy(origin: Path, target: Path) -> None:
    for name in FILES:
        if not _is_right(origin / name):
            raise DataError(f"{origin / name} is missing or not the publisher's (SHA-256 differs)")
    for name in FILES:
        with atomic_path(target / name) as temporary:
            shutil.copyfile(origin / name, temporary)


def _from_debian(target: Path, report: Report) -> None:
    if DEBIAN_FOLDER.is_dir():
        _copy(DEBIAN_FOLDER, target)
        return
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        raise DataError("apt-get and dpkg-deb are not installed")
    with tempfile.TemporaryDirectory(prefix="decanet-apt-") as folder:
        report.note(f"fetching Debian's package {DEBIAN_PACKAGE}, 31 MB")
        try:
            fetch = ["apt-get", "download", DEBIAN_PACKAGE]
            subprocess.run(fetch, cwd=folder, capture_output=True, text=True, timeout=900, check=True)
            package = next(Path(folder).glob("*.deb"))
            unpack = ["dpkg-deb", "-x", str(package), "unpacked"]
            subprocess.run(unpack, cwd=folder, capture_output=True, text=True, timeout=300, check=True)
        except (subprocess.SubprocessError, OSError, StopIteration) as error:
            message = (getattr(error, "stderr", "") or str(error)).strip().splitlines() or [
                "no package arrived"
            ]
            raise DataError(f"apt-get could not fetch {DEBIAN_PACKAGE} ({message[-1]})") from None
        _copy(Path(folder) / "unpacked" / DEBIAN_FOLDER.relative_to("/"), target)


def _from_publisher(target: Path, report: Report) -> None:
    for name, md5 in PUBLISHER_MD5.items():
        if not _is_right(target / name):
            download(PUBLISHER + name, target / name, md5=md5, size=None, report=report)


def _read(folder: Path, prefix: str) -> MemorySplit:
    """The IDX layout: a big-endian header of 16 (images) or 8 (labels) bytes, then the values."""
    with gzip.open(folder / f"{prefix}-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28)
    with gzip.open(folder / f"{prefix}-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8)
    gray = F.pad(torch.from_numpy(pixels.copy()), (2, 2, 2, 2))
    return MemorySplit(gray.repeat(1, 3, 1, 1), torch.from_numpy(labels.astype(np.int64)))


register_dataset(
    DatasetEntry(
        name="fashion-mnist",
        summary="70,000 gray images of clothes in 10 classes, shown as 32x32 RGB",
        sources=("debian", "publisher"),
        load=load,
        cached=lambda cache: [cache / "fashion-mnist" / name for name in FILES],
    )
)
