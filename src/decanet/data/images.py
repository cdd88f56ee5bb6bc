"""Which files below a folder are images: one listing for training, prediction and evaluation."""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from decanet.convolution.pictures import image_endings
from decanet.core.errors import DataError

# How a skipped file is counted where its ending is not what speaks against it.
HIDDEN, BROKEN_LINK, SPECIAL, NO_ENDING = "hidden", "broken link", "pipe or device", "no ending"


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


def _against(path: Path) -> str | None:
    """Why a file is no image, or None."""
    if path.name.startswith("."):  # as macOS's ._NAME.jpg beside NAME.jpg on foreign disks
        return HIDDEN
    if path.is_symlink() and not path.exists():
        return BROKEN_LINK
    ending = path.suffix.lower()
    if ending not in image_endings():
        return ending or NO_ENDING
    return None if path.is_file() else SPECIAL


def _entries(folder: Path) -> Iterator[Path]:
    """All files below ``folder``, and hidden folders as one entry each."""
    seen = {_identity(above) for above in folder.resolve().parents}

    def refuse(error: OSError) -> None:
        raise DataError(f"cannot read the folder {error.filename}: {error.strerror}; mend its permissions")

    for root, folders, files in os.walk(folder, onerror=refuse, followlinks=True):
        here = Path(root)
        if (identity := _identity(here)) in seen:
            folders.clear()
            continue
        seen.add(identity)
        yield from (here / name for name in files)
        yield from (here / name for name in folders if name.startswith("."))
        # Real folders come first: they keep their own names where a link leads to them too.
        folders[:] = sorted(
            (name for name in folders if not name.startswith(".")),
            key=lambda name: ((here / name).is_symlink(), name),
        )


def _identity(folder: Path) -> tuple[int, int]:
    about = folder.stat()
    return about.st_dev, about.st_ino
