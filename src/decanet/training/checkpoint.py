"""The state of an unfinished training, kept so that it can go on as if nothing had happened.

It is a torch file of tensors, numbers and strings only, so that reading it can run no code, behind one line with its
SHA-256, so that a damaged one is never used.
"""

import hashlib
from pathlib import Path
from typing import Any

import torch

from decanet.core.errors import CheckpointError, shortage
from decanet.core.results import atomic_path

HEAD = b"decanet state, sha256 "
HEAD_BYTES = len(HEAD) + 65  # with 64 hexadecimal digits and the line's end


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write the state of an unfinished training."""
    with atomic_path(path) as temporary, temporary.open("w+b") as file:
        file.seek(HEAD_BYTES)
        torch.save(state, file)
        file.seek(HEAD_BYTES)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        file.write(HEAD + digest.encode() + b"\n")


def load_state(path: Path) -> dict[str, Any]:
    """Read what :func:`save_state` wrote. Raises CheckpointError when there is none or it is damaged."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if head != HEAD + digest.encode() + b"\n":
                raise CheckpointError(f"{path} is damaged: its SHA-256 differs; train again")
            file.seek(HEAD_BYTES)
            return torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} has no saved state") from None
    except CheckpointError:
        raise
    except Exception as error:  # torch.load raises many kinds
        raise shortage(error) or CheckpointError(
            f"{path} cannot be read ({type(error).__name__}); train again"
        ) from None
