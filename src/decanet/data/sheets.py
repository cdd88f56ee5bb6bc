"""Sheets of images: samples of every class of a data set, and one image as augmentation varies it."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch

from decanet.core.errors import UsageError
from decanet.core.plotting import class_labels, grid_shape, literal, new_figure, show_image, styled
from decanet.core.recipe import Augmentation
from decanet.core.runtime import generator
from decanet.data.image_data import ImageData, bare_name
from decanet.data.input_spec import InputSpec

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_CLASSES = 20  # rows of a sheet
COLUMNS = 8  # of a sheet of one image


@dataclass(frozen=True)
class SampleSheet:
    """Training images of every class.

    Attributes:
        data: name of the data set.
        classes: of the rows, the first 20 of the data set.
        images: of each row, float (n, S, S, 3) in 0..1.
        train_counts, test_counts: number of images of every class in the training and in the test split.
        left_out: number of classes without a row.
    """

    data: str
    classes: tuple[str, ...]
    images: tuple[np.ndarray, ...]
    train_counts: tuple[int, ...]
    test_counts: tuple[int, ...]
    left_out: int


@dataclass(frozen=True)
class AugmentedImage:
    """One training image, and what the loader makes of it in successive epochs.

    Attributes:
        label: its class.
        original: float (S, S, 3) in 0..1.
        augmented: float (n, S, S, 3) in 0..1.
        description: the data augmentation in words.
    """

    label: str
    original: np.ndarray
    augmented: np.ndarray
    description: str


def sample(data: ImageData, spec: InputSpec, per_class: int = 10, seed: int = 0) -> SampleSheet:
    """Choose training images of every class at random.

    Args:
        data: the data set.
        spec: gives the size of the images.
        per_class: number of images of each class, where it has so many.
        seed: of the choice.
    """
    shown = data.classes[:MOST_CLASSES]
    rows = []
    for label in range(len(shown)):
        own = (data.train.labels == label).nonzero().flatten()
        chosen = own[torch.randperm(len(own), generator=generator(seed, "samples", label))[:per_class]]
        rows.append(_pixels(data, spec, chosen.sort().values))
    counts = [
        torch.bincount(split.labels, minlength=len(data.classes)).tolist()[: len(shown)]
        for split in (data.train, data.test)
    ]
    return SampleSheet(
        bare_name(data.name),
        shown,
        tuple(rows),
        tuple(counts[0]),
        tuple(counts[1]),
        len(data.classes) - len(shown),
    )


def augment_one(
    data: ImageData, augmentation: Augmentation, spec: InputSpec, index: int, count: int = 32, seed: int = 0
) -> AugmentedImage:
    """Return one training image as the loader augments it in ``count`` successive epochs.

    Args:
        data: the data set.
        augmentation: of a recipe.
        spec: input specification of the recipe.
        index: number of the image in the training split.
        count: number of epochs.
        seed: of the augmentation.

    Raises:
        UsageError: there is no such image.
    """
    if not 0 <= index < len(data.train):
        raise UsageError(f"{data.name} has training images 0 to {len(data.train) - 1}, got {index}")
    one = data.train[index : index + 1]
    batches = one.training_batches(augmentation, flippable=data.flippable, batch_size=1, seed=seed, spec=spec)
    seen = [batch.images for epoch in range(count) for batch in batches.epoch(epoch)]
    return AugmentedImage(
        data.classes[int(one.labels[0])],
        _pixels(data, spec, torch.tensor([index]))[0],
        _undone(torch.cat(seen), spec),
        describe(augmentation, data.flippable),
    )


def describe(augmentation: Augmentation, flippable: bool = True) -> str:
    """Return a data augmentation in words."""
    parts = []
    if augmentation.flip != "none" and flippable:
        parts.append(f"{augmentation.flip} horizontal flip")
    if augmentation.crop_padding:
        mode = augmentation.padding_mode
        parts.append(f"random crop with {augmentation.crop_padding} pixels of padding ({mode})")
    if augmentation.cutout:
        parts.append(f"cutout of {augmentation.cutout} pixels")
    if augmentation.scale is not None:
        parts.append(f"random crop of {augmentation.scale[0]:.0%} to {augmentation.scale[1]:.0%} of the area")
    return ", ".join(parts) or "none"


def _pixels(data: ImageData, spec: InputSpec, indices: torch.Tensor) -> np.ndarray:
    """Training images as they are for evaluation, (n, S, S, 3) in 0..1."""
    found = [
        _undone(batch.images, spec)
        for index in indices.tolist()
        for batch in data.train[index : index + 1].evaluation_batches(spec)
    ]
    return np.concatenate(found) if found else np.empty((0, spec.image_size, spec.image_size, 3))


def _undone(images: torch.Tensor, spec: InputSpec) -> np.ndarray:
    """Undo the normalization: (n, C, S, S) -> (n, S, S, 3) in 0..1."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (spec.mean, spec.std))
    pixels = images.float().cpu().expand(-1, 3, -1, -1) * std + mean
    return pixels.clamp(0, 1).permute(0, 2, 3, 1).numpy()


def pixels_spec(spec: InputSpec) -> InputSpec:
    """Return ``spec`` for color images in float32 on the CPU: what a sheet shows."""
    return replace(spec, channels=3, dtype=torch.float32, device=torch.device("cpu"))


@styled
def draw_samples(sheet: SampleSheet) -> "Figure":
    """Draw a row of images for each class, with the number of images in both splits."""
    columns = max((len(row) for row in sheet.images), default=1)
    rows = len(sheet.classes)
    figure = new_figure(0.75 * columns + 1.9, 0.78 * rows + 0.7)
    more = f", the first {rows} of {rows + sheet.left_out} classes" if sheet.left_out else ""
    total = f"{sum(sheet.train_counts):,} training and {sum(sheet.test_counts):,} test images"
    figure.suptitle(literal(f"{sheet.data}: {total}{more}"), fontweight="bold")
    grid = figure.subplots(rows, columns + 1, squeeze=False, width_ratios=[2.1] + [1] * columns)
    for axes in grid.ravel():
        axes.set_axis_off()
    names = class_labels(sheet.classes)
    for row, name, images, train, test in zip(
        grid, names, sheet.images, sheet.train_counts, sheet.test_counts, strict=True
    ):
        row[0].text(0, 0.62, literal(name), fontsize=10, fontweight="bold", va="center")
        row[0].text(0, 0.25, f"{train:,} train, {test:,} test", fontsize=8, color="#555555", va="center")
        for axes, image in zip(row[1:], images, strict=False):
            show_image(axes, image)
    return figure


@styled
def draw_augmented(image: AugmentedImage) -> "Figure":
    """Draw the image first, then what it becomes in each epoch."""
    count = len(image.augmented)
    rows, columns = grid_shape(count, COLUMNS)
    figure = new_figure(1.05 * (columns + 1.6), 1.15 * rows + 0.6)
    figure.suptitle(
        literal(f"One {image.label}, {count} epochs: {image.description}"), fontweight="bold", fontsize=11
    )
    left, right = figure.subfigures(1, 2, squeeze=False, width_ratios=(1.6, columns))[0]
    axes = left.subplots()
    show_image(axes, image.original, "the image")
    grid = right.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for epoch, (axes, varied) in enumerate(zip(grid, image.augmented, strict=False)):
        show_image(axes, varied)
        axes.set_title(f"epoch {epoch + 1}", fontsize=7, fontweight="normal", pad=2)
    return figure
