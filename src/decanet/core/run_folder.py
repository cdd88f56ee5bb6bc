"""The run folder: the files of one training, its lock and its log."""

import contextlib
import json
import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from decanet.core.errors import BusyError, CheckpointError, UsageError
from decanet.core.files import PART, umask


@dataclass(frozen=True)
class RunFolder:
    """The files of one run; a run is a folder, and every file in it is whole or absent."""

    path: Path

    @property
    def recipe(self) -> Path:
        """The resolved recipe, TOML."""
        return self.path / "recipe.toml"

    @property
    def data(self) -> Path:
        """Classes, normalization and split of the data, JSON."""
        return self.path / "data.json"

    @property
    def metrics(self) -> Path:
        """One JSON object a line: what the log showed."""
        return self.path / "metrics.jsonl"

    @property
    def result(self) -> Path:
        """What a finished run reached, JSON."""
        return self.path / "result.json"

    @property
    def weights(self) -> Path:
        """The weights to judge the network by, safetensors."""
        return self.path / "model.safetensors"

    @property
    def state(self) -> Path:
        """What an unfinished training needs to go on."""
        return self.path / "state.pt"

    @property
    def figures(self) -> Path:
        """Folder of the images."""
        return self.path / "figures"

    @property
    def lock(self) -> Path:
        """Locked while a process trains here; it stays when the run is finished."""
        return self.path / ".lock"

    def require_files(self) -> None:
        """Raises CheckpointError where a folder, or a pipe or device without an end, stands for a file of the run."""
        for path in (self.recipe, self.data, self.metrics, self.result, self.weights, self.state, self.lock):
            if path.exists() and not path.is_file():
                raise CheckpointError(f"{path} is not a file; remove it, or take another run")

    def read_json(self, path: Path) -> Any:
        """One of the run's JSON files. Raises CheckpointError when it is missing or damaged."""
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise CheckpointError(
                f"{self.path} has no {path.name}: it is not a run, or not a finished one"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise CheckpointError(f"{path} is damaged ({error}); train again") from None

    def read_metrics(self) -> list[dict[str, Any]]:
        """All log entries; an unfinished last line is left out, as is any other that is none."""
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
        """Yield a new folder for the figures; on success it becomes ``figures``, on failure nothing remains."""
        folder = Path(tempfile.mkdtemp(dir=self.path, prefix=f".{self.figures.name}.", suffix=PART))
        try:
            yield folder
            os.chmod(folder, 0o777 & ~umask())
            os.replace(folder, self.figures)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Keep the run for this process. Raises BusyError when another one trains in it."""
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
        """What a killed process had not written whole."""
        files = (self.recipe, self.data, self.metrics, self.result, self.weights, self.state, self.figures)
        for name in (file.name for file in files):
            for part in self.path.glob(f".{name}.*{PART}"):
                if part.is_dir():
                    shutil.rmtree(part, ignore_errors=True)
                else:
                    part.unlink(missing_ok=True)


def _is_entry(entry: Any) -> bool:
    """Whether what stands in a line of the log is one: of some steps, or of a validation."""
    return (
        isinstance(entry, dict)
        and (
            entry.keys() >= {"step", "epoch", "loss", "accuracy"}
            or entry.keys() >= {"epoch", "validation_error"}
        )
        and all(isinstance(value, int | float) and math.isfinite(value) for value in entry.values())
    )


def _lock(file: Any) -> None:
    """Take an exclusive lock that the system drops when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
    else:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
