"""Answers of the page "units"."""

import time
from pathlib import Path
from typing import Any

import pytest
import torch

from decanet.anatomy.trace import trace
from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.explorer.pages.units import BEST, QUESTIONS, SHOWN
from decanet.explorer.session import Session


def answer(session: Session, name: str, asked: dict[str, Any]) -> Any:
    for _ in range(2000):
        found = QUESTIONS[name](session, asked)
        if "answer" in found:
            return found["answer"]
        assert 0 <= found["progress"] <= 1
        time.sleep(0.02)
    raise AssertionError("it never ends")


def test_stages_with_feature_maps(session: Session) -> None:
    found = QUESTIONS["stages"](session, {})
    assert {"name": "block1", "units": 32, "shape": (32, 13, 13)} in found["stages"]
    assert not found["searched"]
    with pytest.raises(UsageError, match="data fetch"):
        QUESTIONS["best"](session, {"stage": "block1", "first": 0})


def test_the_best_images_are_the_most_active_ones(tmp_path: Path) -> None:
    digits = load_data("digits", cache=tmp_path, report=Silent())
    session = Session("decanet_s", torch.device("cpu"), tmp_path, tmp_path)
    vars(session)["test_images"] = digits
    trained = session.network({})
    vars(digits)["classes"] = trained.classes
    side = trace(trained.model, (3, 28, 28)).fields["block1"][0].size  # type: ignore[index]
    units = answer(session, "best", {"stage": "block1", "first": 8})["units"]
    assert [each["unit"] for each in units] == list(range(8, min(8 + SHOWN, 32)))
    for each in units:
        activations = [crop["activation"] for crop in each["crops"]]
        assert len(activations) == BEST
        assert activations == sorted(activations, reverse=True)
        assert each["crops"][0]["pixels"].shape == (side, side, 3)


def test_an_image_is_made_for_a_unit(session: Session) -> None:
    found = answer(session, "made", {"stage": "block1", "unit": 2})
    assert found["pixels"].shape == (28, 28, 3)
    assert found["pixels"].dtype == torch.uint8
    with pytest.raises(UsageError, match="unit"):
        answer(session, "made", {"stage": "block1", "unit": 999})
