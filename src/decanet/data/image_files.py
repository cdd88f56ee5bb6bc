"""Image files below a folder: listing them, and checking that all can be read."""

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

# Reasons for which a file is skipped, other than its ending.
HIDDEN, BROKEN_LINK, SPECIAL, NO_ENDING = "hidden", "broken link", "pipe or device", "no ending"
RUN = "run of decanet"  # its figures are not images of a class
RUN_FILES = {"recipe.toml", "data.json"}


@dataclass(frozen=True)
class ListedImages:
    """The images below a folder, and the number of other files.

    Attributes:
        paths: of the images, sorted.
        skipped: number of files left out, by their ending (``".txt"``) or the reason (``"hidden"``).
    """

    paths: tuple[Path, ...]
    skipped: Counter[str] = field(default_factory=Counter)


def list_images(folder: Path) -> ListedImages:
    """List the images below ``folder``: files with an ending of ``image_endings`` that are not hidden.

    Links to folders are followed. A folder that is reached in two ways counts once; a link to a folder above is not
    followed.

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
    """List the images below a folder that must contain some.

    Raises:
        DataError: it contains none, or a folder cannot be read.
    """
    listed = list_images(folder)
    if not listed.paths:
        found = skipped_in_words(listed.skipped) or "it is empty"
        raise DataError(
            f"{folder} holds no images ({found}); give JPEG, PNG or other files that Pillow reads"
        )
    return listed


def skipped_in_words(skipped: Counter[str], most: int = 6) -> str:
    """Return a line such as "skipped 3 files that are no images: .txt 2, .json 1", or "" if nothing was skipped."""
    total = skipped.total()
    if not total:
        return ""
    kinds = sorted(skipped.items(), key=lambda item: (-item[1], item[0]))
    parts = [f"{kind} {count}" for kind, count in kinds[:most]]
    if rest := kinds[most:]:
        parts.append(f"others {sum(count for _, count in rest)}")
    return f"skipped {total} file{'s that are no images' if total > 1 else ' that is no image'}: {', '.join(parts)}"


def is_of_a_system(name: str) -> bool:
    """Whether a file or folder of this name belongs to the system: hidden files, trash, thumbnails."""
    return name.startswith(".") or name.casefold() in SYSTEM_FOLDERS


def _against(path: Path) -> str | None:
    """The reason why a file is not an image, or None."""
    if is_of_a_system(path.name):  # as macOS's ._NAME.jpg beside NAME.jpg on foreign disks
        return HIDDEN
    if path.is_symlink() and not path.exists():
        return BROKEN_LINK
    ending = path.suffix.lower()
    if ending not in image_endings():
        return RUN if path.is_dir() else ending or NO_ENDING
    return None if path.is_file() else RUN if path.is_dir() else SPECIAL


def _entries(folder: Path) -> Iterator[Path]:
    """Iterate over all files below ``folder``; folders of the system and of runs are one entry each."""
    seen = {_identity(above) for above in folder.resolve().parents}

    def refuse(error: OSError) -> None:
        raise DataError(f"cannot read the folder {error.filename}: {error.strerror}; check its permissions")

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
        # Real folders come first: they keep their own names if a link leads to them too.
        folders[:] = sorted(
            (name for name in folders if not is_of_a_system(name)),
            key=lambda name: ((here / name).is_symlink(), name),
        )


def _identity(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino


MOST_NAMED = 10  # unreadable images that a message names
AT_ONCE = 4096  # images submitted to the threads at a time
READABLE = "readable-images"  # a file of the cache: hashes of readable images
DIGEST_BYTES = 16


def check_images(hashes: Mapping[Path, str], cache: Path, report: Report) -> None:
    """Decode all images once before a training, which would otherwise fail at the first unreadable one.

    The hashes of readable images are stored in ``cache``, so that the next check decodes only new ones. JPEGs are
    decoded at an eighth of their size.

    Args:
        hashes: the images, and the SHA-256 of each in hexadecimal.
        cache: folder of the list of readable images.
        report: gets the progress.

    Raises:
        DataError: images cannot be read; it names the first ``MOST_NAMED``.
    """
    readable = _readable(cache)
    new = {path: digest for path in hashes if (digest := _digest(hashes[path])) not in readable}

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
    # If the cache cannot be written, the next check takes as long as this one.
    if new:
        with contextlib.suppress(DecanetError), atomic_path(cache / READABLE) as temporary:
            temporary.write_bytes(b"".join(sorted(readable | set(new.values()))))
    refuse_unreadable(errors, len(hashes))


def refuse_unreadable(errors: Sequence[DataError], total: int) -> None:
    """Raise one DataError for all ``errors`` of reading ``total`` images; do nothing if there are none."""
    if len(errors) == 1:
        raise errors[0]
    if errors:
        named = [str(error) for error in errors[:MOST_NAMED]]
        if rest := len(errors) - len(named):
            named.append(f"and {rest} more")
        raise DataError(
            f"{len(errors)} of {total} images cannot be read; repair or remove them: {'; '.join(named)}"
        )


def _digest(sha256: str) -> bytes:
    return bytes.fromhex(sha256)[:DIGEST_BYTES]


def _readable(cache: Path) -> set[bytes]:
    try:
        digests = (cache / READABLE).read_bytes()
    except OSError:
        return set()
    return {digests[start : start + DIGEST_BYTES] for start in range(0, len(digests), DIGEST_BYTES)}
