"""What a recipe means for its network on a machine: the input specification, the cost and the precision."""

import torch

from decanet.anatomy.cost import cost
from decanet.convolution.arithmetic import Cost
from decanet.core.processor import choose_precision
from decanet.core.recipe import Recipe
from decanet.data.input_spec import InputSpec
from decanet.models import model_entry

# A network with fewer multiply-adds an image waits for memory, not for arithmetic. LeNet-5, with 0.3 million, is a
# quarter slower in bfloat16 than in float32; DecaNet-S, with 20 million, is twice as fast (benchmarks/LOG.md).
FEW_MACS = 1_000_000


def cost_at(recipe: Recipe, image_size: int, classes: int | None = None) -> Cost:
    """The cost of the recipe's network for an image of ``image_size`` pixels and ``classes`` (default: the paper's)."""
    entry = model_entry(recipe.model.name)
    return cost(
        recipe.model.name,
        num_classes=classes or entry.num_classes,
        input_size=(entry.input_size[0], image_size, image_size),
        **recipe.model.options,
    )


def precision_for(recipe: Recipe, device: torch.device) -> str:
    """The recipe's precision; for "auto" the faster one for its network on ``device``. The image size must be set."""
    assert recipe.data.image_size is not None
    if recipe.precision == "auto" and cost_at(recipe, recipe.data.image_size).macs < FEW_MACS:
        return "float32"
    return choose_precision(recipe.precision, device)


def input_spec(recipe: Recipe, device: torch.device) -> InputSpec:
    """The input specification of a resolved recipe."""
    assert recipe.data.image_size is not None
    assert recipe.data.mean is not None
    assert recipe.data.std is not None
    dtype = torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
    channels = model_entry(recipe.model.name).input_size[0]
    return InputSpec(recipe.data.image_size, recipe.data.mean, recipe.data.std, device, dtype, channels)
