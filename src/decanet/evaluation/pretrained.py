"""Pretrained weights, measured on a folder of one's own: the weights bring their preprocessing along."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from decanet.core.errors import DataError, UsageError
from decanet.core.progress import Report, Silent
from decanet.data.batches import InputSpec, folder_evaluation
from decanet.data.folder import IMAGENET_MEAN, IMAGENET_STD, Listed, images_to_test
from decanet.evaluation.evaluate import predict
from decanet.evaluation.metrics import Predictions
from decanet.models import create_model, model_entry
from decanet.models.pretrained import (
    LIBRARIES,
    Preprocessing,
    PretrainedAccuracy,
    imagenet_categories,
    pretrained_accuracy,
    weights_preprocessing,
)

IMAGENET_CLASSES = 1000
WORDNET_NUMBER = re.compile(r"n\d{8}")


@dataclass(frozen=True)
class Measured:
    """What was measured, and what the publisher states for the same weights on ImageNet's validation images.

    ``notes`` are lines on the weights, see :func:`decanet.models.create_model`.
    """

    said: Predictions
    stated: PretrainedAccuracy | None
    preprocessing: Preprocessing
    notes: tuple[str, ...] = ()


def evaluate_pretrained(
    name: str, weights: str, folder: Path, device: torch.device, report: Report | None = None
) -> Measured:
    """Evaluate network ``name`` with ``weights`` on the images DIR/CLASS/... or DIR/val/CLASS/... of ``folder``.

    Any of ImageNet's classes, with any number of images; see :func:`imagenet_labels` for their names.

    Raises:
        UsageError: no such network or weights.
        CheckpointError: the weights cannot be had or belong to another network.
        DataError: no images, or a class that ImageNet does not have.
    """
    from_library = weights.partition(":")[0] in LIBRARIES
    preprocessing = weights_preprocessing(name, weights) if from_library else _usual_preprocessing(name)
    listed = imagenet_images(folder, report or Silent())
    model = create_model(name, weights=weights).to(device).to(memory_format=torch.channels_last)
    notes: Any = model.decanet_notes
    # float32, as the publishers measured: the figure is to stand beside theirs.
    spec = InputSpec(preprocessing.crop, preprocessing.mean, preprocessing.std, device, torch.float32)
    batches = folder_evaluation(
        listed,
        spec,
        preprocessing.resize,
        interpolation=preprocessing.interpolation,
        crop=preprocessing.crop,
    )
    said = predict(
        model, batches, tta="none", image_size=preprocessing.crop, device=device, precision="float32"
    )
    stated = pretrained_accuracy(name, weights) if from_library else None
    return Measured(said, stated, preprocessing, tuple(notes))


def _usual_preprocessing(name: str) -> Preprocessing:
    """What a weights file of ``name`` most likely expects: what the library that publishes this network states."""
    for pretrained in model_entry(name).pretrained:
        try:
            return weights_preprocessing(name, pretrained.library)
        except UsageError:  # a library that is not installed
            continue
    image_size = model_entry(name).input_size[1]
    return Preprocessing(round(image_size * 8 / 7), image_size, IMAGENET_MEAN, IMAGENET_STD, "bilinear")


def imagenet_images(folder: Path, report: Report) -> Listed:
    """The images below ``folder`` that are tested, with their ImageNet labels, 0 to 999."""
    where, part = images_to_test(folder, report)
    labels = imagenet_labels(list(part), where)
    return tuple((path, labels[name]) for name, paths in part.items() for path in paths)


def imagenet_labels(names: Sequence[str], where: Path) -> dict[str, int]:
    """ImageNet's label of each class folder.

    Folders are named by their WordNet numbers ("n02123045"), or as torchvision names the classes, with or without
    underscores ("tabby", "golden_retriever"). The sorted WordNet numbers are ImageNet's order of labels: all thousand
    need no list. For fewer the list is timm's, since torchvision brings the names only.

    Raises:
        DataError: a class that ImageNet does not have, or WordNet numbers of some classes only, where timm is not
            installed.
    """
    if all(WORDNET_NUMBER.fullmatch(name) for name in names):
        order = sorted(names) if len(names) == IMAGENET_CLASSES else _wordnet_numbers(where)
    else:
        order = [category.replace(" ", "_") for category in imagenet_categories()]
    known = {name: label for label, name in enumerate(order)}
    labels = {name: known.get(name.replace(" ", "_")) for name in names}
    if strange := [name for name, label in labels.items() if label is None]:
        raise DataError(
            f"{where / strange[0]}: ImageNet has no class of that name; name all class folders by WordNet number "
            "(n02123045), or all as torchvision names the classes (golden_retriever)"
        )
    return {name: label for name, label in labels.items() if label is not None}


def _wordnet_numbers(where: Path) -> list[str]:
    """ImageNet's WordNet numbers in the order of the labels, as timm lists them."""
    try:
        from timm.data import ImageNetInfo
    except ImportError:
        raise DataError(
            f"{where} holds some of ImageNet's classes by WordNet number, and the list of the numbers comes with timm: "
            "pip install 'decanet[timm]', give all 1000 folders, or name them as torchvision names the classes"
        ) from None
    return list(ImageNetInfo().label_names())
