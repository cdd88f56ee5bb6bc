"""A training that can be watched, paused and stopped; it runs in a thread and writes a run like any other."""

import threading
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from decanet.core.errors import DecanetError, Interrupted, UsageError
from decanet.core.progress import Silent
from decanet.core.recipe import Recipe
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import Ranks, autocast
from decanet.data import ImageData
from decanet.evaluation.specification import input_spec
from decanet.experiments.declaration import load_experiment
from decanet.experiments.images import prepare_images
from decanet.insight.activations import stage_outputs
from decanet.insight.capture import stages_of
from decanet.training.loop import Line, Progress
from decanet.training.run_files import new_run_path
from decanet.training.session import run_training
from decanet.training.start import DataSource, choose_recipe, prepare

LOOKED_AT = 20  # test images with changing predictions
SHARE = 0.02  # of the training's time that looking at it may take, at most
SOONEST = 0.5  # seconds between two looks
UNWATCHED = 3.0  # seconds without a viewer after which nobody looks


@dataclass
class Look:
    """What a viewer sees of the network at one step.

    Attributes:
        step: number of steps so far.
        filters: of the first convolution, (K, C, kh, kw).
        probabilities: of the fixed test images, (N, classes).
        active: stage -> fraction of its outputs above zero.
    """

    step: int
    filters: Tensor
    probabilities: Tensor
    active: dict[str, float]


@dataclass
class Watched:
    """A training.

    Args:
        what: name of a recipe, or ``EXPERIMENT/ARM``.
        device: where it runs.
        where: where the data comes from.
        runs: folder of the run.

    Attributes:
        state: "preparing", "training", "paused", "evaluating", "finished", "stopped" or "failed".
        trouble: the line of the error that ended it.
        lines: of the log.
        total_steps, steps_per_epoch: length of the training.
        step, seconds: how far it is.
        expected: seconds of all of it, as forecast from its first steps.
        look: the newest look.
        result: of the finished run.
    """

    what: str
    device: torch.device
    where: DataSource
    runs: Path
    state: str = "preparing"
    trouble: str = ""
    lines: list[Line] = field(default_factory=list)
    total_steps: int = 0
    steps_per_epoch: int = 1
    seconds: float = 0.0
    step: int = 0
    expected: float = 0.0
    look: Look | None = None
    result: dict[str, Any] | None = None
    data: ImageData | None = None
    path: Path | None = None

    def __post_init__(self) -> None:
        self._go, self._stop = threading.Event(), False
        self._go.set()
        self._viewed = time.monotonic()
        self._next_look = 0.0
        self._thread = threading.Thread(target=self._run, name=f"training {self.what}", daemon=True)

    def begin(self) -> None:
        """Begin in a thread of its own."""
        self._thread.start()

    def join(self, seconds: float | None = None) -> None:
        """Wait for its end."""
        self._thread.join(seconds)

    def pause(self) -> None:
        """Wait after the next step."""
        self._go.clear()

    def proceed(self) -> None:
        """End a pause."""
        self._go.set()

    def stop(self) -> None:
        """End after the next step; the checkpoint is saved."""
        self._stop = True
        self._go.set()

    def viewed(self) -> None:
        """Note that somebody looks."""
        self._viewed = time.monotonic()

    @property
    def running(self) -> bool:
        """Whether it has not ended."""
        return self.state in ("preparing", "training", "paused", "evaluating")

    # The receiver of the training's messages, decanet.training.session.TrainingReport.

    def note(self, text: str) -> None:
        """Messages are for a terminal."""

    def progress(self, task: str, done: float, total: float | None, unit: str) -> None:
        """Progress of the preparation and the evaluation is not shown."""

    def start(self, total_steps: int, steps_per_epoch: int) -> None:
        """Receive the length of the training."""
        self.total_steps, self.steps_per_epoch, self.state = total_steps, steps_per_epoch, "training"

    def forecast(self, seconds: float) -> None:
        """Receive the expected time of the whole training."""
        self.expected = seconds

    def line(self, line: Line) -> None:
        """Receive a line of the log."""
        self.lines.append(line)

    def validation(self, epoch: float, error: float) -> None:
        """The recipes that are offered validate at their end only."""

    def _run(self) -> None:
        try:
            recipe, self.data = self._prepared()
            self.path = new_run_path(recipe, self.runs)
            self._images = self._test_images(recipe, self.data)
            self.result, _ = run_training(
                recipe, self.data, RunFolder(self.path), device=self.device, ranks=Ranks(), report=self,
                watch=lambda model, progress: self._watch(recipe, model, progress),
            )  # fmt: skip
            self.state = "finished"
        except Interrupted as error:
            self.state, self.trouble = "stopped", str(error)
        except DecanetError as error:
            self.state, self.trouble = "failed", str(error)

    def _prepared(self) -> tuple[Recipe, ImageData]:
        name, _, arm = self.what.partition("/")
        if not arm:
            recipe, chosen = choose_recipe(name)
            return prepare(recipe, chosen, self.where, device=self.device, report=Silent())
        declared = load_experiment(name).arm(arm)
        recipe = declared.recipe.model_copy(update={"name": f"{name}-{arm}".replace(" ", "-")})
        whole = prepare(recipe, set(), self.where, device=self.device, report=Silent())[1]
        images = prepare_images(whole, declared.images, tuning=False)
        return prepare(recipe, set(), self.where, device=self.device, report=Silent(), data=images)

    def _test_images(self, recipe: Recipe, data: ImageData) -> Tensor:
        some = replace(data, test=data.test[torch.arange(min(LOOKED_AT, len(data.test)))])
        batches = some.evaluation_batches("test", input_spec(recipe, self.device))
        return torch.cat([batch.images for batch in batches])

    def _watch(self, recipe: Recipe, model: nn.Module, progress: Progress) -> None:
        self.step, self.seconds = progress.step, progress.seconds
        now = time.monotonic()
        if now >= self._next_look and now - self._viewed < UNWATCHED:
            warm = self.look is not None  # the first look prepares kernels for its number of images
            self.look = self._see(recipe, model, progress.step)
            took = time.monotonic() - now
            self._next_look = now + max(SOONEST, took / SHARE if warm else 0)
        if not self._go.is_set() and not self._stop:
            self.state = "paused"
            while not self._go.wait(0.2):
                pass
            self.state = "training"
        if progress.step == self.total_steps:
            self.state = "evaluating"
        if self._stop:
            raise KeyboardInterrupt  # as at Ctrl-C in a terminal: the checkpoint is saved

    def _see(self, recipe: Recipe, model: nn.Module, step: int) -> Look:
        first = next(m for m in model.modules() if isinstance(m, nn.Conv2d | nn.Linear))
        filters = first.weight.detach().float().cpu().clone()
        was_training = model.training
        model.eval()
        try:
            with torch.no_grad(), autocast(self.device, recipe.precision):
                stages = [stage for stage in stages_of(model) if stage != "head"]
                outputs = stage_outputs(model, self._images, stages)
                probabilities = model(self._images).float().softmax(1).cpu()
        finally:
            model.train(was_training)
        active = {stage: float((output > 0).float().mean()) for stage, output in outputs.items()}
        shape = filters if filters.ndim == 4 else filters[:, :, None, None]
        return Look(step, shape, probabilities, active)


def describe(watched: Watched, since: int, step: int) -> dict[str, Any]:
    """Return what is new of a training.

    Args:
        since: number of log lines that the page has.
        step: of the look that the page has.
    """
    watched.viewed()
    look = watched.look
    found: dict[str, Any] = {
        "what": watched.what, "state": watched.state, "trouble": watched.trouble, "step": watched.step,
        "total_steps": watched.total_steps, "seconds": watched.seconds, "expected": watched.expected,
        "lines": [asdict(line) for line in watched.lines[since:]], "run": str(watched.path or ""),
        "steps_per_epoch": watched.steps_per_epoch,
    }  # fmt: skip
    if watched.result is not None:
        found["accuracy"] = watched.result.get("test_top1", watched.result.get("validation_top1"))
    if look is not None and look.step != step:
        found["look"] = asdict(look)
    return found


def shown_images(watched: Watched) -> dict[str, Any]:
    """Return the fixed test images with their labels, and the names of the classes.

    Raises:
        UsageError: the data is not loaded yet.
    """
    if watched.data is None:
        raise UsageError("the data of this training is not loaded yet")
    count = min(LOOKED_AT, len(watched.data.test))
    split = watched.data.test[torch.arange(count)]
    pixels = getattr(split, "images", None)
    shown = None if pixels is None else np.ascontiguousarray(pixels.permute(0, 2, 3, 1).numpy())
    return {"classes": list(watched.data.classes), "labels": split.labels.tolist(), "pixels": shown}
