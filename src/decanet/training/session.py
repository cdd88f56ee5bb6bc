"""One training from a recipe to a result: resolve, load, train, judge, write down."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from decanet.convolution.arithmetic import Cost
from decanet.core.errors import DivergedError, UsageError
from decanet.core.files import write_json
from decanet.core.progress import Report
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import to_toml
from decanet.core.run_folder import RUN_FORMAT, RunFolder
from decanet.core.runtime import (
    Ranks,
    environment,
    generator,
    peak_memory,
    seed_from,
)
from decanet.data import ImageData, bare_name
from decanet.data.loaders import Batches
from decanet.evaluation.evaluate import evaluate_split
from decanet.evaluation.metrics import Predictions
from decanet.evaluation.runs import load_run
from decanet.evaluation.specification import cost_at, input_spec, precision_for
from decanet.evaluation.tta import require_margin
from decanet.models import create_model, model_entry
from decanet.training.forecast import Forecast
from decanet.training.loop import Line, Progress, train
from decanet.training.run_files import append, begin, prepare_to_resume, refuse_other_run
from decanet.training.schedules import image_sizes
from decanet.training.stopping import StopRequest, resumable

WHITENING_IMAGES = 1000  # a million patches, plenty for a 12x12 covariance


class Watcher(Report, Protocol):
    """A report that also hears about the training itself."""

    def start(self, total_steps: int, steps_per_epoch: int) -> None:
        """The training begins."""

    def expect(self, seconds: float) -> None:
        """The whole training will take so long on this machine."""

    def line(self, line: Line) -> None:
        """A log line."""

    def validation(self, epoch: float, error: float) -> None:
        """The share of validation images that the network got wrong after ``epoch`` passes."""


def recipe_image_size(recipe: Recipe) -> int:
    """Side in pixels of what the recipe's network sees."""
    return recipe.data.image_size or model_entry(recipe.model.name).input_size[1]


def resolve(recipe: Recipe, data: ImageData, device: torch.device) -> Recipe:
    """The recipe with every default replaced by what it means for this data and machine.

    Raises:
        UsageError: the recipe and the data do not fit together.
    """
    kept = len(data.held_out(recipe.validation)[0])
    if recipe.schedule.shape == "plateau" and not recipe.validation:
        raise UsageError(
            "schedule.shape=plateau looks at the validation error: set validation, for instance to 0.1"
        )
    if recipe.selection.keep < 1 and (recipe.augmentation.mixup or recipe.augmentation.cutmix):
        raise UsageError(
            "selection.keep looks at the loss of single images, which mixup and cutmix blend: "
            "set it to 1, or them to 0"
        )
    if kept < 2:
        raise UsageError(f"validation={recipe.validation:g} leaves {kept} images to train on")
    image_size, resize = recipe_image_size(recipe), recipe.augmentation.resize
    if resize and data.train.stored_size:
        # Training cuts crops out of the images as they are stored; so must the views they are evaluated by.
        resize = min(resize, max(image_size, data.train.stored_size))
    require_margin(recipe.tta, resize or image_size, image_size)
    if recipe.augmentation.crop_padding > image_size:
        raise UsageError(
            f"augmentation.crop_padding={recipe.augmentation.crop_padding} is wider than the image itself: "
            f"crops could miss it; {image_size} is the most here"
        )
    about_data = {
        "name": data.name,
        "image_size": image_size,
        "mean": recipe.data.mean or data.mean,
        "std": recipe.data.std or data.std,
    }
    resolved = recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update=about_data),
            "augmentation": recipe.augmentation.model_copy(update={"resize": resize}),
        }
    )
    return resolved.model_copy(update={"precision": precision_for(resolved, device)})


def without_paths(recipe: Recipe) -> Recipe:
    """The recipe as it may leave this machine: a folder's name without the folders above it."""
    return recipe.model_copy(
        update={"data": recipe.data.model_copy(update={"name": bare_name(recipe.data.name)})}
    )


def build(recipe: Recipe, data: ImageData) -> nn.Module:
    """The recipe's network, initialized from the recipe's seed."""
    torch.manual_seed(seed_from(recipe.seed, "initialise"))
    return create_model(recipe.model.name, num_classes=len(data.classes), **recipe.model.options)


def cost_of(recipe: Recipe, data: ImageData) -> Cost:
    """What the recipe's network costs at its own size. Raises DataError when its images are too small for it."""
    for _, image_size in image_sizes(recipe):
        price = cost_at(recipe, image_size, len(data.classes))
    return price


def batches_for(recipe: Recipe, data: ImageData, device: torch.device, ranks: Ranks) -> Batches:
    """The training batches of a resolved recipe."""
    return data.training_batches(
        recipe.augmentation,
        validation=recipe.validation,
        batch_size=recipe.batch_size,
        seed=recipe.seed,
        spec=input_spec(recipe, device),
        ranks=ranks,
    )


def initialize_from_data(model: nn.Module, recipe: Recipe, data: ImageData) -> None:
    """Let a network that computes its first layer from images see some of the training split."""
    if not hasattr(model, "initialize_from"):
        return
    train = data.held_out(recipe.validation)[0]
    chosen = torch.randperm(len(train), generator=generator(recipe.seed, "whitening"))[:WHITENING_IMAGES]
    spec = replace(input_spec(recipe, torch.device("cpu")), dtype=torch.float32)
    whiten: Any = model.initialize_from
    whiten(spec.normalize(train.pixels(chosen, spec.image_size)))


def run_training(
    recipe: Recipe,
    data: ImageData,
    run: RunFolder,
    *,
    device: torch.device,
    ranks: Ranks,
    watcher: Watcher,
    resume: bool = False,
    draw: Callable[[dict[str, Any], Predictions], None] | None = None,
) -> tuple[dict[str, Any], Predictions]:
    """Train by ``recipe`` and write the run's files; returns the result and what was said of the judged split.

    The files follow each other so that a run that ends anywhere, even by SIGKILL, can go on from there: the saved
    state goes when the result is written, and a result without figures is drawn when the run is resumed.

    With several processes, each calls this inside :func:`decanet.training.distributed.process_group`.

    Args:
        recipe: resolved (see :func:`resolve`).
        resume: go on from the run's saved state; without one, because it ended early, from the first step.
        draw: draws the figures from what is returned.

    Raises:
        DecanetError: of the class that fits; see decanet.core.errors.
    """
    price = cost_of(recipe, data)  # the size of the images is checked here, before anything is written
    split = "validation" if recipe.validation else "test"
    if ranks.is_main and not resume:
        refuse_other_run(run)
    with run.locked() if ranks.is_main else nullcontext():
        if ranks.is_main:
            if resume:
                prepare_to_resume(run, recipe)
            else:
                begin(run, recipe, data)
        with resumable(run.path) as stop:
            finished = resume and run.result.exists()  # but for its figures
            if finished:
                result, trained = run.read_json(run.result), load_run(run.path, device).model
            else:
                trained, about_training = _train(
                    recipe, data, run, device=device, ranks=ranks, watcher=watcher, resume=resume, stop=stop
                )
            watcher.note(f"evaluating on the {split} split")
            evaluated_at = time.perf_counter()
            said = evaluate_split(trained, recipe, data, split, device, ranks)
            if not finished:
                result = {
                    "format": RUN_FORMAT,
                    "model": recipe.model.name,
                    "recipe": recipe.name,
                    "data": bare_name(data.name),
                    "data_source": data.source,
                    "seed": recipe.seed,
                    "params": price.params,
                    "macs": price.macs,
                    f"{split}_top1": said.accuracy(),
                    f"{split}_top5": said.accuracy(5),
                    f"{split}_loss": said.loss,
                    "tta": recipe.tta,
                    "epochs": recipe.epochs,
                    **about_training,
                    "evaluation_seconds": round(time.perf_counter() - evaluated_at, 3),
                    "processes": ranks.world_size,
                    "precision": recipe.precision,
                    "finished": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
                    "environment": environment(device),
                    "settings": without_paths(recipe).model_dump(mode="json"),
                }
            if ranks.is_main:
                if not finished:
                    write_json(run.result, result)
                run.state.unlink(missing_ok=True)
                if draw is not None:
                    draw(result, said)
    return result, said


def _train(
    recipe: Recipe,
    data: ImageData,
    run: RunFolder,
    *,
    device: torch.device,
    ranks: Ranks,
    watcher: Watcher,
    resume: bool,
    stop: StopRequest,
) -> tuple[nn.Module, dict[str, Any]]:
    """The trained network, and the result's entries on how fast that was."""
    started = time.perf_counter()
    model = build(recipe, data)
    initialize_from_data(model, recipe, data)
    batches = batches_for(recipe, data, device, ranks)
    preparing = time.perf_counter() - started
    total_steps = max(1, round(recipe.epochs * batches.steps_per_epoch))
    watcher.start(total_steps, batches.steps_per_epoch)
    if recipe.selection.keep < 1:
        full_epochs = recipe.selection.full_epochs(total_steps / batches.steps_per_epoch)
        watcher.note(
            f"after epoch {full_epochs}, only the {recipe.selection.keep:.0%} of the training images "
            "with the largest loss are used: the accuracy on them is lower"
        )

    def on_line(line: Line) -> None:
        if ranks.is_main:
            append(run, asdict(line))
            watcher.line(line)

    def on_epoch(epoch: float, error: float) -> None:
        if ranks.is_main:
            append(run, {"epoch": epoch, "validation_error": error})
            watcher.validation(epoch, error)

    trained, progress = train(
        recipe,
        model,
        batches,
        run=run,
        device=device,
        ranks=ranks,
        resume=resume and run.state.exists(),
        on_line=on_line,
        on_epoch=on_epoch,
        on_step=Forecast(recipe, total_steps, watcher.expect).hear,
        validate=(lambda m: evaluate_split(m, recipe, data, "validation", device, ranks))
        if recipe.validation
        else None,
        stop=stop,
    )
    return trained, {
        "train_seconds": round(progress.seconds + preparing, 3),
        "images_per_second": round(progress.images / progress.seconds, 1),
    }


DRY_RUN_STEPS = 8


def dry_run(recipe: Recipe, data: ImageData, *, device: torch.device, watcher: Watcher) -> dict[str, Any]:
    """Train a few steps, keep nothing, and say what the whole would take.

    Returns the resolved recipe as TOML, ``params``, ``macs``, ``memory_bytes`` (peak of the whole process),
    ``images_per_second``, ``steps`` and ``predicted_seconds``.
    """
    price = cost_of(recipe, data)
    batches = batches_for(recipe, data, device, Ranks())
    sizes = image_sizes(recipe)
    watcher.note(f"timing {DRY_RUN_STEPS} steps" + (" at each size" if len(sizes) > 1 else ""))
    seconds_per_image = sum(
        fraction * _seconds_per_image(recipe, image_size, data, batches, device)
        for fraction, image_size in sizes
    )
    return {
        "recipe": to_toml(recipe),
        "params": price.params,
        "macs": price.macs,
        "memory_bytes": peak_memory(device),
        "images_per_second": 1 / seconds_per_image,
        "steps": max(1, round(recipe.epochs * batches.steps_per_epoch)),
        "predicted_seconds": recipe.epochs * batches.count * seconds_per_image,
    }


def _seconds_per_image(
    recipe: Recipe, image_size: int, data: ImageData, batches: Batches, device: torch.device
) -> float:
    """Training time of an image shown at ``image_size``, from a few steps of a fresh network."""
    model = build(recipe, data)
    initialize_from_data(model, recipe, data)
    steps: list[tuple[int, float]] = []  # images shown so far, and when

    def on_step(progress: Progress) -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        steps.append((progress.images, time.perf_counter()))

    short = recipe.model_copy(
        update={
            "epochs": DRY_RUN_STEPS / batches.steps_per_epoch,
            "progressive_sizes": ((1.0, image_size),),
            "log_every": DRY_RUN_STEPS,
            "validation": 0.0,
        }
    )
    # The rates of a whole training within a few steps may let the loss explode, which is seen after the last of them.
    explodes = suppress(DivergedError)
    with tempfile.TemporaryDirectory(prefix="decanet-rehearsal-") as folder, explodes:
        train(
            short,
            model,
            batches,
            run=RunFolder(Path(folder)),
            device=device,
            ranks=Ranks(),
            resume=False,
            on_line=lambda _: None,
            on_epoch=lambda *_: None,
            on_step=on_step,
            validate=None,
            stop=StopRequest(Path(folder)),
        )
    # The first steps compile kernels and fill caches; the median of the later ones is what lasts.
    lasting = itertools.pairwise(steps[DRY_RUN_STEPS // 2 - 2 :])
    return statistics.median((end - start) / (shown - before) for (before, start), (shown, end) in lasting)
