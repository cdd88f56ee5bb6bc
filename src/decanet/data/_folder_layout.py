"""Layout of a folder of images: classes, or splits of classes. An ambiguous layout is refused.

Known layouts, where ``CLASS`` is a folder of images at any depth:

- ``DIR/CLASS``: the folder has no splits.
- ``DIR/train/CLASS``, with ``DIR/test/CLASS``, ``DIR/val/CLASS`` or both, under any of the usual names (``NAMES``).

A prefix or suffix that the names of all splits have in common is ignored (``seg_train``, ``seg_test``). A split's
folder may be inside another one of the same name (``train/train/CLASS``), as in many archives.

A class may be called ``train`` or ``test`` if the layout is clearly ``DIR/CLASS``: its images are directly in it,
beside other classes.
"""

import re
import shlex
from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from decanet.core.errors import DataError
from decanet.data.image_files import RUN, ListedImages, is_of_a_system, list_images, skipped_in_words
from decanet.data.image_io import image_endings

NAMES = {
    "train": {"train", "training", "trn", "训练", "訓練"},
    "validation": {"val", "valid", "validation", "validate", "dev", "验证", "驗證"},
    "test": {"test", "testing", "tst", "eval", "evaluation", "holdout", "heldout", "测试", "測試"},
}
# What may precede or follow such a name: train_set, Test images, valset, train2017.
BESIDE = ("set", "data", "dataset", "images", "imgs", "split", "集", "数据", "數據")
# Folders of these names beside splits are not classes.
UNLABELED = {"pred", "predict", "prediction", "predictions", "unlabeled", "unlabelled"}
MOST_NAMED = 12  # classes whose images are counted one by one

ClassImages = dict[str, tuple[Path, ...]]


@dataclass(frozen=True)
class Layout:
    """The classes and splits of a folder.

    Attributes:
        folder: the folder.
        parts: images by class of "all" if the folder has no splits, else of some of "train", "validation" and "test".
        names: of the folders of the splits, as they are spelled there.
        empty: class folders (of the training split, if there are splits) that hold no images.
        notes: lines on the layout that was recognized and on what was left out.
    """

    folder: Path
    parts: dict[str, ClassImages]
    names: dict[str, str]
    empty: tuple[Path, ...]
    notes: tuple[str, ...]

    def where(self, part: str) -> Path:
        """The folder that holds the class folders of ``part``."""
        return self.folder / self.names.get(part, "")

    def images(self) -> Iterator[tuple[Path, str]]:
        """Iterate over all images of all parts, with their classes."""
        for part in self.parts.values():
            for name, paths in part.items():
                yield from ((path, name) for path in paths)


def understand(folder: Path, known: Collection[str] = ()) -> Layout:
    """Recognize the layout of ``folder``; names in ``known`` are classes of a run.

    Raises:
        DataError: no folder, or an ambiguous layout.
    """
    if folder.is_file():
        raise DataError(
            f"{folder} is no folder but a file; give a folder DIR/CLASS/image.jpg (unpack an archive first)"
        )
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; --data takes a data set's name or a folder DIR/CLASS/image.jpg")
    listed = {name: list_images(folder / name) for name in class_names(folder)}
    runs = {name for name, of_one in listed.items() if not of_one.paths and set(of_one.skipped) == {RUN}}
    grouped = {name: _by_folder(folder / name, of_one.paths) for name, of_one in listed.items()}
    splits = _roles([name for name in listed if set(grouped[name]) - {""}])
    skipped = sum((of_one.skipped for of_one in listed.values()), Counter())
    if splits:
        parts, names, loose = _splits(folder, splits, listed, grouped)
    else:
        parts, names, loose = {"all": _classes(folder, listed, grouped, known)}, {}, []
    origin = "all" if "all" in parts else "train"
    classes_at = folder / names.get(origin, "")
    empty = (
        [name for name in class_names(classes_at) if name not in {*parts.get(origin, {}), *runs}]
        if origin in parts
        else []
    )
    if direct := _images_in(folder):
        loose.append(f"{direct} directly in {folder.name}/, in no class's folder")
    notes = [
        f"{folder.name}/{names.get(part, '')}: {in_words({name: len(paths) for name, paths in of_part.items()})}"
        for part, of_part in parts.items()
        if of_part
    ]
    notes += [f"not used: images {', '.join(loose)}"] if loose else []
    notes += _perhaps_splits(grouped) if "all" in parts else []
    notes += [words] if (words := skipped_in_words(skipped)) else []
    return Layout(folder, parts, names, tuple(classes_at / name for name in empty), tuple(notes))


def class_names(folder: Path) -> list[str]:
    """Names of the folders in ``folder``, sorted, without those of operating systems (.git, __MACOSX, @eaDir)."""
    return sorted(path.name for path in _entries(folder) if path.is_dir() and not is_of_a_system(path.name))


def _entries(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError as error:
        raise DataError(f"cannot read the folder {folder}: {error.strerror}; check its permissions") from None


def role_of(name: str) -> str | None:
    """Return the split that a folder of this name usually holds: "train", "validation", "test" or None.

    >>> role_of("Training_Set"), role_of("val2017"), role_of("trains")
    ('train', 'validation', None)
    """
    return _role(_words(name))


def _role(words: Collection[str]) -> str | None:
    return next((role for role, names in NAMES.items() if len(words) == 1 and set(words) <= names), None)


def _words(name: str) -> set[str]:
    """The words of a name in lower case, without numbers and without the words of ``BESIDE``."""
    words = set()
    for word in re.findall(r"[^\W\d_]+", name.casefold()):
        ending = next((end for end in sorted(BESIDE, key=len, reverse=True) if word.endswith(end)), "")
        bare = word.removesuffix(ending)
        words.add(bare if not bare or _role({bare}) else word)
    return words - {""}


def _roles(names: Collection[str]) -> dict[str, str]:
    """The names that are splits, with their roles: by themselves, or without the words that all have in common."""
    roles = {name: role for name in names if (role := role_of(name))}
    if roles or len(names) < 2:
        return roles
    words = {name: _words(name) for name in names}
    shared = set.intersection(*words.values())
    roles = {name: role for name in names if (role := _role(words[name] - shared))}
    return roles if len(set(roles.values())) > 1 else {}


def _perhaps_splits(grouped: Mapping[str, ClassImages]) -> list[str]:
    """A note if all classes contain the same folders, which may then be the classes themselves."""
    full = {name: set(inner) for name, inner in grouped.items() if inner}
    inside = next(iter(full.values()), set())
    if len(full) < 2 or len(inside) < 2 or "" in inside or any(inner != inside for inner in full.values()):
        return []
    return [
        f"{_list(list(full))} hold the same folders ({_list(sorted(inside))}) and are taken as the classes; "
        "if they are splits or parts, arrange it as DIR/CLASS/image.jpg"
    ]


def in_words(counts: Mapping[str, int]) -> str:
    """Number of images of each class in words, or the range if there are many classes."""
    total = sum(counts.values())
    if len(counts) <= MOST_NAMED:
        each = ", ".join(f"{name} {count}" for name, count in counts.items())
        return f"{plural(total, 'image')} of {plural(len(counts), 'class', 'es')} ({each})"
    low, high = min(counts.values()), max(counts.values())
    return f"{total} images of {len(counts)} classes ({low if low == high else f'{low} to {high}'} each)"


def plural(count: int, noun: str, ending: str = "s") -> str:
    """A count with its noun: "1 image", "2 images"."""
    return f"{count} {noun}{'' if count == 1 else ending}"


def _classes(
    folder: Path,
    listed: Mapping[str, ListedImages],
    grouped: Mapping[str, ClassImages],
    known: Collection[str],
) -> ClassImages:
    """The layout DIR/CLASS."""
    full = {name: of_one.paths for name, of_one in listed.items() if of_one.paths}
    if full and all(role_of(name) and name not in known for name in full):
        raise DataError(
            f"{folder} holds images directly in {_list(full)}: as splits they need class folders "
            f"({_arranged('train')}); as classes they need other names"
        )
    inside = {name: {role_of(inner) for inner in grouped[name]} for name in full}
    torn = [name for name, roles in inside.items() if len(roles) > 1 and None not in roles]
    if torn and len(full) > 1:
        raise DataError(
            f"{folder} holds splits inside classes, in {_list(torn)}: arrange it as {_arranged('train')}"
        )
    return full


def _splits(
    folder: Path,
    splits: Mapping[str, str],
    listed: Mapping[str, ListedImages],
    grouped: Mapping[str, ClassImages],
) -> tuple[dict[str, ClassImages], dict[str, str], list[str]]:
    """The layout DIR/train/CLASS: parts, names of their folders, and images outside the class folders."""
    others = [
        name
        for name, of_one in listed.items()
        if of_one.paths and name not in splits and role_of(name) is None
    ]
    unlabeled = [name for name in others if _words(name) & UNLABELED]
    others = [name for name in others if name not in unlabeled]
    if others:
        raise DataError(
            f"{folder} holds {_list(splits)} beside {_list(others)}: classes, or splits and something else? "
            f"Arrange it as DIR/CLASS/image.jpg (a class's images directly in its folder) or {_arranged('train')}"
        )
    names: dict[str, str] = {}
    for name, role in splits.items():
        if role in names:
            raise DataError(
                f"{folder} holds both {names[role]}/ and {name}/, which mean the same: keep one of them there"
            )
        names[role] = name
    loose = [f"{len(listed[name].paths)} in {name}/, which is no labeled split" for name in unlabeled]
    for name in [name for name in listed if name not in unlabeled]:
        direct = len(grouped[name].get("", ()))
        if direct and name not in splits and role_of(name) == "train":
            raise DataError(
                f"{folder / name} holds images without class folders; arrange it as {_arranged('train')}"
            )
        loose += [f"{direct} directly in {name}/, in no class's folder"] if direct else []
    parts = {}
    for role in NAMES:
        if role in names:
            inner = {name: paths for name, paths in grouped[names[role]].items() if name}
            again = next((name for name in inner if name.casefold() == names[role].casefold()), None)
            if len(inner) == 1 and again is not None:
                names[role] += f"/{again}"
                inner = _by_folder(folder / names[role], inner[again])
                if direct := len(inner.pop("", ())):
                    loose.append(f"{direct} directly in {names[role]}/, in no class's folder")
            if inner or role == "train":
                parts[role] = inner
            else:
                del names[role]
    return parts, names, loose


def _by_folder(root: Path, paths: tuple[Path, ...]) -> ClassImages:
    """Images by the folder of ``root`` that contains them; those directly in ``root`` are under ""."""
    found: dict[str, list[Path]] = {}
    for path in paths:
        first, *rest = path.relative_to(root).parts
        found.setdefault(first if rest else "", []).append(path)
    return {name: tuple(found[name]) for name in sorted(found)}


def _images_in(folder: Path) -> int:
    return sum(
        path.suffix.lower() in image_endings() and not path.name.startswith(".") and path.is_file()
        for path in _entries(folder)
    )


def _arranged(split: str) -> str:
    return f"DIR/{split}/CLASS/image.jpg with DIR/test/CLASS/image.jpg"


def _list(names: Mapping[str, object] | list[str]) -> str:
    shown = [f"{shlex.quote(name)}/" for name in list(names)[:4]]
    return ", ".join([*shown, "..."] if len(names) > 4 else shown)
