"""The state of an unfinished training, kept so that it can go on as if nothing had happened.

A state is saved by the clock, when the training is asked to stop, and whatever else ends it, always as it was between
two steps. Its file holds tensors, numbers and strings only, so that reading it can run no code, behind one line with
their SHA-256, so that a damaged one is never used.
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

CHECKPOINT_SECONDS = 20.0  # from one checkpoint to the next, at least
CHECKPOINT_FRACTION = 0.01  # of the training's time, at most, goes into saving

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
            state = torch.load(file, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise CheckpointError(f"{path.parent} has no saved state") from None
    except CheckpointError:
        raise
    except Exception as error:  # torch.load raises many kinds
        raise shortage(error) or CheckpointError(
            f"{path} cannot be read ({type(error).__name__}); train again"
        ) from None
    if not _is_state(state):
        raise CheckpointError(f"{path} holds no state of a training; train again")
    return state


def _is_state(state: Any) -> bool:
    """Whether what is looked at before a training goes on is there; each part of it checks its own."""
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
    """Let every part of a training go on from what :func:`save_state` wrote of it.

    Raises:
        CheckpointError: the state is missing, damaged or another training's.
    """
    state = load_state(path)
    try:
        fit_weights(parts["model"], state["model"], str(path))
        for name in parts.keys() - {"model"}:
            parts[name].load_state_dict(state[name])
    except CheckpointError:
        raise
    except Exception as error:  # each part, torch's among them, has its own
        raise shortage(error) or CheckpointError(
            f"{path} is not the state of this training ({type(error).__name__}); train again"
        ) from None


class Checkpoints:
    """Keeps an unfinished training on the disk.

    Args:
        write: writes all files of a checkpoint.
        model: what is trained. It is not saved when it holds a number that is none: such a training has diverged, and
            the last good state is worth more.
        writes: whether this process is the one that writes.
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
        """Write a checkpoint if the last one is old enough. No process waits for another here."""
        if self._writes and time.perf_counter() >= self._due:
            self.save()

    def begin_step(self) -> None:
        """Remember the running statistics: the step's forward pass changes them, which a failed step must not."""
        with torch.no_grad():
            for buffer, before in self._buffers:
                before.copy_(buffer)
        self._in_step = True

    @contextlib.contextmanager
    def update(self) -> Iterator[None]:
        """The end of a step, which changes all that is saved.

        Amid it there is nothing whole to save: a failure here falls back to the last checkpoint. A copy to go back to
        would cost the memory of all weights and moments, for the shortest part of a step.
        """
        self._in_update = True
        yield
        self._in_step = self._in_update = False

    @contextlib.contextmanager
    def whatever_happens(self) -> Iterator[None]:
        """Save what was done up to the last whole step when the block fails, and pass on why it did."""
        try:
            yield
        except (DivergedError, Interrupted, Preempted):  # the last two have saved
            raise
        except BaseException:
            if not self._in_update:
                with contextlib.suppress(Exception):  # the first error is the one to tell
                    self._forget_step()
                    self.save()
            raise

    def _forget_step(self) -> None:
        if self._in_step:
            with torch.no_grad():
                for buffer, before in self._buffers:
                    buffer.copy_(before)


def _all_finite(model: nn.Module) -> bool:
    return all(bool(value.isfinite().all()) for value in model.state_dict().values())
