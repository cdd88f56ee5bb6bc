"""Starting or resuming a training: choose the recipe, load its data, fit and resolve it, train.

The command line and the Python interface both begin here.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from decanet.core.collectives import broadcast_from_main
from decanet.core.errors import DataError, UsageError
from decanet.core.processor import precision_in_words
from decanet.core.progress import Report, Silent
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import override
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import Ranks
from decanet.data import ImageData, RunData, list_datasets, load_data
from decanet.evaluation.metrics import Predictions
from decanet.evaluation.runs import load_run, recipe_of
from decanet.evaluation.trained import TrainedModel
from decanet.training.distributed import process_group
from decanet.training.few_images import fit_to_few_images
from decanet.training.recipes import is_file, load_recipe
from decanet.training.resolve import image_size_for, resolve
from decanet.training.run_files import new_run_path, refuse_finished
from decanet.training.session import TrainingReport, run_training

Prepared = tuple[Recipe, ImageData]
Draw = Callable[[RunFolder, nn.Module, dict[str, Any], Predictions, ImageData | None], None]


@dataclass(frozen=True)
class TrainingResult:
    """A finished run.

    Attributes:
        path: the run's folder.
        values: the contents of its ``result.json``: accuracy, time, parameters, multiply-adds, environment, ...
        model: the trained network, as :func:`decanet.load_model` loads it from the folder.
    """

    path: Path
    values: dict[str, Any]
    model: TrainedModel

    @property
    def accuracy(self) -> float:
        """Top-1 accuracy (0 to 1) on the test set, or on the validation set where the recipe holds one out."""
        return self.values["test_top1" if "test_top1" in self.values else "validation_top1"]


@dataclass(frozen=True)
class DataSource:
    """Where data sets come from.

    Attributes:
        cache: folder that keeps them.
        source: "auto", "cache", the name of a source, or a path.
        fallback: data set that is used where no source of the recipe's own can be reached.
    """

    cache: Path
    source: str = "auto"
    fallback: str | None = None


def choose_recipe(recipe: str | Path | Recipe, settings: Sequence[str] = ()) -> tuple[Recipe, set[str]]:
    """Return a recipe with ``settings`` ("key=value") applied, and the keys that were chosen on purpose.

    Keys that stand in a recipe of the user's own are as much chosen as those of ``settings``; those of a built-in
    recipe are defaults, which :func:`prepare` fits to few images.

    Raises:
        UsageError: unknown recipe or key, or a value that is not allowed.
    """
    if isinstance(recipe, Recipe):
        found, chosen = recipe, set(recipe.model_fields_set)
    else:
        found = load_recipe(str(recipe))
        chosen = set(found.model_fields_set) if is_file(str(recipe)) else set()
    chosen |= {setting.partition("=")[0].strip() for setting in settings}
    return override(found, settings), chosen


def prepare(
    recipe: Recipe,
    chosen: set[str],
    where: DataSource,
    *,
    device: torch.device,
    report: Report,
    data: ImageData | None = None,
    model: nn.Module | None = None,
) -> Prepared:
    """Load the data of ``recipe``, and fit and resolve the recipe for it.

    Args:
        recipe: from :func:`choose_recipe`, as is ``chosen``.
        data: data that is already loaded.
        model: the caller's own network, to be trained instead of the recipe's.

    Raises:
        UsageError: the recipe, the data and the network do not fit together.
        DataError: the data is missing or not what it should be.
    """
    if data is None:
        recipe, data = _load(recipe, where, report, model)
    _describe(recipe, data, report)
    # A training on data asked for by name stays what it is, but for the log: the curves get enough points.
    by_name = not data.files and data.name != where.fallback
    fixed = chosen | (set(Recipe.model_fields) - {"log_every"} if by_name else set())
    recipe, fitted = fit_to_few_images(recipe, len(data.held_out(recipe.validation)[0]), fixed)
    if fitted:
        report.note(fitted)
    return resolve(recipe, data, device, model), data


def count_classes(recipe: Recipe, where: DataSource) -> int:
    """Number of classes of the recipe's data, for a network that is created before its data is prepared.

    Raises:
        DataError, UsageError: as :func:`decanet.data.load_data`.
    """
    name = recipe.data.name
    size = recipe.data.image_size or 32
    return len(
        load_data(name, cache=where.cache, report=Silent(), source=where.source, image_size=size).classes
    )


def prepare_resumed(
    run: RunFolder,
    where: DataSource,
    *,
    device: torch.device,
    report: Report,
    model: nn.Module | None = None,
) -> Prepared:
    """Load the recipe of an unfinished run and the data that it began with.

    Raises:
        CheckpointError: it is no run, or it is finished.
        DataError: images that the run began with are missing or changed.
    """
    recipe = recipe_of(run)
    refuse_finished(run)
    stored = RunData.of(run.read_json(run.data), run.data)
    data = _load_data(recipe.data.name, recipe, where, report, model, stored)
    _describe(recipe, data, report)
    return resolve(recipe, data, device, model), data


def train_prepared(
    prepare: Callable[[], Prepared],
    *,
    device: torch.device,
    ranks: Ranks,
    report: TrainingReport,
    out: Path | None = None,
    resume: Path | None = None,
    model: nn.Module | None = None,
    draw: Draw | None = None,
) -> tuple[RunFolder, dict[str, Any]]:
    """Train what ``prepare`` returns and write a run; returns its folder and its result.

    Args:
        prepare: returns the resolved recipe and its data. The main process calls it first: it fetches the data,
            which the others then find in the cache.
        out: folder of a new run; by default one named after the recipe and the time.
        resume: folder of the run to resume.
        model: the caller's own network.
        draw: draws the figures of the run.

    Raises:
        DecanetError: of the class that fits; see decanet.core.errors.
    """
    with process_group(ranks, device):
        prepared = prepare() if ranks.is_main else None
        recipe: Any = broadcast_from_main(prepared[0] if prepared else None, ranks)
        data = prepared[1] if prepared else prepare()[1]
        given = resume or out
        path: Any = broadcast_from_main(given or (new_run_path(recipe) if ranks.is_main else None), ranks)
        run = RunFolder(path)
        report.note(
            f"{recipe.model.name} by recipe {recipe.name} in {recipe.precision} on {device}; run: {path}"
        )
        report.note(f"precision: {precision_in_words(recipe.precision, device)}")

        def draw_run(result: dict[str, Any], predictions: Predictions) -> None:
            if draw is None:
                return
            report.note("drawing the figures")
            # With a validation set the test set stays unseen, and the figures show no images.
            shown = None if recipe.validation else data
            draw(run, load_run(run.path, device, model).model, result, predictions, shown)

        try:
            result, _ = run_training(
                recipe, data, run, device=device, ranks=ranks, report=report, model=model,
                resume=resume is not None, draw=draw_run,
            )  # fmt: skip
        except BaseException:
            if given is None:
                with contextlib.suppress(OSError):
                    run.path.rmdir()  # which only removes an empty folder, where nothing was begun
            raise
    return run, result


def _load(
    recipe: Recipe, where: DataSource, report: Report, model: nn.Module | None
) -> tuple[Recipe, ImageData]:
    """Load the recipe's data, or the fallback's; returns the recipe that fits what was loaded."""
    name = recipe.data.name
    try:
        return recipe, _load_data(name, recipe, where, report, model)
    except DataError as error:
        if where.fallback is None or name not in list_datasets():
            raise  # other data does not correct what is wrong with the user's own folder
        report.note(f"{error}")
        report.note(
            f"{name} is not available here: {where.fallback} is used instead in everything that follows"
        )
        data = _load_data(where.fallback, recipe, where, report, model)
        # Constants for the other data do not fit this one.
        return override(recipe, ["data.mean=null", "data.std=null"]), data


def _load_data(
    name: str,
    recipe: Recipe,
    where: DataSource,
    report: Report,
    model: nn.Module | None,
    stored: RunData | None = None,
) -> ImageData:
    return load_data(
        name,
        cache=where.cache,
        report=report,
        source=where.source,
        image_size=recipe.augmentation.resize or _image_size(name, recipe, model),
        seed=recipe.seed,
        stored=stored,
    )


def _image_size(name: str, recipe: Recipe, model: nn.Module | None) -> int:
    """The image size to which the images of a folder are brought."""
    if model is None:
        return image_size_for(recipe)
    if recipe.data.image_size is None and name not in list_datasets():
        raise UsageError("set data.image_size: the image size that your network takes")
    return recipe.data.image_size or 0  # the images of a registered data set keep their size


def _describe(recipe: Recipe, data: ImageData, report: Report) -> None:
    if not data.files:  # loading a folder has printed more
        report.note(
            f"data: {data.name} from {data.source}; {len(data.train)} training images, {len(data.test)} test images"
        )
    if not data.flippable and (recipe.augmentation.flip != "none" or recipe.tta != "none"):
        report.note(
            f"no horizontal flips, in training or evaluation: they would change the classes of {data.name}"
        )
