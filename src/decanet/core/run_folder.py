"""The run folder: the files of one training, its lock and its log."""

import contextlib
import json
import math
import os
import shutil
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decanet.core._recipe_bounds import NAME
from decanet.core.errors import BusyError, CheckpointError, UsageError
from decanet.core.files import PART, umask
from decanet.core.printable import decanet_line

RUN_FORMAT = 1  # goes up with every change of names or contents that an older decanet's runs do not have


@dataclass(frozen=True)
class RunFolder:
    """The files of one run; a run is a folder, and every file in it is whole or absent.

    ``data.json`` is the first file of a run and holds ``format``, as does ``result.json``, the last one. A run of
    another format than :data:`RUN_FORMAT` is refused wherever it is opened (:meth:`require_run`).
    """

    path: Path

    @property
    def recipe(self) -> Path:
        """Resolved recipe, TOML."""
        return self.path / "recipe.toml"

    @property
    def data(self) -> Path:
        """Format of the run; classes, normalization and split of its data, JSON."""
        return self.path / "data.json"

    @property
    def metrics(self) -> Path:
        """Training log, one JSON object a line."""
        return self.path / "metrics.jsonl"

    @property
    def result(self) -> Path:
        """Result of a finished run, JSON."""
        return self.path / "result.json"

    @property
    def weights(self) -> Path:
        """Weights that are evaluated, safetensors."""
        return self.path / "model.safetensors"

    @property
    def checkpoint(self) -> Path:
        """Checkpoint of an unfinished training, from which it resumes."""
        return self.path / "checkpoint.pt"

    @property
    def figures(self) -> Path:
        """Folder of the figures."""
        return self.path / "figures"

    @property
    def lock(self) -> Path:
        """File that a process locks while it trains here; it stays when the run is finished."""
        return self.path / ".lock"

    @property
    def _files(self) -> tuple[Path, ...]:
        return self.recipe, self.data, self.metrics, self.result, self.weights, self.checkpoint

    def require_files(self) -> None:
        """Raise CheckpointError when a file of the run is a folder, a pipe or a device, which may never end."""
        for path in (*self._files, self.lock):
            if path.exists() and not path.is_file():
                raise CheckpointError(f"{path} is not a file; remove it, or take another run")

    def require_run(self) -> None:
        """Raise CheckpointError when the folder holds no run, or one of another format."""
        self.require_files()
        if not self.recipe.exists():
            inside = sorted(recipe.parent for recipe in self.path.glob(f"*/{self.recipe.name}"))
            instead = f"the last run in it is {inside[-1]}" if inside else "decanet train makes one"
            raise CheckpointError(f"{self.path} is not a run: it has no {self.recipe.name}; {instead}")
        about = self.read_json(self.data)
        if not isinstance(about, dict):
            raise CheckpointError(f"{self.data} is damaged (it holds no table); train again")
        found = about.get("format")
        if found != RUN_FORMAT:
            what = "an older format" if found is None else f"format {found!r}"
            raise CheckpointError(
                f"{self.path} is a run of {what}, and this version of decanet reads format {RUN_FORMAT} "
                f"({self.data.name}); train again: {decanet_line('train', self._recipe_name())}"
            )

    def _recipe_name(self) -> str:
        """Name of the recipe, whose other keys may be those of another version."""
        with contextlib.suppress(OSError, ValueError, RecursionError):
            name = tomllib.loads(self.recipe.read_text(encoding="utf-8")).get("name")
            if isinstance(name, str) and NAME.fullmatch(name):
                return name
        return "RECIPE"

    def read_json(self, path: Path) -> Any:
        """Read one of the run's JSON files. Raises CheckpointError when it is missing or damaged."""
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(
                f"{self.path} has no {path.name}: it is not a run, or not a finished one"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{path} is damaged ({error}); train again") from None

    def read_metrics(self) -> list[dict[str, Any]]:
        """Return all log entries, without an unfinished last line and lines that are no entries."""
        if not self.metrics.exists():
            return []
        entries = []
        for line in self.metrics.read_text(encoding="utf-8", errors="replace").splitlines():
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if _is_entry(entry):
                entries.append(entry)
        return entries

    @contextlib.contextmanager
    def drawing(self) -> Iterator[Path]:
        """Yield a new folder; it becomes ``figures`` on success and is removed on failure."""
        folder = Path(tempfile.mkdtemp(dir=self.path, prefix=f".{self.figures.name}.", suffix=PART))
        try:
            yield folder
            os.chmod(folder, 0o777 & ~umask())
            os.replace(folder, self.figures)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Lock the run for this process. Raises BusyError when another process trains in it."""
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            file = self.lock.open("w")
        except OSError as error:
            raise UsageError(
                f"cannot write to {self.path}: {error.strerror}; choose another --out"
            ) from error
        with file:
            try:
                _lock(file)
            except OSError:
                raise BusyError(f"another process is training in {self.path}; choose another --out") from None
            self._remove_parts()
            yield

    def _remove_parts(self) -> None:
        """Remove files that a killed process had not finished writing."""
        for path in (*self._files, self.figures):
            for part in self.path.glob(f".{path.name}.*{PART}"):
                if part.is_dir():
                    shutil.rmtree(part, ignore_errors=True)
                else:
                    part.unlink(missing_ok=True)


def _is_entry(entry: Any) -> bool:
    """Return whether a line of the log is an entry: of some steps, or of a validation."""
    return (
        isinstance(entry, dict)
        and (
            entry.keys() >= {"step", "epoch", "loss", "accuracy"}
            or entry.keys() >= {"epoch", "validation_error"}
        )
        and all(isinstance(value, int | float) and math.isfinite(value) for value in entry.values())
    )


def _lock(file: Any) -> None:
    """Take an exclusive lock, which the system releases when the process ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
