"""Published weights, measured on a folder of one's own: the weights bring their preprocessing along."""

from dataclasses import dataclass
from pathlib import Path

import torch

from decanet.core.errors import DataError, UsageError
from decanet.data.batches import Form, folder_evaluation
from decanet.data.folder import IMAGENET_MEAN, IMAGENET_STD, Listed, class_names, pictures_of
from decanet.evaluation.protocol import Predictions, predict
from decanet.models import create_model, model_entry
from decanet.models._weights import (
    LIBRARIES,
    Preprocessing,
    PublishedAccuracy,
    imagenet_categories,
    published_accuracy,
    weights_preprocessing,
)

IMAGENET_CLASSES = 1000


@dataclass(frozen=True)
class Measured:
    """What was measured, and what the publisher states for the same weights on ImageNet's validation pictures.

    ``notes`` are lines on the weights, see :func:`decanet.models.create_model`.
    """

    said: Predictions
    stated: PublishedAccuracy | None
    preprocessing: Preprocessing
    notes: tuple[str, ...] = ()


def measure_published(name: str, weights: str, folder: Path, device: torch.device) -> Measured:
    """Judge network ``name`` with ``weights`` on the pictures DIR/CLASS/... or DIR/val/CLASS/... of ``folder``.

    With a thousand class folders their sorted order is ImageNet's (the WordNet numbers are). With fewer, each folder's
    name must be one of ImageNet's class names as torchvision spells them, for instance "tabby" or "golden_retriever".

    Raises:
        UsageError: no such network or weights.
        CheckpointError: the weights cannot be had or belong to another network.
        DataError: no pictures, or a class that ImageNet does not have.
    """
    from_library = weights.partition(":")[0] in LIBRARIES
    preprocessing = weights_preprocessing(name, weights) if from_library else _usual_preprocessing(name)
    listed = imagenet_pictures(folder)
    model = create_model(name, weights=weights).to(device).to(memory_format=torch.channels_last)
    notes = tuple(model.decanet_notes)
    # float32, as the publishers measured: the figure is to stand beside theirs.
    form = Form(preprocessing.crop, preprocessing.mean, preprocessing.std, device, torch.float32)
    batches = folder_evaluation(
        listed,
        form,
        preprocessing.resize,
        interpolation=preprocessing.interpolation,
        crop=preprocessing.crop,
    )
    said = predict(model, batches, views="one", side=preprocessing.crop, device=device, precision="float32")
    stated = published_accuracy(name, weights) if from_library else None
    return Measured(said, stated, preprocessing, notes)


def _usual_preprocessing(name: str) -> Preprocessing:
    """What a weights file of ``name`` most likely expects: what the library that publishes this network states."""
    for published in model_entry(name).published:
        try:
            return weights_preprocessing(name, published.library)
        except UsageError:  # a library that is not installed
            continue
    side = model_entry(name).input_size[1]
    return Preprocessing(round(side * 8 / 7), side, IMAGENET_MEAN, IMAGENET_STD, "bilinear")


def imagenet_pictures(folder: Path) -> Listed:
    """Pictures below ``folder`` with their ImageNet labels, 0 to 999."""
    if not folder.is_dir():
        raise DataError(f"no folder {folder}; --data takes a folder DIR/CLASS/picture.jpg")
    root = folder / "val" if (folder / "val").is_dir() else folder
    names = class_names(root)
    if not names:
        raise DataError(f"{root} has no class folders; --data takes a folder DIR/CLASS/picture.jpg")
    if len(names) == IMAGENET_CLASSES:
        labels = {name: index for index, name in enumerate(names)}
    else:
        known = {category.replace(" ", "_"): index for index, category in enumerate(imagenet_categories())}
        labels = {name: known[key] for name in names if (key := name.replace(" ", "_")) in known}
        strange = [name for name in names if name not in labels]
        if strange:
            raise DataError(
                f"{root} has {len(names)} classes, and ImageNet has none called {strange[0]!r}; it takes all 1000 "
                "folders, or folders named as torchvision names the classes, for instance golden_retriever"
            )
    return tuple((path, labels[name]) for name in names for path, _ in pictures_of(root, [name]))
