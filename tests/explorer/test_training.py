"""A training that is watched, on the digits."""

import time
from pathlib import Path

import pytest
import torch

from decanet.core.run_folder import RunFolder
from decanet.evaluation.runs import load_run
from decanet.explorer.training import LOOKED_AT, Watched, describe, shown_images
from decanet.training.start import DataSource


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    where = DataSource(tmp_path / "cache", source="cache", fallback="digits")
    return Watched("flash", torch.device("cpu"), where, tmp_path / "runs")


def wait(watched: Watched, *states: str) -> None:
    for _ in range(6000):
        watched.viewed()
        if watched.state in states:
            return
        time.sleep(0.01)
    raise AssertionError(watched.state)


def test_it_is_paused_continued_and_finished(watched: Watched) -> None:
    watched.pause()
    watched.begin()
    wait(watched, "paused")
    step = watched.step
    seen = describe(watched, 0, -1)
    assert seen["step"] == step == 1
    assert seen["look"]["probabilities"].shape == (LOOKED_AT, 10)
    assert seen["look"]["probabilities"].sum(1).allclose(torch.ones(LOOKED_AT), atol=1e-3)
    assert "look" not in describe(watched, 0, seen["look"]["step"])
    assert all(0 <= part <= 1 for part in seen["look"]["active"].values())
    time.sleep(0.1)
    assert watched.step == step
    images = shown_images(watched)
    assert images["pixels"].shape[0] == len(images["labels"]) == LOOKED_AT
    watched.proceed()
    wait(watched, "finished")
    watched.join(10)
    seen = describe(watched, 0, -1)
    assert seen["step"] == seen["total_steps"]
    assert seen["lines"][-1]["step"] == seen["total_steps"]
    assert watched.path is not None
    assert seen["accuracy"] == RunFolder(watched.path).read_json(RunFolder(watched.path).result)["test_top1"]
    assert not load_run(watched.path, torch.device("cpu")).model.training


def test_being_watched_changes_no_number(tmp_path: Path) -> None:
    lines = []
    for name, looks in (("watched", True), ("alone", False)):
        where = DataSource(tmp_path / "cache", source="cache", fallback="digits")
        one = Watched("flash", torch.device("cpu"), where, tmp_path / name)
        if not looks:
            one._viewed = -1e9  # nobody ever looks
        one.begin()
        one.join(120)
        assert (one.look is not None) == looks
        lines.append([(line.step, line.loss, line.accuracy) for line in one.lines])
    assert lines[0] == lines[1]


def test_a_stopped_training_can_be_resumed(watched: Watched) -> None:
    watched.pause()
    watched.begin()
    wait(watched, "paused")
    watched.stop()
    watched.join(30)
    assert watched.state == "stopped"
    assert "--resume" in watched.trouble
    assert watched.path is not None
    assert RunFolder(watched.path).checkpoint.exists()


def test_trouble_is_told(tmp_path: Path) -> None:
    where = DataSource(tmp_path / "cache", source="cache")
    one = Watched("flash", torch.device("cpu"), where, tmp_path / "runs")
    one.begin()
    one.join(30)
    assert one.state == "failed"
    assert "cifar10" in one.trouble
    assert "\n" not in one.trouble
