"""100 signals to the process and to its whole group: saved, one line, the correct exit code, an equal end."""

import signal
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.faults._runs import Outcome, draw_quickly, finish, outcome
from tests.faults._zygote import Child, run_whole, start
from tests.faults.conftest import Tally

pytestmark = pytest.mark.slow(reason="trains 200 times")

CODES = {signal.SIGINT: 130, signal.SIGTERM: 75, signal.SIGHUP: 75}
LAZY = """
epochs = 2
batch_size = 8
log_every = 1
precision = "float32"
model = { name = "resnet20_cifar" }
data = { image_size = 80 }
optimizer = { name = "sgd", lr = 0.01 }
"""


@pytest.fixture
def untouched(tmp_path: Path, recipe: Path) -> Outcome:
    run = tmp_path / "untouched"
    assert run_whole(["train", str(recipe), "--out", str(run)], tmp_path, draw_quickly).code == 0
    return outcome(run)


def strike(child: Child, number: int, group: bool, tally: Tally, where: str) -> None:
    child.send(number, group=group)
    ended = child.wait()
    name = f"{signal.Signals(number).name} to the {'group' if group else 'process'} {where}"
    assert ended.in_one_line(), ended.err
    if ended.code == 0:  # it had ended already
        tally(name, "came too late")
        return
    assert ended.code == CODES[signal.Signals(number)], (name, ended)
    assert ended.error.startswith(("error[interrupted]: ", "error[preempted]: ")), ended.err
    tally(name, f"one line, {ended.code}, equal bit for bit after resuming")


@pytest.mark.parametrize("where", ["while training", "while evaluating", "while drawing"])
def test_a_training(tmp_path: Path, recipe: Path, untouched: Outcome, tally: Tally, where: str) -> None:
    rng = np.random.default_rng(len(where))
    word = {"while training": "step", "while evaluating": "evaluating on", "while drawing": "\ndrawing"}[
        where
    ]
    for index in range(28):
        run = tmp_path / f"run{index}"
        number, group = list(CODES)[index % 3], bool(index // 3 % 2)
        child = start(["train", str(recipe), "--out", str(run)], tmp_path)
        assert child.said(word)
        time.sleep((0.05 if where == "while evaluating" else 0.4) * rng.random())
        strike(child, number, group, tally, where)
        finish(run, recipe, tmp_path)
        assert outcome(run) == untouched


def test_a_training_that_waits_for_its_workers(tmp_path: Path, tally: Tally) -> None:
    """Ctrl-C in a terminal reaches the processes that decode images too."""
    rng = np.random.default_rng(0)
    for label in "ab":
        (tmp_path / "data" / label).mkdir(parents=True)
        for index in range(40):
            noise = rng.integers(0, 256, (90, 120, 3), np.uint8)
            Image.fromarray(noise).save(tmp_path / "data" / label / f"{index}.png")
    recipe = tmp_path / "lazy.toml"
    recipe.write_text(LAZY.replace("data = {", f'data = {{ name = "{tmp_path}/data",'))
    assert (
        run_whole(["train", str(recipe), "--out", str(tmp_path / "whole")], tmp_path, draw_quickly).code == 0
    )
    untouched = outcome(tmp_path / "whole")
    for index in range(16):
        run = tmp_path / f"run{index}"
        child = start(["train", str(recipe), "--out", str(run)], tmp_path, fresh=True)
        assert child.said("training")
        time.sleep(3 * rng.random())
        strike(child, list(CODES)[index % 3], True, tally, "with loading workers")
        finish(run, recipe, tmp_path)
        assert outcome(run) == untouched
