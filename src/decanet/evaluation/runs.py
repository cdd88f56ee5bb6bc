"""A finished or interrupted run, or a network that comes trained with the package, ready to judge images with."""

import itertools
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from decanet.core.errors import CheckpointError, DataError, UsageError
from decanet.core.processor import usable_cores
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import parse_recipe, read_recipe
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import autocast
from decanet.data import stored_classes
from decanet.data.batches import InputSpec
from decanet.data.folder import fit_square
from decanet.data.image_io import open_rgb
from decanet.evaluation.specification import input_spec, precision_for
from decanet.evaluation.tta import TTA, central_crop_size
from decanet.models import create_model
from decanet.models.weight_files import list_packaged, load_weights, packaged_file, read_about


@dataclass(frozen=True)
class TrainedModel:
    """A network with all it needs to name what is on an image.

    Attributes:
        model: in evaluation mode, on the device.
        recipe: the resolved recipe of its training.
        classes: names of its outputs.
        form: what images must be brought into.
    """

    model: nn.Module
    recipe: Recipe
    classes: tuple[str, ...]
    spec: InputSpec


def recipe_of(run: RunFolder) -> Recipe:
    """The recipe of a run. Raises CheckpointError when it is no run or is damaged."""
    run.require_run()
    try:
        return read_recipe(run.recipe)
    except UsageError as error:
        raise CheckpointError(f"{run.path} is damaged: {error}") from None


def load_run(path: Path, device: torch.device) -> TrainedModel:
    """Read a run's recipe, classes and weights. Raises CheckpointError when it is no run or is damaged."""
    run = RunFolder(path)
    recipe = recipe_of(run)
    if None in (recipe.data.image_size, recipe.data.mean, recipe.data.std):
        raise CheckpointError(
            f"{run.recipe} is not a run's: it leaves the size or the constants of data open"
        )
    classes = stored_classes(run.read_json(run.data), run.data)
    model = create_model(recipe.model.name, num_classes=len(classes), **recipe.model.options)
    load_weights(model, run.weights)
    return _ready(model, recipe, classes, device)


def load_model(run: Path, device: torch.device) -> TrainedModel:
    """A run, or by its name a network that comes trained with the package. Raises CheckpointError as ``load_run``."""
    if not run.is_dir() and str(run) in list_packaged():
        return load_packaged(str(run), device)
    return load_run(run, device)


def load_packaged(name: str, device: torch.device) -> TrainedModel:
    """A network that comes trained with the package: nothing needs to be fetched or trained.

    Raises:
        UsageError: the package brings no weights of this network along.
    """
    about = read_about(packaged_file(name))
    recipe = parse_recipe(json.loads(about["settings"]), f"of the shipped {name}")
    classes = tuple(json.loads(about["classes"]))
    return _ready(create_model(name, num_classes=len(classes), weights="decanet"), recipe, classes, device)


def _ready(model: nn.Module, recipe: Recipe, classes: tuple[str, ...], device: torch.device) -> TrainedModel:
    model = model.to(device).to(memory_format=torch.channels_last).eval()
    # A run from another machine may have used arithmetic that is slow or missing here.
    automatic = recipe.model_copy(update={"precision": "auto"})
    recipe = recipe.model_copy(update={"precision": precision_for(automatic, device)})
    return TrainedModel(model, recipe, classes, input_spec(recipe, device))


Guesses = list[tuple[str, float]]  # class and probability, most probable first


def predict_images(
    trained: TrainedModel, paths: Sequence[Path], top: int, batch_size: int = 16
) -> Iterator[tuple[Path, Guesses | DataError]]:
    """Yield each image, in order, with its ``top`` most probable classes, or with the error met in reading it.

    While a batch is predicted, threads decode the next one.
    """
    recipe, spec = trained.recipe, trained.spec
    resize = recipe.augmentation.resize or spec.image_size
    crop = central_crop_size(recipe.tta, spec.image_size)

    def read(path: Path) -> np.ndarray | DataError:
        try:
            return fit_square(open_rgb(path), resize, crop=crop)
        except DataError as error:
            return error
        except MemoryError:
            return DataError(f"image {path} does not fit into the memory that is left; make it smaller")

    batches = [paths[start : start + batch_size] for start in range(0, len(paths), batch_size)]
    pool = ThreadPoolExecutor(usable_cores())
    waiting: list[Future[np.ndarray | DataError]] = []
    try:
        for batch, following in itertools.pairwise([[], *batches, []]):
            images = [future.result() for future in waiting]
            waiting = [pool.submit(read, path) for path in following]
            guesses = iter(
                _guesses(trained, [image for image in images if isinstance(image, np.ndarray)], top)
            )
            for path, image in zip(batch, images, strict=True):
                yield path, image if isinstance(image, DataError) else next(guesses)
    finally:
        pool.shutdown(cancel_futures=True)


@torch.inference_mode()
def _guesses(trained: TrainedModel, squares: Sequence[np.ndarray], top: int) -> list[Guesses]:
    """The ``top`` most probable classes of square images, each uint8 (S, S, 3), by the recipe's own views."""
    if not squares:
        return []
    recipe, spec = trained.recipe, trained.spec
    images = torch.from_numpy(np.stack(squares)).permute(0, 3, 1, 2)
    x = spec.normalize(images.to(spec.device), image_size=images.shape[-1])
    with autocast(spec.device, recipe.precision):
        probabilities = TTA[recipe.tta](trained.model, x, spec.image_size).exp().cpu()
    best = probabilities.topk(min(top, len(trained.classes)), dim=1)
    return [
        [(trained.classes[label], probability) for label, probability in zip(labels, values, strict=True)]
        for labels, values in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
