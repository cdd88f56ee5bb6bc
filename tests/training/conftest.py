"""Short trainings on the digits, which need no download."""

from pathlib import Path
from typing import Any

import pytest
import torch

from decanet.core.recipe import Recipe, override
from decanet.core.report import Silent
from decanet.core.results import RunFolder
from decanet.core.runtime import Ranks
from decanet.data import ImageData, load_data
from decanet.training.loop import Line
from decanet.training.recipes import load_recipe
from decanet.training.session import resolve, run_training

CPU = torch.device("cpu")


class Listener(Silent):
    """Remembers what a training said."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.validations: list[float] = []
        self.expected: list[float] = []

    def start(self, total_steps: int, steps_per_epoch: int) -> None:
        self.total_steps = total_steps

    def expect(self, seconds: float) -> None:
        self.expected.append(seconds)

    def line(self, line: Line) -> None:
        self.lines.append(line)

    def validation(self, epoch: float, error: float) -> None:
        self.validations.append(error)


@pytest.fixture(scope="session")
def digits() -> ImageData:
    data = load_data("digits", cache=Path("unused"), report=Silent())
    assert isinstance(data, ImageData)
    return data


class Trainer:
    """Trains recipes on the digits in temporary folders."""

    def __init__(self, data: ImageData, folder: Path) -> None:
        self.data, self.folder = data, folder

    def recipe(self, *settings: str, name: str = "quick") -> Recipe:
        small = [
            "batch_size=200", "precision=float32", "epochs=1", "log_every=1", "data.image_size=32",
            "progressive_sizes=[]", "selection.keep=1", "test_crops=one",
        ]  # fmt: skip
        return resolve(override(load_recipe(name), [*small, *settings]), self.data, CPU)

    def __call__(self, recipe: Recipe, name: str = "run", resume: bool = False, watcher: Any = None) -> Any:
        run = RunFolder(self.folder / name)
        watcher = watcher or Listener()
        result, said = run_training(
            recipe, self.data, run, device=CPU, ranks=Ranks(), watcher=watcher, resume=resume
        )
        return run, result, said, watcher


@pytest.fixture
def trainer(digits: ImageData, tmp_path: Path) -> Trainer:
    return Trainer(digits, tmp_path)
