"""One training from a resolved recipe to a result: train, evaluate, write the run's files."""

import time
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import asdict
from typing import Any, Protocol

import torch
from torch import nn

from decanet.core.files import write_json
from decanet.core.progress import Report
from decanet.core.recipe import Recipe
from decanet.core.run_folder import RUN_FORMAT, RunFolder
from decanet.core.runtime import Ranks, environment
from decanet.data import ImageData, bare_name
from decanet.data.loaders import persistent_workers
from decanet.evaluation.evaluate import evaluate_split
from decanet.evaluation.metrics import Predictions
from decanet.models.weight_files import load_weights
from decanet.training.forecast import Forecast
from decanet.training.loop import Line, Progress, train
from decanet.training.run_files import append, begin, prepare_to_resume, refuse_other_run
from decanet.training.setup import batches_for, build, cost_of, initialize_from_data
from decanet.training.stopping import StopRequest, resumable

Watch = Callable[[nn.Module, Progress], None]


class TrainingReport(Report, Protocol):
    """Receiver of messages and progress, and of the events of a training."""

    def start(self, total_steps: int, steps_per_epoch: int) -> None:
        """Receive the length of the training that begins."""

    def forecast(self, seconds: float) -> None:
        """Receive the expected time of the whole training on this machine."""

    def line(self, line: Line) -> None:
        """Receive a line of the log."""

    def validation(self, epoch: float, error: float) -> None:
        """Receive the top-1 error rate (0 to 1) on the validation set after ``epoch`` epochs."""


def run_training(
    recipe: Recipe,
    data: ImageData,
    run: RunFolder,
    *,
    device: torch.device,
    ranks: Ranks,
    report: TrainingReport,
    model: nn.Module | None = None,
    resume: bool = False,
    draw: Callable[[dict[str, Any], Predictions], None] | None = None,
    watch: Watch | None = None,
) -> tuple[dict[str, Any], Predictions]:
    """Train by ``recipe`` and write the run's files.

    The files are written in an order that lets a run resume wherever it ended, even by SIGKILL: the checkpoint is
    removed after the result is written, and resuming a run that has a result but no figures draws them.

    With several processes, each calls this inside :func:`decanet.training.distributed.process_group`.

    Args:
        recipe: resolved (see :func:`decanet.training.resolve.resolve`).
        model: the caller's own network, if the recipe was resolved for it; it is trained in place. By default the
            recipe's registered network is built.
        resume: continue from the run's checkpoint, or from the first step if it ended before the first checkpoint.
        draw: draws the figures from what is returned.
        watch: called after each step with the network that is trained and its progress. It may wait, and it may raise
            KeyboardInterrupt: the checkpoint is then saved, as at Ctrl-C.

    Returns the result, and the predictions on the evaluated split: the validation set if the recipe holds one out,
    else the test set.

    Raises:
        DecanetError: of the class that fits; see decanet.core.errors.
    """
    cost = cost_of(recipe, data, model)  # checks the image size, before anything is written
    split = "validation" if recipe.validation else "test"
    if ranks.is_main and not resume:
        refuse_other_run(run)
    with run.locked() if ranks.is_main else nullcontext():
        if ranks.is_main:
            if resume:
                prepare_to_resume(run, recipe)
            else:
                begin(run, recipe, data)
        with resumable(run.path) as stop, persistent_workers():
            finished = resume and run.result.exists()  # all but its figures
            if finished:
                result = run.read_json(run.result)
                trained = build(recipe, data) if model is None else model
                load_weights(trained, run.weights)
                trained = trained.to(device).to(memory_format=torch.channels_last)
            else:
                trained, speed = _train(
                    recipe, model, data, run,
                    device=device, ranks=ranks, report=report, resume=resume, stop=stop, watch=watch,
                )  # fmt: skip
            report.note(f"evaluating on the {split} set")
            evaluation_began = time.perf_counter()
            predictions = evaluate_split(trained, recipe, data, split, device, ranks)
            if not finished:
                result = {
                    "format": RUN_FORMAT,
                    "model": recipe.model.name,
                    "recipe": recipe.name,
                    "data": bare_name(data.name),
                    "data_source": data.source,
                    "seed": recipe.seed,
                    "params": cost.params,
                    "macs": cost.macs,
                    f"{split}_top1": predictions.accuracy(),
                    f"{split}_top5": predictions.accuracy(5),
                    f"{split}_loss": predictions.loss,
                    "tta": recipe.tta,
                    "epochs": recipe.epochs,
                    **speed,
                    "evaluation_seconds": round(time.perf_counter() - evaluation_began, 3),
                    "processes": ranks.world_size,
                    "precision": recipe.precision,
                    "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                    "environment": environment(device),
                    "settings": without_paths(recipe).model_dump(mode="json"),
                }
            if ranks.is_main:
                if not finished:
                    write_json(run.result, result)
                run.checkpoint.unlink(missing_ok=True)
                if draw is not None:
                    draw(result, predictions)
    return result, predictions


def without_paths(recipe: Recipe) -> Recipe:
    """The recipe as it may leave this machine: the data folder's name without the folders above it."""
    return recipe.model_copy(
        update={"data": recipe.data.model_copy(update={"name": bare_name(recipe.data.name)})}
    )


def _train(
    recipe: Recipe,
    model: nn.Module | None,
    data: ImageData,
    run: RunFolder,
    *,
    device: torch.device,
    ranks: Ranks,
    report: TrainingReport,
    resume: bool,
    stop: StopRequest,
    watch: Watch | None,
) -> tuple[nn.Module, dict[str, Any]]:
    """Return the trained network, and the result's entries on time and speed."""
    began = time.perf_counter()
    if model is None:
        model = build(recipe, data)
    initialize_from_data(model, recipe, data)
    batches = batches_for(recipe, data, device, ranks)
    preparation = time.perf_counter() - began
    total_steps = max(1, round(recipe.epochs * batches.steps_per_epoch))
    report.start(total_steps, batches.steps_per_epoch)
    if recipe.selection.keep < 1:
        full_epochs = recipe.selection.full_epochs(total_steps / batches.steps_per_epoch)
        report.note(
            f"after epoch {full_epochs}, only the {recipe.selection.keep:.0%} of the training images "
            "with the largest loss are used: the accuracy on them is lower"
        )

    def on_line(line: Line) -> None:
        if ranks.is_main:
            append(run, asdict(line))
            report.line(line)

    def on_epoch(epoch: float, error: float) -> None:
        if ranks.is_main:
            append(run, {"epoch": epoch, "validation_error": error})
            report.validation(epoch, error)

    forecast = Forecast(recipe, total_steps, report.forecast)

    def on_step(progress: Progress) -> None:
        forecast.on_step(progress)
        if watch is not None:
            watch(model, progress)

    def validate(network: nn.Module) -> Predictions:
        return evaluate_split(network, recipe, data, "validation", device, ranks)

    trained, progress = train(
        recipe,
        model,
        batches,
        run=run,
        device=device,
        ranks=ranks,
        resume=resume and run.checkpoint.exists(),
        on_line=on_line,
        on_epoch=on_epoch,
        on_step=on_step,
        validate=validate if recipe.validation else None,
        stop=stop,
        num_classes=len(data.classes),
    )
    return trained, {
        "train_seconds": round(progress.seconds + preparation, 3),
        "images_per_second": round(progress.images / progress.seconds, 1),
    }
