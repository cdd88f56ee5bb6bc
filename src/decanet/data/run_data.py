"""The data of a run: the name, the classes and the files it was trained on, and how a folder differs from them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from decanet.core.errors import CheckpointError
from decanet.data._folder_layout import Layout
from decanet.data._folder_split import Parts

NAMED_FILES = 3  # how many changed files a message names


def stored_classes(about: Any, where: Path) -> tuple[str, ...]:
    """Return the names of the classes in a run's data.json. Raises CheckpointError if there are none."""
    classes = about.get("classes") if isinstance(about, dict) else None
    if not isinstance(classes, list) or not classes or not all(isinstance(name, str) for name in classes):
        raise CheckpointError(f"{where} is damaged (it names no classes); train again")
    return tuple(classes)


@dataclass(frozen=True)
class RunData:
    """The data that a run was trained on.

    Attributes:
        name: the registered name, or the folder's path.
        classes: names of the classes in the order of the labels.
        files: for a folder, the files of each split: their paths below the folder, with the SHA-256 of each.
    """

    name: str
    classes: tuple[str, ...]
    files: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of(cls, about: Any, where: Path) -> "RunData":
        """Parse the contents of a run's data.json. Raises CheckpointError if they are damaged."""
        classes = stored_classes(about, where)
        match about:
            case {"name": str(name), "files": dict(files)} if all(map(_is_part, files.values())):
                return cls(name, classes, files)
        raise CheckpointError(f"{where} is damaged (no data or split in it); train again")

    def trained_on(self) -> set[str]:
        """Hashes of the files of all splits except the test split."""
        return {digest for part, files in self.files.items() if part != "test" for digest in files.values()}


def _is_part(files: Any) -> bool:
    """Whether a part of a stored split is valid: paths below the folder, and their hashes."""
    return isinstance(files, dict) and all(
        isinstance(digest, str) and len(Path(path).parts) > 1 for path, digest in files.items()
    )


@dataclass(frozen=True)
class Changes:
    """Differences between a folder and the stored split of a run, as paths below the folder."""

    missing: tuple[str, ...]
    changed: tuple[str, ...]
    moved: tuple[str, ...]
    new: tuple[str, ...]
    renamed: tuple[str, ...] = ()  # folders outside the run's classes that hold its missing images

    def __str__(self) -> str:
        kinds = {
            "missing": self.missing,
            "changed": self.changed,
            "renamed or moved": self.moved,
            "new": self.new,
        }
        return "; ".join(f"{len(paths)} {kind} ({_some(paths)})" for kind, paths in kinds.items() if paths)


def _some(paths: Iterable[str]) -> str:
    paths = list(paths)
    return ", ".join([*paths[:NAMED_FILES], "..."] if len(paths) > NAMED_FILES else paths)


def follow(stored: RunData, layout: Layout, hashes: Mapping[Path, str]) -> tuple[Parts, Changes]:
    """Find the files of the stored split in the folder, by class and content rather than by path."""
    here = {path.relative_to(layout.folder).as_posix(): (path, name) for path, name in layout.images()}
    classes = list(stored.classes)
    above = [Path(path).parts[:-1] for path in stored.files.get("train", ())]
    # CLASS/..., train/CLASS/... or train/train/CLASS/...: each class has training images.
    depth = next(
        (at for at in range(3) if {of_one[at] for of_one in above if at < len(of_one)} == set(classes)), 0
    )

    def own_class(path: str) -> str:
        return Path(path).parts[depth]

    def is_kept(path: str, digest: str) -> bool:
        return path in here and here[path][1] == own_class(path) and digest == hashes[here[path][0]]

    claimed = {
        path for files in stored.files.values() for path, digest in files.items() if is_kept(path, digest)
    }
    free: dict[tuple[str, str], list[str]] = {}
    for path in sorted(set(here) - claimed, reverse=True):
        found, name = here[path]
        free.setdefault((name, hashes[found]), []).append(path)

    parts: dict[str, list[tuple[Path, int]]] = {part: [] for part in stored.files}
    missing: list[str] = []
    changed: list[str] = []
    moved: list[str] = []
    for part, files in stored.files.items():
        for path, digest in files.items():
            now = path
            if path not in claimed:
                if candidates := free.get((own_class(path), digest)):
                    now = candidates.pop()
                    moved.append(path)
                else:
                    (changed if path in here else missing).append(path)
                    continue
            parts[part].append((here[now][0], classes.index(own_class(path))))
    new = sorted({path for paths in free.values() for path in paths} - set(changed))
    lost = {files[path] for files in stored.files.values() for path in missing if path in files}
    renamed = sorted({name for name, digest in free if name not in classes and digest in lost})
    return {part: tuple(listed) for part, listed in parts.items()}, Changes(
        tuple(missing), tuple(changed), tuple(moved), tuple(new), tuple(renamed)
    )
