"""A trained network together with everything that predicting and evaluating with it need."""

from dataclasses import dataclass, replace

import torch
from torch import nn

from decanet.core.errors import UsageError
from decanet.core.recipe import Recipe
from decanet.core.run_folder import RunFolder
from decanet.data import ImageData
from decanet.data.input_spec import InputSpec
from decanet.evaluation.tta import require_margin
from decanet.models.pretrained import PretrainedAccuracy


@dataclass(frozen=True)
class Provenance:
    """Where a trained network comes from.

    Attributes:
        reference: the model reference that led to it, as it was given.
        architecture: the registered name of the network.
        weights: the origin of the weights in words.
        run: the folder of its training, where there is one.
        stated: the accuracy that the weights' publisher states, where one does.
        notes: what a user should know of the weights, in lines.
    """

    reference: str
    architecture: str
    weights: str
    run: RunFolder | None = None
    stated: PretrainedAccuracy | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrainedModel:
    """What a model reference resolves to.

    The shorter edge of an image is resized to ``resize`` pixels, the center (or each crop of ``tta``) of
    ``spec.image_size`` is taken, and the pixels are normalized by the constants of ``spec``.

    Attributes:
        model: the network in evaluation mode, on the device of ``spec``.
        classes: names of the classes, in the order of the outputs.
        spec: the input specification: image size, mean, std, channels, dtype, device.
        resize: length in pixels of the shorter edge before the crop, at least ``spec.image_size``.
        interpolation: "bilinear" or "bicubic".
        tta: test-time augmentation: none, flip, flip_shift or ten_crop.
        precision: "float32" or "bfloat16".
        provenance: where it comes from.
        recipe: the resolved recipe of its training, where decanet trained it.
    """

    model: nn.Module
    classes: tuple[str, ...]
    spec: InputSpec
    resize: int
    interpolation: str
    tta: str
    precision: str
    provenance: Provenance
    recipe: Recipe | None = None

    def with_tta(self, tta: str | None) -> "TrainedModel":
        """Return the same network with another test-time augmentation; None keeps its own.

        Raises:
            UsageError: the crops of ``tta`` do not fit into the images.
        """
        tta = tta or self.tta
        require_margin(tta, self.resize, self.spec.image_size)
        return replace(self, tta=tta)


def trained_module(
    model: nn.Module, data: ImageData, device: torch.device, image_size: int | None = None
) -> TrainedModel:
    """Prepare a network of the caller's own, whose outputs are the classes of ``data``, for evaluation in float32.

    Args:
        model: is moved to ``device``.
        data: gives the classes and the constants of the normalization.
        device: where the network is put.
        image_size: height and width of its input in pixels; that of the stored images by default.

    Raises:
        UsageError: the images have no common size, and none is given.
    """
    size = image_size or data.test.stored_size
    if size is None:
        raise UsageError(f"the images of {data.name} have no common size: give image_size=")
    name = f"{type(model).__module__}.{type(model).__qualname__}"
    return TrainedModel(
        model=model.to(device),
        classes=data.classes,
        spec=InputSpec(size, data.mean, data.std, device, torch.float32),
        resize=size,
        interpolation="bilinear",
        tta="none",
        precision="float32",
        provenance=Provenance(name, name, "of the caller's own network"),
    )
