"""Networks that decanet trained: a run's folder, or weights that come with the package."""

import json
from pathlib import Path

import torch
from torch import nn

from decanet.core.errors import CheckpointError, UsageError
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import parse_recipe, read_recipe
from decanet.core.run_folder import RunFolder
from decanet.data import stored_classes
from decanet.evaluation.specification import input_spec, precision_for
from decanet.evaluation.trained import Provenance, TrainedModel
from decanet.models import create_model
from decanet.models.weight_files import load_weights, packaged_file, read_about


def recipe_of(run: RunFolder) -> Recipe:
    """The recipe of a run. Raises CheckpointError when it is no run or is damaged."""
    run.require_run()
    try:
        return read_recipe(run.recipe)
    except UsageError as error:
        raise CheckpointError(f"{run.path} is damaged: {error}") from None


def load_run(path: Path, device: torch.device, model: nn.Module | None = None) -> TrainedModel:
    """Load a run's network with its classes and its resolved recipe.

    Args:
        model: the network of a run that trained the caller's own module; the weights are read into it.

    Raises:
        CheckpointError: ``path`` is not the folder of a run, or a file in it is missing or damaged.
        UsageError: the run needs ``model``, or has a registered network.
    """
    run = RunFolder(path)
    recipe = recipe_of(run)
    if None in (recipe.data.image_size, recipe.data.channels, recipe.data.mean, recipe.data.std):
        raise CheckpointError(
            f"{run.recipe} is not the recipe of a run: it leaves image_size, channels, mean or std of data open"
        )
    classes = stored_classes(run.read_json(run.data), run.data)
    if recipe.model.custom and model is None:
        file = recipe.model.file
        again = (
            f"give --model-file {file} again" if file else "load it in Python, with model= an instance of it"
        )
        raise UsageError(
            f"{path} trained {recipe.model.name}, a module of your own, which cannot be built by name: {again}"
        )
    if model is not None and not recipe.model.custom:
        raise UsageError(f"{path} trained the registered network {recipe.model.name}: leave model= out")
    if model is None:
        model = create_model(recipe.model.name, num_classes=len(classes), **recipe.model.options)
    load_weights(model, run.weights)
    return _trained(model, recipe, classes, device, str(path), f"of the run {path}", run)


def load_packaged(name: str, device: torch.device) -> TrainedModel:
    """Load a network whose trained weights come with the package.

    Raises:
        UsageError: the package has no weights of this network.
    """
    about = read_about(packaged_file(name))
    recipe = parse_recipe(json.loads(about["settings"]), f"of the packaged {name}")
    classes = tuple(json.loads(about["classes"]))
    model = create_model(name, num_classes=len(classes), weights="decanet")
    weights = f"packaged with decanet, trained on {about['data']} by the recipe {about['recipe']}"
    return _trained(model, recipe, classes, device, name, weights)


def _trained(
    model: nn.Module,
    recipe: Recipe,
    classes: tuple[str, ...],
    device: torch.device,
    reference: str,
    weights: str,
    run: RunFolder | None = None,
) -> TrainedModel:
    model = model.to(device).to(memory_format=torch.channels_last).eval()
    # A run from another machine may have used arithmetic that is slow or missing here.
    automatic = recipe.model_copy(update={"precision": "auto"})
    custom = model if recipe.model.custom else None
    recipe = recipe.model_copy(update={"precision": precision_for(automatic, device, custom)})
    spec = input_spec(recipe, device)
    return TrainedModel(
        model=model,
        classes=classes,
        spec=spec,
        resize=recipe.augmentation.resize or spec.image_size,
        interpolation="bilinear",
        tta=recipe.tta,
        precision=recipe.precision,
        provenance=Provenance(reference, recipe.model.name, weights, run),
        recipe=recipe,
    )
