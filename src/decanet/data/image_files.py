"""Which files below a folder are images, and whether all of them can be read: for training, prediction, evaluation."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from decanet.core.errors import DataError, DecanetError
from decanet.core.files import atomic_path
from decanet.core.processor import usable_cores
from decanet.core.progress import Report
from decanet.data.image_io import image_endings, open_rgb

SYSTEM_FOLDERS = {
    "__macosx", "__pycache__", "@eadir", "#recycle", "$recycle.bin", "system volume information", "lost+found",
}  # fmt: skip

# How a skipped file is counted where its ending is not what speaks against it.
HIDDEN, BROKEN_LINK, SPECIAL, NO_ENDING = "hidden", "broken link", "pipe or device", "no ending"
RUN = "run of decanet"  # its figures are no images of a class
RUN_FILES = {"recipe.toml", "data.json"}


@dataclass(frozen=True)
class ListedImages:
    """The images below a folder, and how many other files were left out.

    Attributes:
        paths: of the images, sorted.
        skipped: number of files left out, by their ending (``".txt"``) or by the reason (``"hidden"``). Counters of
            several folders can be added.
    """

    paths: tuple[Path, ...]
    skipped: Counter[str] = field(default_factory=Counter)


def list_images(folder: Path) -> ListedImages:
    """List the images below ``folder``: what ends as a format of ``image_formats`` and is not hidden.

    Links to folders are followed; a folder that is reached in two ways counts once, and a link back to a folder above
    is not followed.

    Raises:
        DataError: a folder cannot be read.
    """
    paths: list[Path] = []
    skipped: Counter[str] = Counter()
    for path in _entries(folder):
        if (reason := _against(path)) is None:
            paths.append(path)
        else:
            skipped[reason] += 1
    return ListedImages(tuple(sorted(paths)), skipped)


def images_below(folder: Path) -> ListedImages:
    """:func:`list_images` of a folder that must hold some.

    Raises:
        DataError: it holds none, or a folder cannot be read.
    """
    listed = list_images(folder)
    if not listed.paths:
        found = skipped_in_words(listed.skipped) or "it is empty"
        raise DataError(
            f"{folder} holds no images ({found}); give JPEG, PNG or other files that Pillow reads"
        )
    return listed


def skipped_in_words(skipped: Counter[str], most: int = 6) -> str:
    """A line such as "skipped 3 files that are no images: .txt 2, .json 1"; empty when nothing was skipped."""
    total = skipped.total()
    if not total:
        return ""
    kinds = sorted(skipped.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{kind} {count}" for kind, count in kinds[:most]]
    if rest := kinds[most:]:
        parts.append(f"others {sum(count for _, count in rest)}")
    return f"skipped {total} file{'s that are no images' if total > 1 else ' that is no image'}: {', '.join(parts)}"


def is_of_a_system(name: str) -> bool:
    """Whether a file or folder of this name is no one's own: hidden, a trash, or thumbnails that a system keeps."""
    return name.startswith(".") or name.casefold() in SYSTEM_FOLDERS


def _against(path: Path) -> str | None:
    """Why a file is no image, or None."""
    if is_of_a_system(path.name):  # as macOS's ._NAME.jpg beside NAME.jpg on foreign disks
        return HIDDEN
    if path.is_symlink() and not path.exists():
        return BROKEN_LINK
    ending = path.suffix.lower()
    if ending not in image_endings():
        return RUN if path.is_dir() else ending or NO_ENDING
    return None if path.is_file() else RUN if path.is_dir() else SPECIAL


def _entries(folder: Path) -> Iterator[Path]:
    """All files below ``folder``, and folders of systems and of runs as one entry each."""
    seen = {_identity(above) for above in folder.resolve().parents}

    def refuse(error: OSError) -> None:
        raise DataError(f"cannot read the folder {error.filename}: {error.strerror}; mend its permissions")

    for root, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        here = Path(root)
        if (identity := _identity(here)) in seen:
            folders.clear()
            continue
        seen.add(identity)
        if RUN_FILES.issubset(files):
            yield here
            folders.clear()
            continue
        yield from (here / name for name in files)
        yield from (here / name for name in folders if is_of_a_system(name))
        # Real folders come first: they keep their own names where a link leads to them too.
        folders[:] = sorted(
            (name for name in folders if not is_of_a_system(name)),
            key=lambda name: ((here / name).is_symlink(), name),
        )


def _identity(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino


MOST_NAMED = 10  # unreadable images that a message names
AT_ONCE = 4096  # images that wait for the threads
REMEMBERED = "readable-images"  # a file of the cache: digests of contents, one after the other
DIGEST_BYTES = 16


def check_images(hashes: Mapping[Path, str], cache: Path, report: Report) -> None:
    """Decode images once, before a training that would meet the unreadable ones in its middle.

    Contents that were read are remembered below ``cache``: the next check decodes only those that are new. JPEGs are
    decoded at an eighth of their size.

    Args:
        hashes: the images, and the SHA-256 of each in hexadecimal.

    Raises:
        DataError: some cannot be read; it names the first ``MOST_NAMED``.
    """
    remembered = _remembered(cache)
    new = {path: digest for path in hashes if (digest := _digest(hashes[path])) not in remembered}

    def read(path: Path) -> DataError | None:
        try:
            open_rgb(path, 1)
        except DataError as error:
            return error
        return None

    errors: list[DataError] = []
    paths = list(new)
    # Pillow decodes outside Python's lock, so threads are enough.
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(paths), AT_ONCE):
            part = paths[start : start + AT_ONCE]
            for done, (path, error) in enumerate(zip(part, pool.map(read, part), strict=True), start + 1):
                if error is not None:
                    errors.append(error)
                    del new[path]
                report.progress("checking that all images can be read", done, len(paths), "images")
    # A cache that cannot be written costs the next check its time, and no more.
    if new:
        with contextlib.suppress(DecanetError), atomic_path(cache / REMEMBERED) as temporary:
            temporary.write_bytes(b"".join(sorted(remembered | set(new.values()))))
    refuse_unreadable(errors, len(hashes))


def refuse_unreadable(errors: Sequence[DataError], total: int) -> None:
    """Raise one DataError for the ``errors`` that reading ``total`` images met; do nothing where there are none."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        named = [str(error) for error in errors[:MOST_NAMED]]
        if rest := len(errors) - len(named):
            named.append(f"and {rest} more")
        raise DataError(
            f"{len(errors)} of {total} images cannot be read, mend or remove them: {'; '.join(named)}"
        )


def _digest(sha256: str) -> bytes:
    return bytes.fromhex(sha256)[:DIGEST_BYTES]


def _remembered(cache: Path) -> set[bytes]:
    try:
        digests = (cache / REMEMBERED).read_bytes()
    except OSError:
        return set()
    return {digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)}
