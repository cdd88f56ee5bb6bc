"""A finished or interrupted run, or a network that comes trained with the package, ready to judge pictures with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from decanet.convolution.pictures import read_rgb
from decanet.core.errors import CheckpointError, DataError, UsageError
from decanet.core.processor import choose_precision
from decanet.core.recipe import Recipe, parse_recipe, read_recipe
from decanet.core.results import RunFolder
from decanet.data.batches import Form
from decanet.data.folder import fit_square
from decanet.evaluation.protocol import VIEWS, autocast
from decanet.models import Cost, cost, create_model, model_entry
from decanet.models._files import load_weights, read_about, shipped_file

# A network with fewer multiply-adds a picture waits for memory, not for arithmetic. LeNet-5, with 0.3 million, is a
# quarter slower in bfloat16 than in float32; DecaNet-S, with 20 million, is twice as fast (benchmarks/LOG.md).
FEW_MACS = 1_000_000


@dataclass(frozen=True)
class TrainedModel:
    """A network with all it needs to name what is on a picture.

    Attributes:
        model: in evaluation mode, on the device.
        recipe: the resolved recipe of its training.
        classes: names of its outputs.
        form: what pictures must be brought into.
    """

    model: nn.Module
    recipe: Recipe
    classes: tuple[str, ...]
    form: Form


def cost_at(recipe: Recipe, side: int, classes: int | None = None) -> Cost:
    """What the recipe's network costs for a picture of ``side`` pixels and ``classes`` (default: the paper's)."""
    entry = model_entry(recipe.model.name)
    return cost(
        recipe.model.name,
        num_classes=classes or entry.num_classes,
        input_size=(entry.input_size[0], side, side),
        **recipe.model.options,
    )


def precision_for(recipe: Recipe, device: torch.device) -> str:
    """The recipe's precision; for "auto" the faster one here for its network. The size of pictures must be set."""
    assert recipe.data.image_size is not None
    if recipe.precision == "auto" and cost_at(recipe, recipe.data.image_size).macs < FEW_MACS:
        return "float32"
    return choose_precision(recipe.precision, device)


def form_of(recipe: Recipe, device: torch.device) -> Form:
    """The form of pictures for a resolved recipe."""
    assert recipe.data.image_size is not None
    assert recipe.data.mean is not None
    assert recipe.data.std is not None
    dtype = torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
    channels = model_entry(recipe.model.name).input_size[0]
    return Form(recipe.data.image_size, recipe.data.mean, recipe.data.std, device, dtype, channels)


def load_run(path: Path, device: torch.device) -> TrainedModel:
    """Read a run's recipe, classes and weights. Raises CheckpointError when it is no run or is damaged."""
    run = RunFolder(path)
    if not run.recipe.exists():
        raise CheckpointError(f"{path} is not a run: it has no recipe.toml; decanet train makes one")
    try:
        recipe = read_recipe(run.recipe)
    except UsageError as error:
        raise CheckpointError(f"{path} is damaged: {error}") from None
    if None in (recipe.data.image_size, recipe.data.mean, recipe.data.std):
        raise CheckpointError(
            f"{run.recipe} is not a run's: it leaves the size or the constants of data open"
        )
    about = run.read_json(run.data)
    if not isinstance(about, dict) or not about.get("classes"):
        raise CheckpointError(f"{run.data} is damaged (it names no classes); train again")
    classes = tuple(about["classes"])
    model = create_model(recipe.model.name, num_classes=len(classes), **recipe.model.options)
    load_weights(model, run.weights)
    return _ready(model, recipe, classes, device)


def load_shipped(name: str, device: torch.device) -> TrainedModel:
    """A network that comes trained with the package: nothing needs to be fetched or trained.

    Raises:
        UsageError: the package brings no weights of this network along.
    """
    about = read_about(shipped_file(name))
    recipe = parse_recipe(json.loads(about["settings"]), f"of the shipped {name}")
    classes = tuple(json.loads(about["classes"]))
    return _ready(create_model(name, num_classes=len(classes), weights="decanet"), recipe, classes, device)


def _ready(model: nn.Module, recipe: Recipe, classes: tuple[str, ...], device: torch.device) -> TrainedModel:
    model = model.to(device).to(memory_format=torch.channels_last).eval()
    # A run from another machine may have used arithmetic that is slow or missing here.
    automatic = recipe.model_copy(update={"precision": "auto"})
    recipe = recipe.model_copy(update={"precision": precision_for(automatic, device)})
    return TrainedModel(model, recipe, classes, form_of(recipe, device))


Guesses = list[tuple[str, float]]  # class and probability, most probable first


@torch.inference_mode()
def name_pictures(
    trained: TrainedModel, paths: Sequence[Path], top: int, batch_size: int = 64
) -> tuple[list[tuple[Path, Guesses]], list[str]]:
    """The ``top`` most probable classes of each picture, and a line on each picture that cannot be read."""
    recipe, form = trained.recipe, trained.form
    side = recipe.augmentation.resize or form.side
    readable: list[Path] = []
    squares: list[Tensor] = []
    problems: list[str] = []
    named: list[tuple[Path, Guesses]] = []

    def judge_waiting() -> None:
        if not squares:
            return
        wide = replace(form, side=side)
        x = wide.normalise(torch.stack(squares).to(form.device))
        with autocast(form.device, recipe.precision):
            probabilities = VIEWS[recipe.test_crops](trained.model, x, form.side).exp().cpu()
        best = probabilities.topk(min(top, len(trained.classes)), dim=1)
        for path, shares, labels in zip(readable, best.values.tolist(), best.indices.tolist(), strict=True):
            named.append(
                (path, [(trained.classes[k], share) for k, share in zip(labels, shares, strict=True)])
            )
        readable.clear()
        squares.clear()

    for path in paths:
        try:
            picture = read_rgb(path)
        except DataError as error:
            problems.append(str(error))
            continue
        squares.append(torch.from_numpy(fit_square(picture, side).copy()).permute(2, 0, 1))
        readable.append(path)
        if len(squares) == batch_size:
            judge_waiting()
    judge_waiting()
    return named, problems
