"""The records of CIFAR's binary archives: label bytes, then 1,024 red, 1,024 green and 1,024 blue pixels.

A copy from any source is converted to this layout, checked against SHA-256 sums, and only then
kept.
"""

import hashlib
import os
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import torch

from decanet.core.errors import DataError
from decanet.core.files import atomic_path, write_text
from decanet.core.progress import Report
from decanet.data.datasets._download import require_writable
from decanet.data.loaders.memory import MemorySplit

PIXELS = 3 * 32 * 32

Splits = dict[str, np.ndarray]  # split name to records, uint8 (N, label bytes + 3072)


def load_splits(
    cache: Path,
    sums: Mapping[str, str | None],
    label_bytes: int,
    sources: Mapping[str, Callable[[Report], Splits]],
    source: str,
    report: Report,
) -> tuple[Splits, str]:
    """Return the records of all splits, from the cache or the first source that has them, and the source's name.

    Args:
        cache: folder of ``SPLIT.bin`` files.
        sums: split name to the SHA-256 of its records; None if only the archive's checksum is known: then
            the sums of the first verified copy are stored beside it, and the cache is checked against those.
        sources: name to a function that fetches all splits, or raises DataError.
        source: "auto" for the cache, then all sources in order; "cache" for the cache alone; the name of a source; or
            the path of a publisher's archive or folder.
    """
    files = {split: cache / f"{split}.bin" for split in sums}
    sums = {split: known or _noted_sum(files[split]) for split, known in sums.items()}
    if source in {"auto", "cache"} and all(path.is_file() for path in files.values()):
        cached = {split: _read(path, label_bytes) for split, path in files.items()}
        wrong = [split for split in sums if digest(cached[split]) != sums[split]]
        if not wrong:
            return cached, "cache"
        damage = f"the cached {' and '.join(wrong)} split in {cache} is damaged"
        if source == "cache":
            raise DataError(f"{damage}; fetch it again with: decanet data fetch {cache.name}")
        report.note(f"{damage}; fetching it again")
    if source == "cache":
        raise DataError(f"{cache.name} is not in {cache}; get it with: decanet data fetch {cache.name}")
    if source == "auto":
        chosen = dict(sources)
    elif source in sources:
        chosen = {source: sources[source]}
    elif (given := Path(os.path.expanduser(source))).exists():
        # Its name alone: a result, which holds it, may leave this machine.
        chosen = {given.name: lambda _: from_publisher(given, tuple(sums), label_bytes)}
    else:
        raise DataError(f"--source {source}: no such file, and no source of that name ({', '.join(sources)})")
    require_writable(*files.values())
    failures = []
    for name, fetch in chosen.items():
        try:
            splits = fetch(report)
        except DataError as error:
            failures.append(f"{name}: {error}")
            continue
        found = {split: digest(splits[split]) for split in sums}
        for split, expected in sums.items():
            if expected is not None and found[split] != expected:
                failures.append(f"{name}: the {split} split is not what its publisher made (SHA-256 differs)")
                break
        else:
            for split, path in files.items():
                with atomic_path(path) as temporary:
                    splits[split].tofile(temporary)
                write_text(path.with_suffix(".sha256"), f"{found[split]}\n")
            return splits, name
    raise DataError("no source has the data: " + "; ".join(failures))


def digest(records: np.ndarray) -> str:
    """SHA-256 of records in hexadecimal."""
    return hashlib.sha256(np.ascontiguousarray(records).data).hexdigest()


def _noted_sum(path: Path) -> str | None:
    noted = path.with_suffix(".sha256")
    return noted.read_text(errors="replace").strip() if noted.is_file() else None


def _read(path: Path, label_bytes: int) -> np.ndarray:
    flat = np.fromfile(path, np.uint8)
    width = label_bytes + PIXELS
    # A truncated file fails the checksum; only complete records can be reshaped.
    return flat[: len(flat) // width * width].reshape(-1, width)


def from_publisher(path: Path, splits: tuple[str, ...], label_bytes: int) -> Splits:
    """Records from the publisher's ``.tar.gz`` or from a folder into which it was unpacked.

    A split's files are those whose names begin with it, or with ``data`` for the training split of CIFAR-10,
    in the order of their names.
    """
    contents: dict[str, bytes] = {}
    try:
        if path.is_dir():
            contents = {file.name: file.read_bytes() for file in path.rglob("*.bin")}
        else:
            with tarfile.open(path) as archive:
                for member in archive:
                    if member.isfile() and member.name.endswith(".bin"):
                        file = archive.extractfile(member)
                        assert file is not None  # a regular file always has content
                        contents[Path(member.name).name] = file.read()
    except (OSError, tarfile.TarError, EOFError, zlib.error) as error:
        raise DataError(f"cannot read {path}: {error}") from None
    found = {}
    for split in splits:
        prefixes = (split, "data") if split == "train" else (split,)
        names = sorted(name for name in contents if name.startswith(prefixes))
        flat = np.frombuffer(bytearray().join(contents[name] for name in names), np.uint8)
        if not len(flat) or len(flat) % (label_bytes + PIXELS):
            raise DataError(
                f"{path} holds no whole {split} records; is it the binary version of the data set?"
            )
        found[split] = flat.reshape(-1, label_bytes + PIXELS)
    return found


def to_split(records: np.ndarray, label_bytes: int) -> MemorySplit:
    """Convert records to images (N, 3, 32, 32) and labels, the finest ones."""
    images = torch.from_numpy(records[:, label_bytes:].reshape(-1, 3, 32, 32))
    return MemorySplit(images, torch.from_numpy(records[:, label_bytes - 1].astype(np.int64)))
