"""Checkpoints: saving and loading, and damaged files."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from decanet.core.errors import CheckpointError
from decanet.training.checkpoint import load_state, restore, save_state
from decanet.training.optimizers import Optimizers

STATE = {
    "model": {"weight": torch.arange(6.0)},
    "recipe": {},
    "progress": {"step": 3, "seconds": 1.5, "validation_errors": [0.5], "line": {"step": 3}},
}


def test_a_loaded_state_equals_the_saved_one(tmp_path: Path) -> None:
    save_state(STATE, tmp_path / "checkpoint.pt")
    state = load_state(tmp_path / "checkpoint.pt")
    assert torch.equal(state["model"]["weight"], STATE["model"]["weight"])  # type: ignore[index]
    assert state["progress"] == STATE["progress"]


def test_a_flipped_bit_and_a_cut_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "checkpoint.pt"
    save_state(STATE, file)
    whole = file.read_bytes()
    for place in range(0, len(whole), 11):
        file.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.raises(CheckpointError, match="damaged") as caught:
            load_state(file)
        assert "\n" not in caught.value.line
    for length in (0, 10, 100, len(whole) - 1):
        file.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match="damaged"):
            load_state(file)


@pytest.mark.parametrize(
    "state",
    [
        [1], torch.zeros(3), {}, STATE | {"model": [1]}, STATE | {"recipe": "x"}, STATE | {"progress": 3},
        *(
            STATE | {"progress": {**STATE["progress"], **wrong}}  # type: ignore[dict-item]
            for wrong in (
                {"step": "3"}, {"step": -1}, {"step": 3.5}, {"seconds": math.nan}, {"seconds": "1"},
                {"validation_errors": 5}, {"validation_errors": ["x"]}, {"line": {"step": "x"}},
            )
        ),
    ],
)  # fmt: skip
def test_a_file_that_holds_something_else_is_refused(tmp_path: Path, state: Any) -> None:
    """The SHA-256 of such a file may be correct."""
    save_state(state, tmp_path / "checkpoint.pt")
    with pytest.raises(CheckpointError, match=r"checkpoint\.pt is not a checkpoint"):
        load_state(tmp_path / "checkpoint.pt")


@pytest.mark.parametrize("optimizers", [None, "x", [], [{"state": {}}]])
def test_parts_of_another_training_are_refused(tmp_path: Path, optimizers: Any) -> None:
    model = nn.Linear(2, 3)
    parts = {"model": model, "optimizers": Optimizers([torch.optim.SGD(model.parameters(), 0.1)])}
    file = tmp_path / "checkpoint.pt"
    save_state({**STATE, "model": model.state_dict(), "optimizers": parts["optimizers"].state_dict()}, file)
    restore(parts, file)
    save_state({**STATE, "model": model.state_dict(), "optimizers": optimizers}, file)
    with pytest.raises(CheckpointError, match="is not a checkpoint of this training"):
        restore(parts, file)
    save_state({**STATE, "model": {"weight": "x"}}, file)
    with pytest.raises(CheckpointError):
        restore(parts, file)
