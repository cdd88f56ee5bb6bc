"""Dry run: a few training steps that keep nothing, to measure what the whole training would take."""

import copy
import itertools
import statistics
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import nn

from decanet.core.errors import DivergedError
from decanet.core.progress import Report
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import to_toml
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import Ranks, peak_memory
from decanet.data import ImageData
from decanet.data.loaders import Batches
from decanet.training.loop import Progress, train
from decanet.training.schedules import image_sizes
from decanet.training.setup import batches_for, build, cost_of, initialize_from_data
from decanet.training.stopping import StopRequest

DRY_RUN_STEPS = 8


def dry_run(
    recipe: Recipe,
    data: ImageData,
    *,
    device: torch.device,
    report: Report,
    model: nn.Module | None = None,
) -> dict[str, Any]:
    """Train for a few steps, keep nothing, and predict what the whole training takes.

    Args:
        recipe: resolved (see :func:`decanet.training.resolve.resolve`).
        model: the caller's own network, if the recipe was resolved for it; it is left as it is.

    Returns the resolved ``recipe`` as TOML, ``params``, ``macs``, ``memory_bytes`` (peak of the whole process),
    ``images_per_second``, ``steps`` and ``predicted_seconds``.
    """
    cost = cost_of(recipe, data, model)
    batches = batches_for(recipe, data, device, Ranks())
    sizes = image_sizes(recipe)
    report.note(f"timing {DRY_RUN_STEPS} steps" + (" at each image size" if len(sizes) > 1 else ""))
    seconds_per_image = 0.0
    for fraction, image_size in sizes:
        network = build(recipe, data) if model is None else copy.deepcopy(model)
        initialize_from_data(network, recipe, data)
        seconds_per_image += fraction * _seconds_per_image(
            network, recipe, image_size, batches, device, len(data.classes)
        )
    return {
        "recipe": to_toml(recipe),
        "params": cost.params,
        "macs": cost.macs,
        "memory_bytes": peak_memory(device),
        "images_per_second": 1 / seconds_per_image,
        "steps": max(1, round(recipe.epochs * batches.steps_per_epoch)),
        "predicted_seconds": recipe.epochs * batches.count * seconds_per_image,
    }


def _seconds_per_image(
    model: nn.Module,
    recipe: Recipe,
    image_size: int,
    batches: Batches,
    device: torch.device,
    num_classes: int,
) -> float:
    """Training time of an image of ``image_size`` pixels, from a few steps of a fresh network."""
    steps: list[tuple[int, float]] = []  # images trained on so far, and the time

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
    # A whole training's learning rates within a few steps may let the loss explode, which ends the last of them.
    explodes = suppress(DivergedError)
    with tempfile.TemporaryDirectory(prefix="decanet-dry-run-") as folder, explodes:
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
            num_classes=num_classes,
        )
    # The first steps compile kernels and fill caches; the median of the later ones is what lasts.
    later = itertools.pairwise(steps[DRY_RUN_STEPS // 2 - 2 :])
    return statistics.median((end - start) / (images - before) for (before, start), (images, end) in later)
