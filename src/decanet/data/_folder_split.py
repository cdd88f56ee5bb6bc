"""Training and test split of a folder, divided once and recorded with the hashes of the files.

A run stores the SHA-256 of every file. Large files are hashed as a whole too: a training decodes a folder many times
and hashes it once, and the hash of a part would miss an image that was edited in place.
"""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from decanet.core.errors import DataError
from decanet.core.processor import usable_cores
from decanet.core.progress import Report
from decanet.core.runtime import generator
from decanet.data._folder_layout import ClassImages, Layout, class_names, plural, role_of
from decanet.data.image_files import list_images, skipped_in_words
from decanet.data.loaders.folder import Samples

Parts = dict[str, Samples]  # "train", "test" and perhaps "validation"


def hash_files(paths: Sequence[Path], report: Report) -> dict[Path, str]:
    """SHA-256 of each file's bytes, in hexadecimal. Raises DataError naming a file that cannot be read."""

    def read(path: Path) -> str:
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            raise DataError(f"cannot read {path}: {error.strerror}") from None

    hashes: dict[Path, str] = {}
    # Files are read and hashed outside Python's lock, so threads are enough.
    with ThreadPoolExecutor(usable_cores()) as pool:
        for start in range(0, len(paths), 1000):  # a million tasks at once would fill the memory
            part = paths[start : start + 1000]
            hashes.update(zip(part, pool.map(read, part), strict=True))
            if len(paths) > len(part):
                report.progress("comparing files", len(hashes), len(paths), "files")
    return hashes


def label(part: ClassImages, classes: Sequence[str]) -> Samples:
    """The images of a part with their labels, the indices of their classes in ``classes``."""
    return tuple((path, classes.index(name)) for name, paths in part.items() for path in paths)


def training_classes(layout: Layout) -> tuple[str, ...]:
    """Return the classes of a folder to train on, in the order of their labels.

    Raises:
        DataError: no training images, fewer than two classes, or a class without training images.
    """
    if "all" not in layout.parts and "train" not in layout.parts:
        given = ", ".join(f"{name}/" for name in layout.names.values())
        raise DataError(f"{layout.folder} holds {given} but no train/: add DIR/train/CLASS/image.jpg")
    for path in layout.empty:
        found = skipped_in_words(list_images(path).skipped) or "it is empty"
        raise DataError(
            f"{path} holds no images ({found}); put JPEG, PNG or other images into it, or remove it"
        )
    origin = "all" if "all" in layout.parts else "train"
    classes = tuple(layout.parts[origin])
    if len(classes) < 2:
        found = f"only {classes[0]!r}" if classes else "none"
        raise DataError(
            f"{layout.where(origin)} needs a folder for each of at least two classes, it has {found}{_inside(layout)}"
        )
    for role, part in layout.parts.items():
        if strange := sorted(set(part) - set(classes)):
            raise DataError(
                f"{layout.where(role)} has classes that {layout.where(origin)} has not: {', '.join(strange)}"
            )
    return classes


def divide(
    layout: Layout, classes: Sequence[str], hashes: Mapping[Path, str], seed: int, report: Report
) -> Parts:
    """Return the images of each split: the folder's own, or every fifth image of each class for the test split.

    No image is in two splits: identical files go to the same split, and those that several splits of the folder contain
    are left out of the test (or validation) split. If the folder has ``train`` and ``val`` only, the second is the test
    split.

    Raises:
        DataError: a class with too few images to divide, or a split that repeats another.
    """
    train = label(layout.parts["all" if "all" in layout.parts else "train"], classes)
    labels: dict[str, set[int]] = {}
    for path, number in train:
        labels.setdefault(hashes[path], set()).add(number)
    if torn := sum(len(of_one) > 1 for of_one in labels.values()):
        report.note(f"{plural(torn, 'image')} in more than one class: identical files with different labels")
    held = {role: layout.parts[role] for role in ("validation", "test") if role in layout.parts}
    if not held:
        train, test = stratified_split(train, len(classes), seed, hashes)
        copies = len(train) + len(test) - len({hashes[path] for path, _ in train + test})
        report.note(
            f"split: {len(train)} images to train, {len(test)} to test, every fifth of each class (seed {seed})"
            + (f"; {copies} duplicates are in the split of their originals" if copies else "")
        )
        return {"train": train, "test": test}
    if "test" not in held:
        held = {"test": held["validation"]}
        report.note(
            f"split: as the folder gives it; {layout.names['validation']}/ is tested, for there is no test/"
        )
    elif "validation" in held:
        report.note(
            f"split: as the folder gives it; {layout.names['validation']}/ validates where the recipe sets validation, "
            "and is not used otherwise"
        )
    else:
        report.note("split: as the folder gives it")
    parts = {"train": train}
    seen = {hashes[path] for path, _ in train}
    for role, part in held.items():
        listed = label(part, classes)
        parts[role] = tuple(item for item in listed if hashes[item[0]] not in seen)
        if copies := len(listed) - len(parts[role]):
            report.note(
                f"{copies} of {len(listed)} {role} images are also in another split: left out of this one"
            )
        if not parts[role]:
            raise DataError(
                f"every {role} image of {layout.folder} is also in another split: nothing is left"
            )
        seen |= {hashes[path] for path, _ in listed}
    return parts


def _inside(layout: Layout) -> str:
    """A hint if the folder above the right one was given."""
    place = layout.folder
    while len(inner := class_names(place)) == 1:
        place /= inner[0]
        deeper = class_names(place)
        if len(deeper) > 1 or any(role_of(name) for name in deeper):
            return f"; did you mean {shlex.quote(str(place))}?"
    return ""


def stratified_split(
    listed: Samples, classes: int, seed: int, hashes: Mapping[Path, str] | None = None
) -> tuple[Samples, Samples]:
    """Divide images into a training split and a test split of every fifth image of each class, in a seeded order.

    Each split gets at least one image of each class. Files with the same hash count as one image and stay together.
    """
    alike = [hashes[path] if hashes else str(path) for path, _ in listed]
    first = {key: index for index, key in reversed(list(enumerate(alike)))}
    originals = [index for index in torch.randperm(len(listed), generator=generator(seed, "folder split")).tolist()
                 if first[alike[index]] == index]  # fmt: skip
    members: list[list[int]] = [[] for _ in range(classes)]
    for index in originals:
        members[listed[index][1]].append(index)
    if few := [number for number, of_one in enumerate(members) if len(of_one) < 2]:
        where = next(path for path, number in listed if number == few[0]).parent
        which = f"{where} holds" if len(few) == 1 else f"{len(few)} classes hold"
        example = "" if len(few) == 1 else f", for instance {where}"
        raise DataError(
            f"{which} one image only{example} (copies of an image count once): "
            "add images, or remove the folder; training and testing need two"
        )
    held = {alike[index] for of_one in members for index in of_one[::5]}
    train = tuple(item for item, key in zip(listed, alike, strict=True) if key not in held)
    return train, tuple(item for item, key in zip(listed, alike, strict=True) if key in held)
