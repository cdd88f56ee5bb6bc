"""200 kills by SIGKILL: the run can be finished, and equals an uninterrupted one."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.faults._runs import Outcome, draw_quickly, finish, outcome, parts, save_often
from tests.faults._zygote import run_whole, start
from tests.faults.conftest import Tally

pytestmark = pytest.mark.slow(reason="trains 400 times")

RANDOM_KILLS, KILLS_IN_SAVES, KILLS_AFTER_THE_LAST_STEP = 100, 60, 40


@pytest.fixture
def untouched(tmp_path: Path, recipe: Path) -> Outcome:
    run = tmp_path / "untouched"
    assert run_whole(["train", str(recipe), "--out", str(run)], tmp_path, draw_quickly).code == 0
    return outcome(run)


def check(run: Path, recipe: Path, here: Path, untouched: Outcome, tally: Tally, fault: str) -> None:
    how = finish(run, recipe, here)
    assert outcome(run) == untouched
    assert parts(run) == []
    tally(fault, f"{how}, equal bit for bit")


def test_at_random_moments(tmp_path: Path, recipe: Path, untouched: Outcome, tally: Tally) -> None:
    rng = np.random.default_rng(0)
    begin = time.monotonic()
    run_whole(["train", str(recipe), "--out", str(tmp_path / "timed")], tmp_path, quick_and_careful)
    whole = time.monotonic() - begin
    for index in range(RANDOM_KILLS):
        run = tmp_path / f"run{index}"
        child = start(["train", str(recipe), "--out", str(run)], tmp_path, quick_and_careful)
        time.sleep(whole * rng.random())
        child.send(signal.SIGKILL)
        child.wait()
        run.mkdir(exist_ok=True)
        check(run, recipe, tmp_path, untouched, tally, "SIGKILL at a random moment")
    assert tally.total("SIGKILL at a random moment") == RANDOM_KILLS


def test_inside_saves(tmp_path: Path, recipe: Path, untouched: Outcome, tally: Tally) -> None:
    """Amid a file, between a whole file and its name, and between two files of one checkpoint."""
    rng = np.random.default_rng(1)
    saves = 100  # 48 steps with two files each, and what begins and ends a run
    for index in range(KILLS_IN_SAVES):
        run = tmp_path / f"run{index}"
        stage = ("half written", "whole, not yet renamed", "renamed")[index % 3]
        strike = int(rng.integers(1, saves))
        run_whole(["train", str(recipe), "--out", str(run)], tmp_path, killed_in_save(strike, stage))
        run.mkdir(exist_ok=True)
        check(run, recipe, tmp_path, untouched, tally, f"SIGKILL in a save: {stage}")
    assert sum(map(tally.total, tally.counts)) >= KILLS_IN_SAVES


def test_while_evaluating_and_drawing(tmp_path: Path, recipe: Path, untouched: Outcome, tally: Tally) -> None:
    rng = np.random.default_rng(2)
    for index in range(KILLS_AFTER_THE_LAST_STEP):
        run = tmp_path / f"run{index}"
        where = ("evaluating", "drawing")[index % 2]
        word = {"evaluating": "evaluating on", "drawing": "\ndrawing"}[where]
        child = start(["train", str(recipe), "--out", str(run)], tmp_path)
        assert child.said(word)
        time.sleep(rng.random() * (0.05 if where == "evaluating" else 1.5))
        child.send(signal.SIGKILL)
        child.wait()
        check(run, recipe, tmp_path, untouched, tally, f"SIGKILL while {where}")
    assert tally.total("SIGKILL while evaluating") + tally.total("SIGKILL while drawing") == 40


def quick_and_careful() -> None:
    save_often()
    draw_quickly()


def killed_in_save(strike: int, stage: str) -> Callable[[], None]:
    """A child that dies in its save number ``strike``."""

    def prepare() -> None:
        quick_and_careful()
        rename, count = os.replace, 0

        def replace(source: str | Path, target: str | Path) -> None:
            nonlocal count
            count += 1
            if count == strike and stage == "half written" and Path(source).is_file():
                os.truncate(source, os.path.getsize(source) // 2)
            if count == strike and stage != "renamed":
                os.kill(os.getpid(), signal.SIGKILL)
            rename(source, target)
            if count == strike:
                os.kill(os.getpid(), signal.SIGKILL)

        os.replace = replace  # type: ignore[assignment]

    return prepare
