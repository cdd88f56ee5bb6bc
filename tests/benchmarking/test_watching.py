"""The benchmark of a watched training."""

from pathlib import Path

import pytest

from decanet.benchmarking import watching
from decanet.core.errors import UsageError
from tests.benchmarking.test_images import CONDITIONS
from tests.conftest import Heard


def test_blocks_are_checked(heard: Heard, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--blocks 1"):
        watching.measure(heard, cache=tmp_path, blocks=1)


def test_watched_and_unwatched_blocks_alternate(
    heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching, "conditions", lambda: {**CONDITIONS})
    monkeypatch.setattr(watching, "SECONDS", 1.2)  # two questions
    monkeypatch.setattr(watching, "UNWATCHED", 0.3)
    monkeypatch.setattr(watching, "WHAT", "convnet_cifar")  # on the digits
    measured = watching.measure(heard, cache=tmp_path, blocks=2)
    assert len(measured["pairs"]) == 2
    slower = [100 * (pair["unwatched"] / pair["watched"] - 1) for pair in measured["pairs"]]
    assert measured["slower_pct"]["mean"] == pytest.approx(sum(slower) / 2)
    assert measured["slower_pct"]["low"] <= measured["slower_pct"]["mean"] <= measured["slower_pct"]["high"]
    assert "| 1 | " in watching.table(measured)
