"""One trial: a training of one arm with one learning rate and one seed, and what is measured of it."""

import base64
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from decanet.core.errors import DivergedError
from decanet.core.processor import choose_precision
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import agrees
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import Ranks, environment
from decanet.data import ImageData, bare_name
from decanet.evaluation.evaluate import evaluate_split
from decanet.evaluation.metrics import Predictions
from decanet.evaluation.runs import load_run
from decanet.experiments.agreement import compare_with_people
from decanet.experiments.declaration import Arm, Experiment, Images
from decanet.experiments.images import fingerprint, prepare_images
from decanet.training.resolve import resolve
from decanet.training.session import TrainingReport, run_training, without_paths

FORMAT = 1
# Goes up when a change of the training code changes its numbers: results of two generations are never compared.
GENERATION = 1
TRAIN_IMAGES = 10_000  # at most, of those trained on, for the training error
FIRST_TUNING_SEED = 1000  # seeds for tuning are never those of the comparison
Purpose = Literal["tuning", "final", "quick"]


@dataclass(frozen=True)
class Trial:
    """What to train.

    Attributes:
        experiment: that it belongs to.
        arm: one of its arms.
        lr: learning rate.
        seed: random seed.
        purpose: "tuning" is evaluated on the validation split and shortened; "final" is compared, on the test split;
            "quick" is a demonstration.
        epochs: length; None for that of the arm's recipe, shortened for tuning.
    """

    experiment: Experiment
    arm: Arm
    lr: float
    seed: int
    purpose: Purpose
    epochs: float | None = None

    @property
    def recipe(self) -> Recipe:
        """The recipe of the training, before it is resolved."""
        arm = self.arm.recipe
        epochs = self.epochs or arm.epochs * (self.experiment.tuning if self.purpose == "tuning" else 1)
        return arm.model_copy(
            update={
                "name": f"{self.experiment.name}-{_slug(self.arm.name)}",
                "optimizer": arm.optimizer.model_copy(update={"lr": self.lr}),
                "seed": self.seed,
                "epochs": epochs,
            }
        )

    @property
    def file(self) -> str:
        """Name of the file of its result, below the folder of the experiment."""
        stem = _slug(self.arm.name)
        if self.purpose == "tuning":
            return f"tuning/{stem}-lr{self.lr:g}-seed{self.seed}.json"
        return f"{'quick/' if self.purpose == 'quick' else ''}{stem}-seed{self.seed}.json"

    def is_result(self, result: Mapping[str, Any]) -> bool:
        """Whether ``result`` is of this trial as it is declared now, of this generation of the training code."""
        declared = self.recipe.model_dump(mode="json")
        return (
            result.get("format") == FORMAT
            and result.get("generation") == GENERATION
            and result.get("purpose") == self.purpose
            and Images(**result.get("images", {})) == self.arm.images
            and agrees(declared, result.get("settings"))
        )


def _slug(name: str) -> str:
    return re.sub(r"[^\w.]+", "-", name).strip("-")


def run_trial(
    trial: Trial,
    data: ImageData,
    folder: Path,
    *,
    device: torch.device,
    report: TrainingReport,
    people: Path | None = None,
) -> dict[str, Any]:
    """Train, evaluate and return the result; a trial that was interrupted resumes from its checkpoint in ``folder``.

    A training whose loss diverges is a result too: its errors are those of chance.

    Args:
        trial: what to train.
        data: the whole data set.
        folder: of the run; it is removed at the end.
        device: to train on.
        report: receives progress.
        people: file with people's labels, for the quantities that need it.
    """
    mine = prepare_images(data, trial.arm.images, tuning=trial.purpose == "tuning")
    # Compared arms share their precision, which a recipe alone would choose by the cost of its network.
    precision = choose_precision(trial.recipe.precision, device)
    recipe = resolve(trial.recipe.model_copy(update={"precision": precision}), mine, device)
    run = RunFolder(folder)
    if not run.data.exists():  # its first file: without it the others are of no use
        shutil.rmtree(folder, ignore_errors=True)
    result: dict[str, Any] = {
        "format": FORMAT,
        "experiment": trial.experiment.name,
        "arm": trial.arm.name,
        "purpose": trial.purpose,
        "generation": GENERATION,
        "images": vars(trial.arm.images),
        "data": bare_name(mine.name),
        "data_sha256": fingerprint(mine),
        "settings": without_paths(recipe).model_dump(mode="json"),
        "environment": environment(device),
    }
    try:
        trained, predictions = run_training(
            recipe, mine, run, device=device, ranks=Ranks(), report=report, resume=run.data.exists()
        )
    except DivergedError as error:
        result |= {"diverged": str(error).partition(";")[0], "measured": chance(trial, len(mine.classes))}
    else:
        kept = ("params", "macs", "train_seconds", "images_per_second")
        curve = curve_of(run.read_metrics())
        result |= {key: trained[key] for key in kept}
        result["measured"] = measure(trial, recipe, mine, run, predictions, curve, device, people)
        result["curve"] = [[round(value, 4) for value in point] for point in curve]
        if trial.purpose != "tuning":
            wrong = predictions.probabilities.argmax(dim=1) != predictions.labels
            result["wrong"] = pack(wrong.numpy())
    shutil.rmtree(folder, ignore_errors=True)
    return result


def measure(
    trial: Trial,
    recipe: Recipe,
    data: ImageData,
    run: RunFolder,
    predictions: Predictions,
    curve: Sequence[tuple[float, float, float]],
    device: torch.device,
    people: Path | None,
) -> dict[str, float | None]:
    """Return every quantity of a finished training; None for a target that it did not reach."""
    error = 100 * (1 - predictions.accuracy())
    if trial.purpose == "tuning":
        return {"validation_error": error, "train_error": final_train_error(curve)}
    seen = replace(data, test=data.train[:TRAIN_IMAGES])
    model = load_run(run.path, device).model.to(device)
    on_train = 100 * (1 - evaluate_split(model, recipe, seen, "test", device).accuracy())
    measured: dict[str, float | None] = {
        "test_error": error,
        "test_loss": predictions.loss,
        "train_error": on_train,
        "gap": error - on_train,
        "epochs_to_target": epochs_to(curve, trial.experiment.target_error),
    }
    if people is not None:
        measured |= compare_with_people(predictions, people)
    return measured


def chance(trial: Trial, classes: int) -> dict[str, float | None]:
    """The errors of a training that diverged: those of predictions without any knowledge."""
    error = 100 * (1 - 1 / classes)
    if trial.purpose == "tuning":
        return {"validation_error": error, "train_error": error}
    return {"test_error": error, "train_error": error, "gap": 0.0, "epochs_to_target": None}


def curve_of(log: Sequence[Mapping[str, float]]) -> list[tuple[float, float, float]]:
    """Return (epoch, training error in percent, loss) of every log line, each a mean since the line before."""
    return [
        (entry["epoch"], 100 * (1 - entry["accuracy"]), entry["loss"]) for entry in log if "accuracy" in entry
    ]


def over_an_epoch(curve: Sequence[tuple[float, float, float]]) -> list[tuple[float, float]]:
    """Return (epoch, mean training error over the epoch before) for every line after the first epoch."""
    means = []
    for epoch, _, _ in curve:
        within = [error for at, error, _ in curve if epoch - 1 + 1e-9 < at <= epoch]
        if epoch >= 1 - 1e-9:
            means.append((epoch, sum(within) / len(within)))
    return means


def epochs_to(curve: Sequence[tuple[float, float, float]], target: float) -> float | None:
    """Return the epoch at which the training error, a mean over one epoch, falls to ``target`` percent; or None."""
    before: tuple[float, float] | None = None
    for epoch, error in over_an_epoch(curve):
        if error <= target:
            if before is None or before[1] == error:
                return epoch
            past = (before[1] - target) / (before[1] - error)
            return before[0] + past * (epoch - before[0])
        before = (epoch, error)
    return None


def final_train_error(curve: Sequence[tuple[float, float, float]]) -> float:
    """The training error in percent over the last epoch, or over a training of less than one."""
    means = over_an_epoch(curve)
    return means[-1][1] if means else sum(error for _, error, _ in curve) / len(curve)


def pack(wrong: np.ndarray) -> str:
    """Return booleans (N,) as URL-safe base64 of their bits, 8 images a byte; zeros fill up the last byte."""
    return base64.urlsafe_b64encode(np.packbits(wrong).tobytes()).decode()


def unpack(text: str) -> np.ndarray:
    """Return the booleans of :func:`pack`, and at most seven more that are False."""
    return np.unpackbits(np.frombuffer(base64.urlsafe_b64decode(text), np.uint8)).astype(bool)
