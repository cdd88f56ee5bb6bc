"""Single bits that flip in a run's files: refused in one line, or harmless because the same values are read."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from decanet.core.errors import CheckpointError
from decanet.evaluation.runs import load_run
from decanet.training.checkpoint import load_state
from tests.faults._zygote import run_whole, start
from tests.faults.conftest import Tally

pytestmark = pytest.mark.slow(reason="trains runs, and reads 600 damaged copies of their files")

FLIPS = 300
CPU = torch.device("cpu")


def digest(value: Any) -> str:
    """Of everything in a state: tensors by their bytes, the rest by its text."""
    total = hashlib.sha256()

    def add(part: Any) -> None:
        if isinstance(part, torch.Tensor):
            total.update(f"{part.dtype}{tuple(part.shape)}".encode())
            total.update(
                part.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes() if part.numel() else b""
            )
        elif isinstance(part, dict):
            for key, inner in part.items():
                total.update(repr(key).encode())
                add(inner)
        elif isinstance(part, list | tuple):
            for inner in part:
                add(inner)
        else:
            total.update(repr(part).encode())

    add(value)
    return total.hexdigest()


def flip(file: Path, read: Callable[[], Any], tally: Tally, fault: str) -> None:
    """Flip one bit of ``file``, ``FLIPS`` times: half anywhere, half in the first thousandth, where headers stand."""
    whole, healthy = file.read_bytes(), digest(read())
    rng = np.random.default_rng(0)
    for index in range(FLIPS):
        places = len(whole) if index % 2 else max(2000, len(whole) // 1000)
        place = int(rng.integers(min(places, len(whole))))
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(8))
        file.write_bytes(damaged)
        try:
            found = digest(read())
        except CheckpointError:
            tally(fault, "refused in one line")
        else:
            assert found == healthy, f"byte {place} of {len(whole)} was damaged and nobody noticed"
            tally(fault, "harmless: the same values")
    file.write_bytes(whole)
    assert tally.total(fault) == FLIPS


def test_weights(tmp_path: Path, recipe: Path, tally: Tally) -> None:
    run = tmp_path / "run"
    assert run_whole(["train", str(recipe), "--out", str(run), "--epochs", "1"], tmp_path).code == 0
    flip(
        run / "model.safetensors",
        lambda: load_run(run, CPU).model.state_dict(),
        tally,
        "bit flip in model.safetensors",
    )


def test_state(tmp_path: Path, recipe: Path, tally: Tally) -> None:
    import signal

    run = tmp_path / "run"
    child = start(["train", str(recipe), "--out", str(run), "--epochs", "200"], tmp_path)
    assert child.said("\nepoch")
    child.send(signal.SIGTERM)
    assert child.wait().code == 75
    flip(run / "checkpoint.pt", lambda: load_state(run / "checkpoint.pt"), tally, "bit flip in checkpoint.pt")
