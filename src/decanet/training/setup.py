"""What a training starts from: the network, its cost and the batches of a resolved recipe."""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from decanet.convolution.arithmetic import Cost
from decanet.core.recipe import Recipe
from decanet.core.runtime import Ranks, generator, seed_from
from decanet.data import ImageData
from decanet.data.loaders import Batches
from decanet.evaluation.specification import cost_at, input_spec
from decanet.models import create_model
from decanet.training.schedules import image_sizes

WHITENING_IMAGES = 1000  # a million patches, plenty for a 12x12 covariance


def build(recipe: Recipe, data: ImageData) -> nn.Module:
    """Build the recipe's registered network, with weights drawn from the recipe's seed."""
    torch.manual_seed(seed_from(recipe.seed, "initialise"))
    return create_model(recipe.model.name, num_classes=len(data.classes), **recipe.model.options)


def cost_of(recipe: Recipe, data: ImageData, model: nn.Module | None = None) -> Cost:
    """Return the cost of the recipe's network at its image size.

    Raises:
        DataError: the images of one of the recipe's sizes are too small for it.
        UsageError: they do not fit ``model``, the caller's own network.
    """
    for _, image_size in image_sizes(recipe):
        cost = cost_at(recipe, image_size, len(data.classes), model)
    return cost


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
    """Compute the first layer of a network with ``initialize_from(images)`` from a sample of the training set."""
    if not hasattr(model, "initialize_from"):
        return
    train = data.held_out(recipe.validation)[0]
    chosen = torch.randperm(len(train), generator=generator(recipe.seed, "whitening"))[:WHITENING_IMAGES]
    spec = replace(input_spec(recipe, torch.device("cpu")), dtype=torch.float32)
    initialize_from: Any = model.initialize_from
    initialize_from(spec.normalize(train.pixels(chosen, spec.image_size)))
