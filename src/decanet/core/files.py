"""Files that appear whole or not at all: a crash, a full disk or Ctrl-C never leaves half of one."""

import contextlib
import json
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from decanet.core.errors import DecanetError, UsageError, shortage
from decanet.core.printable import printable_json

PART = ".part"  # suffix of a file that is being written; a killed process leaves it behind


@contextlib.contextmanager
def atomic_path(path: Path | str) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; it replaces ``path`` on success and is removed on failure.

    Raises:
        UsageError: the folder cannot be written to.
        ResourceError: the disk is full, or the system met another limit.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=PART)
    except OSError as error:
        raise shortage(error, f"writing {path}") or UsageError(
            f"cannot write {path}: {error.strerror}; choose another place"
        ) from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        os.chmod(temporary, 0o666 & ~umask())
        os.replace(temporary, path)
    except DecanetError:
        raise
    except Exception as error:
        if isinstance(error, IsADirectoryError):
            raise UsageError(f"cannot write {path}: it is a folder; give a file name") from error
        lack = shortage(error, f"writing {path}")
        if lack is None:
            raise
        raise lack from error
    finally:
        temporary.unlink(missing_ok=True)


def umask() -> int:
    """Return the permissions that new files of this process do not get."""
    current = os.umask(0)
    os.umask(current)
    return current


def write_text(path: Path | str, text: str) -> Path:
    """Write a text file, whole or not at all. Bytes of file names that are not UTF-8 are written unchanged."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="surrogateescape")
    return Path(path)


def to_json(value: Any) -> str:
    """Return ``value`` as indented JSON. Raises ValueError for NaN and infinity, which JSON does not have."""
    return printable_json(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)) + "\n"


def write_json(path: Path | str, value: Any) -> Path:
    """Write ``value`` as JSON (:func:`to_json`), whole or not at all."""
    return write_text(path, to_json(value))
