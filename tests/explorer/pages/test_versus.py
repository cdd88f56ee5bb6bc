"""Page "versus": test images for a person and the network, the same for both."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.explorer.pages.versus import COUNT, images
from decanet.explorer.session import Session


def test_without_test_images_there_is_no_round(session: Session, asked: dict[str, Any]) -> None:
    assert images(session, asked | {"round": 1}) == {"pixels": None}


def test_a_round_has_images_with_labels_and_what_the_network_predicts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session("decanet_s", torch.device("cpu"), tmp_path, tmp_path)
    digits = load_data("digits", cache=tmp_path, report=Silent())
    monkeypatch.setattr(Session, "test_images", digits)
    trained = replace(session.network({}), classes=digits.classes)
    monkeypatch.setattr(session, "network", lambda _: trained)
    found = images(session, {"round": 3})
    size = trained.spec.image_size
    assert found["pixels"].shape == (COUNT, size, size, 3)
    assert found["pixels"].dtype == np.uint8
    assert len(found["labels"]) == len(found["predicted"]) == COUNT
    assert all(0.1 <= confidence <= 1 for confidence in found["confidence"])
    assert images(session, {"round": 3})["labels"] == found["labels"]
    assert images(session, {"round": 4})["labels"] != found["labels"]
