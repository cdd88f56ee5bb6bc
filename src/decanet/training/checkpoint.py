"""Checkpoints of an unfinished training, from which it resumes bit for bit.

A checkpoint is saved at intervals, when the training is asked to stop, and when an error ends it, always with the state
between two steps. Its file holds tensors, numbers and strings only, so that reading it runs no code. Its first line has
their SHA-256, so that a damaged file is never used.
"""

import contextlib
import hashlib
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from decanet.core.errors import CheckpointError, DivergedError, Interrupted, Preempted, shortage
from decanet.core.files import atomic_path
from decanet.models.weight_files import fit_weights

CHECKPOINT_SECONDS = 20.0  # least time between two checkpoints
CHECKPOINT_FRACTION = 0.01  # largest fraction of the training's time spent on saving

HEAD = b"decanet state, sha256 "
HEAD_BYTES = len(HEAD) + 65  # with 64 hexadecimal digits and the line's end


def save_state(state: dict[str, Any], path: Path) -> None:
    """Write the state of a training to ``path``, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w+b") as file:
        file.seek(HEAD_BYTES)
        torch.save(state, file)
        file.seek(HEAD_BYTES)
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        file.seek(0)
        file.write(HEAD + digest.encode() + b"\n")


def load_state(path: Path) -> dict[str, Any]:
    """Read a state that :func:`save_state` wrote. Raises CheckpointError when it is missing or damaged."""
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            if head != HEAD + digest.encode() + b"\n":
                raise CheckpointError(f"{path} is damaged: its SHA-256 differs; train again")
            file.seek(HEAD_BYTES)
            state = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} has no checkpoint") from None
    except CheckpointError:
        raise
    except Exception as error:  # torch.load raises many kinds
        raise shortage(error) or CheckpointError(
            f"{path} cannot be read ({type(error).__name__}); train again"
        ) from None
    if not _is_state(state):
        raise CheckpointError(f"{path} is not a checkpoint; train again")
    return state


def _is_state(state: Any) -> bool:
    """Whether the values that are read before a training resumes are valid; each part checks its own state."""
    match state:
        case {
            "model": dict(),
            "recipe": dict(),
            "progress": {
                "step": int(step),
                "seconds": float(seconds),
                "validation_errors": list(errors),
                "line": dict(line),
            },
        }:
            numbers = [seconds, *errors, *line.values()]
            return step >= 0 and all(isinstance(n, int | float) and math.isfinite(n) for n in numbers)
    return False


def restore(parts: dict[str, Any], path: Path) -> None:
    """Load the state of every part of a training from a checkpoint.

    Raises:
        CheckpointError: the checkpoint is missing, damaged or another training's.
    """
    state = load_state(path)
    try:
        fit_weights(parts["model"], state["model"], str(path))
        for name in parts.keys() - {"model"}:
            parts[name].load_state_dict(state[name])
    except CheckpointError:
        raise
    except Exception as error:  # every part raises its own kind
        raise shortage(error) or CheckpointError(
            f"{path} is not a checkpoint of this training ({type(error).__name__}); train again"
        ) from None


class Checkpoints:
    """Saves checkpoints at intervals and when a training ends early.

    Args:
        write: writes all files of a checkpoint.
        model: the trained model. Nothing is saved while it holds NaN or infinity: the training has diverged, and the
            last finite checkpoint is more useful.
        writes: whether this process writes the files.
    """

    def __init__(self, write: Callable[[], None], model: nn.Module, writes: bool) -> None:
        self._write, self._model, self._writes = write, model, writes
        self._due = time.perf_counter() + CHECKPOINT_SECONDS
        self._buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
        self._in_step = self._in_update = False

    def save(self) -> None:
        """Write a checkpoint now."""
        begin = time.perf_counter()
        if self._writes and _all_finite(self._model):
            self._write()
        now = time.perf_counter()
        self._due = now + max(CHECKPOINT_SECONDS, (now - begin) / CHECKPOINT_FRACTION)

    def save_if_due(self) -> None:
        """Write a checkpoint if the last one is old enough; no process waits for another."""
        if self._writes and time.perf_counter() >= self._due:
            self.save()

    def begin_step(self) -> None:
        """Copy the running statistics, which the forward pass changes, so that a failed step can be undone."""
        with torch.no_grad():
            for buffer, before in self._buffers:
                before.copy_(buffer)
        self._in_step = True

    @contextlib.contextmanager
    def update(self) -> Iterator[None]:
        """Mark the end of a step, which changes everything that is saved.

        Within the block there is no consistent state to save: after a failure the last checkpoint remains. A copy to
        return to would cost the memory of all weights and moments, for the shortest part of a step.
        """
        self._in_update = True
        yield
        self._in_step = self._in_update = False

    @contextlib.contextmanager
    def save_on_failure(self) -> Iterator[None]:
        """Save the state after the last complete step when the block fails, and raise the error again."""
        try:
            yield
        except (DivergedError, Interrupted, Preempted):  # the last two have saved a checkpoint
            raise
        except BaseException:
            if not self._in_update:
                with contextlib.suppress(Exception):  # the first error is the one to report
                    self._undo_step()
                    self.save()
            raise

    def _undo_step(self) -> None:
        if self._in_step:
            with torch.no_grad():
                for buffer, before in self._buffers:
                    buffer.copy_(before)


def _all_finite(model: nn.Module) -> bool:
    return all(bool(value.isfinite().all()) for value in model.state_dict().values())
