"""Resolving a recipe: every default becomes a value, once, for its data, network and machine.

A resolved recipe leaves nothing open: model, image size, channels, mean, std, resize and precision are set, and
training, evaluation and prediction read them from it.
"""

import torch
from torch import nn

from decanet.core.errors import UsageError
from decanet.core.recipe import Model, Recipe
from decanet.data import ImageData
from decanet.evaluation.specification import precision_for
from decanet.evaluation.tta import require_margin
from decanet.models import model_entry


def resolve(recipe: Recipe, data: ImageData, device: torch.device, model: nn.Module | None = None) -> Recipe:
    """Return ``recipe`` with every default replaced by its value for this data and machine.

    Args:
        model: the caller's own network, to be trained instead of the recipe's registered one.

    Raises:
        UsageError: the recipe, the data and the network do not fit together.
    """
    if model is not None:
        recipe = recipe.model_copy(update={"model": own_model(model)})
    elif recipe.model.custom:
        raise UsageError(
            f"the recipe trains {recipe.model.name}, a module of your own: "
            "train it in Python, with model= an instance of it"
        )
    _require_consistency(recipe, data)
    channels, image_size = _channels(recipe), image_size_for(recipe, data)
    resize = recipe.augmentation.resize
    if resize and data.train.stored_size:
        # Training cuts crops out of the stored images without enlarging them, and so must evaluation.
        resize = min(resize, max(image_size, data.train.stored_size))
    # Every kind of test-time augmentation flips, which changes the classes of data such as digits.
    tta = recipe.tta if data.flippable else "none"
    require_margin(tta, resize or image_size, image_size)
    if recipe.augmentation.crop_padding > image_size:
        raise UsageError(
            f"augmentation.crop_padding={recipe.augmentation.crop_padding} is wider than the image itself, so that "
            f"a crop could miss it; the most is {image_size}"
        )
    about_data = {
        "name": data.name,
        "image_size": image_size,
        "channels": channels,
        "mean": recipe.data.mean or data.mean,
        "std": recipe.data.std or data.std,
    }
    resolved = recipe.model_copy(
        update={
            "data": recipe.data.model_copy(update=about_data),
            "augmentation": recipe.augmentation.model_copy(update={"resize": resize}),
            "tta": tta,
        }
    )
    return resolved.model_copy(update={"precision": precision_for(resolved, device, model)})


def own_model(model: nn.Module) -> Model:
    """What a recipe says of the caller's own network, and of the file that it comes from, if it does."""
    file, sha256 = (vars(model).get(f"decanet_{what}") for what in ("file", "sha256"))
    return Model(name=qualified_name(model), custom=True, file=file, sha256=sha256)


def qualified_name(model: nn.Module) -> str:
    """The qualified name of the class of ``model``, for instance ``my_package.nets.Net``."""
    return f"{type(model).__module__}.{type(model).__qualname__}"


def image_size_for(recipe: Recipe, data: ImageData | None = None) -> int:
    """The image size of the recipe's network: the recipe's, else a registered network's own, else that of ``data``.

    Raises:
        UsageError: none of them states one.
    """
    if recipe.data.image_size is not None:
        return recipe.data.image_size
    if not recipe.model.custom:
        return model_entry(recipe.model.name).input_size[1]
    if data is not None and data.train.stored_size:
        return data.train.stored_size
    raise UsageError(f"set data.image_size: the image size that {recipe.model.name} takes")


def _channels(recipe: Recipe) -> int:
    if recipe.model.custom:
        return recipe.data.channels or 3
    own = model_entry(recipe.model.name).input_size[0]
    if recipe.data.channels not in {None, own}:
        raise UsageError(
            f"{recipe.model.name} takes images with {own} channels; got data.channels={recipe.data.channels}"
        )
    return own


def _require_consistency(recipe: Recipe, data: ImageData) -> None:
    """Raise UsageError where settings contradict each other, or leave too few images to train on."""
    if recipe.schedule.shape == "plateau" and not recipe.validation:
        raise UsageError(
            "schedule.shape=plateau needs the validation error: set validation, for instance to 0.1"
        )
    if recipe.selection.keep < 1 and (recipe.augmentation.mixup or recipe.augmentation.cutmix):
        raise UsageError(
            "selection.keep needs the loss of single images, which mixup and cutmix blend: "
            "set it to 1, or them to 0"
        )
    kept = len(data.held_out(recipe.validation)[0])
    if kept < 2:
        raise UsageError(f"validation={recipe.validation:g} leaves {kept} images to train on")
