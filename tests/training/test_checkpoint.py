"""The saved state: what comes back, and what damage does."""

from pathlib import Path

import pytest
import torch

from decanet.core.errors import CheckpointError
from decanet.training.checkpoint import load_state, save_state

STATE = {"model": {"weight": torch.arange(6.0)}, "progress": {"step": 3, "validation_errors": [0.5]}}


def test_a_state_comes_back_as_it_was(tmp_path: Path) -> None:
    save_state(STATE, tmp_path / "state.pt")
    state = load_state(tmp_path / "state.pt")
    assert torch.equal(state["model"]["weight"], STATE["model"]["weight"])  # type: ignore[index]
    assert state["progress"] == STATE["progress"]


def test_a_flipped_bit_and_a_cut_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "state.pt"
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
