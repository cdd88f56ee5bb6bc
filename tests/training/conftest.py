"""Short trainings on the digits, which need no download."""

import hashlib
import multiprocessing
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from decanet.core.progress import Silent
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import override, to_toml
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import STOPPING, Ranks
from decanet.data import ImageData, load_data
from decanet.training.loop import Line
from decanet.training.recipes import load_recipe
from decanet.training.resolve import resolve
from decanet.training.session import run_training

CPU = torch.device("cpu")
LENET = (
    "model.name=lenet5_modern",
    "data.image_size=32",
)  # a tenth of the multiply-adds of DecaNet at 16 pixels
COUNT = 480  # training images


class Recorder(Silent):
    """A report that records the events of a training."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.validations: list[float] = []
        self.expected: list[float] = []

    def start(self, total_steps: int, steps_per_epoch: int) -> None:
        self.total_steps = total_steps

    def forecast(self, seconds: float) -> None:
        self.expected.append(seconds)

    def line(self, line: Line) -> None:
        self.lines.append(line)

    def validation(self, epoch: float, error: float) -> None:
        self.validations.append(error)


class StopsAt(Recorder):
    """Sends this process a signal when a step is logged."""

    def __init__(self, step: int, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.step, self.number = step, number

    def line(self, line: Line) -> None:
        super().line(line)
        if line.step == self.step:
            os.kill(os.getpid(), self.number)


def digest(run: RunFolder) -> str:
    """SHA-256 of the names and values of a run's weights, without the file's metadata."""
    tensors = load_file(run.weights)
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].contiguous().numpy().tobytes())
    return total.hexdigest()


def few_digits() -> ImageData:
    """A third of the digits, which is enough for whatever does not depend on the accuracy reached."""
    digits = load_data("digits", cache=Path("unused"), report=Silent())
    return replace(digits, train=digits.train[:COUNT], test=digits.test[:120])


class Trainer:
    """Trains recipes on digits in temporary folders, at 16 pixels: they have 8x8."""

    def __init__(self, data: ImageData, folder: Path) -> None:
        self.data, self.folder = data, folder

    def recipe(self, *settings: str, name: str = "quick") -> Recipe:
        small = [
            "batch_size=60", "precision=float32", "epochs=1", "log_every=1", "data.image_size=16",
            "progressive_sizes=[]", "selection.keep=1", "tta=none",
        ]  # fmt: skip
        return resolve(override(load_recipe(name), [*small, *settings]), self.data, CPU)

    def __call__(self, recipe: Recipe, name: str = "run", resume: bool = False, report: Any = None) -> Any:
        run = RunFolder(self.folder / name)
        report = report or Recorder()
        result, predictions = run_training(
            recipe, self.data, run, device=CPU, ranks=Ranks(), report=report, resume=resume
        )
        return run, result, predictions, report


@pytest.fixture(scope="session")
def digits() -> ImageData:
    return few_digits()


@pytest.fixture
def trainer(digits: ImageData, tmp_path: Path) -> Trainer:
    return Trainer(digits, tmp_path)


@pytest.fixture
def trainer_on_all_digits(tmp_path: Path) -> Trainer:
    return Trainer(load_data("digits", cache=Path("unused"), report=Silent()), tmp_path)


@pytest.fixture(scope="session")
def uninterrupted(digits: ImageData, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Recipe], Any]:
    """Train each recipe once in the session: run, result, predictions, report. Tests that write copy the run."""
    done: dict[str, Any] = {}

    def train(recipe: Recipe) -> Any:
        key = to_toml(recipe)
        if key not in done:
            done[key] = Trainer(digits, tmp_path_factory.mktemp("uninterrupted"))(recipe)
        return done[key]

    return train


@pytest.fixture
def finished(trainer: Trainer, uninterrupted: Callable[[Recipe], Any]) -> Any:
    """Run, result, predictions and report of a finished training of one epoch. Tests that write copy the run."""
    return uninterrupted(trainer.recipe())


def _as_rank(rank: int, port: int, job: Callable[..., None], arguments: tuple[object, ...]) -> None:
    torch.set_num_threads(1)
    # The server may have been started for loading workers, which are deaf to the signals that a training heeds.
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPPING)
    os.environ |= {
        "RANK": str(rank), "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
    }  # fmt: skip
    job(*arguments)


def in_two_processes(job: Callable[..., None], *arguments: object) -> tuple[int | None, ...]:
    """Run ``job(*arguments)`` in the two processes of one training; returns their exit codes.

    They are forked from a server that has everything imported, for importing takes longer than such a training. What
    torchrun does is tested once, in test_distributed.
    """
    context = multiprocessing.get_context("forkserver")
    # DistributedDataParallel and the digits import the other two when they are first used.
    context.set_forkserver_preload(["tests.training.conftest", "torch._dynamo", "sklearn.datasets"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = [context.Process(target=_as_rank, args=(rank, port, job, arguments)) for rank in (0, 1)]
    for process in both:
        process.start()
    for process in both:
        process.join(timeout=120)
        process.kill()  # only one that hangs still runs
        process.join()
    return tuple(process.exitcode for process in both)
