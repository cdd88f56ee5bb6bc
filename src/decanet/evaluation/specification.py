"""What a recipe means for its network on a machine: the input specification, the cost and the precision."""

import torch
from torch import nn

from decanet.anatomy.cost import cost
from decanet.anatomy.trace import trace
from decanet.convolution.arithmetic import Cost
from decanet.core.errors import DataError, UsageError
from decanet.core.processor import choose_precision
from decanet.core.recipe import Recipe
from decanet.data.input_spec import InputSpec
from decanet.models import model_entry

# A network with fewer multiply-adds an image waits for memory, not for arithmetic. LeNet-5, with 0.3 million, is a
# quarter slower in bfloat16 than in float32; DecaNet-S, with 20 million, is twice as fast (benchmarks/LOG.md).
FEW_MACS = 1_000_000


def input_spec(recipe: Recipe, device: torch.device) -> InputSpec:
    """The input specification of a resolved recipe."""
    data = recipe.data
    assert data.image_size is not None
    assert data.channels is not None
    assert data.mean is not None
    assert data.std is not None
    dtype = torch.bfloat16 if recipe.precision == "bfloat16" else torch.float32
    return InputSpec(data.image_size, data.mean, data.std, device, dtype, data.channels)


def cost_at(
    recipe: Recipe, image_size: int, classes: int | None = None, model: nn.Module | None = None
) -> Cost:
    """Count the parameters and multiply-adds of the recipe's network for one image of ``image_size`` pixels.

    Args:
        recipe: with its channels set.
        classes: number of classes; by default the paper's, and of ``model`` any.
        model: the network of a recipe whose model is custom; it is left as it is.

    Raises:
        DataError: the image does not fit the network.
        UsageError: the outputs of ``model`` do not fit the number of classes, or it has lazy layers without a size.
    """
    assert recipe.data.channels is not None
    input_size = (recipe.data.channels, image_size, image_size)
    if model is None:
        name, options = recipe.model.name, recipe.model.options
        classes = classes or model_entry(name).num_classes
        return cost(name, num_classes=classes, input_size=input_size, **options)
    if any(nn.parameter.is_lazy(tensor) for tensor in (*model.parameters(), *model.buffers())):
        raise UsageError(
            f"{recipe.model.name} has lazy layers without a size: call it once on a batch of images before"
        )
    try:
        traced = trace(model, input_size)
    except DataError as error:
        raise DataError(
            f"{error}; set data.image_size (and progressive_sizes) or data.channels to what the network takes"
        ) from error
    if classes is not None and traced.output_shape != (1, classes):
        raise UsageError(
            f"{recipe.model.name} has outputs of shape {traced.output_shape} for one image, and the data has "
            f"{classes} classes: the shape must be (1, {classes})"
        )
    return Cost(traced.params, traced.macs)


def precision_for(recipe: Recipe, device: torch.device, model: nn.Module | None = None) -> str:
    """Return the recipe's precision; for "auto" the faster one for its network on ``device``.

    The recipe's image size and channels must be set; ``model`` as in :func:`cost_at`.
    """
    assert recipe.data.image_size is not None
    if recipe.precision == "auto" and cost_at(recipe, recipe.data.image_size, model=model).macs < FEW_MACS:
        return "float32"
    return choose_precision(recipe.precision, device)
