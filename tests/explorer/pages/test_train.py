"""Starting trainings from the page."""

from pathlib import Path

import pytest
import torch

from decanet.core.errors import BusyError, UsageError
from decanet.explorer.pages.train import MOST, QUESTIONS
from decanet.explorer.session import Session


def test_recipes_and_arms_are_offered_and_nothing_else(session: Session) -> None:
    offered = QUESTIONS["offers"](session, {})
    assert {"flash", "quick", "tutorial"} <= set(offered["recipes"])
    assert "depth/plain 20" in {arm["what"] for arm in offered["arms"]}
    for what in ("no_such", "../recipe.toml", "/etc/passwd"):
        with pytest.raises(UsageError, match="unknown recipe"):
            QUESTIONS["start"](session, {"what": what})
    with pytest.raises(UsageError, match="no training 99"):
        QUESTIONS["state"](session, {"id": 99})


def test_few_trainings_run_at_once_and_end_with_the_session(tmp_path: Path) -> None:
    session = Session("decanet_s", torch.device("cpu"), tmp_path, tmp_path / "runs")
    numbers = [QUESTIONS["start"](session, {"what": "flash"})["id"] for _ in range(MOST)]
    with pytest.raises(BusyError, match="stop one"):
        QUESTIONS["start"](session, {"what": "flash"})
    with pytest.raises(UsageError, match="unknown action"):
        QUESTIONS["control"](session, {"id": numbers[0], "action": "delete"})
    session.close()
    assert all(not training.running for training in session.trainings.values())
