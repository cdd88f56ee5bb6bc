"""What several tests of data share: an input specification, batches to compare, listed folders."""

from collections.abc import Iterator
from pathlib import Path

import torch

from decanet.core.recipe import Augmentation
from decanet.core.runtime import Ranks
from decanet.data import FolderSplit, ImageData, RunData, Split, load_data
from decanet.data.input_spec import InputSpec
from decanet.data.loaders import Batch, Batches
from tests.conftest import Heard

CPU = torch.device("cpu")
ALONE = Ranks()
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
RICH = Augmentation(flip="random", crop_padding=2, cutout=4)


def spec(image_size: int = 8, dtype: torch.dtype = torch.float32) -> InputSpec:
    return InputSpec(image_size, MEAN, STD, CPU, dtype)


def batches_of(
    split: Split,
    augmentation: Augmentation = RICH,
    ranks: Ranks = ALONE,
    seed: int = 0,
    image_size: int = 8,
) -> Batches:
    """Training batches of 20 images."""
    return split.training_batches(
        augmentation, flippable=True, batch_size=20, seed=seed, spec=spec(image_size), ranks=ranks
    )


def same(first: list[Batch] | Iterator[Batch], second: list[Batch] | Iterator[Batch]) -> bool:
    """Whether two series of batches are equal bit for bit."""
    first, second = list(first), list(second)
    return len(first) == len(second) and all(
        torch.equal(a.images, b.images)
        and torch.equal(a.labels, b.labels)
        and torch.equal(a.samples, b.samples)
        for a, b in zip(first, second, strict=True)
    )


LISTED = 100  # pixels from which the images of a folder stay in their files


def load_listed(folder: Path, heard: Heard, stored: RunData | None = None) -> ImageData:
    data = load_data(
        str(folder), cache=folder.parent / "cache", report=heard, image_size=LISTED, stored=stored
    )
    assert isinstance(data.train, FolderSplit)
    return data


def remembered(data: ImageData) -> RunData:
    """As a run writes it down and reads it back."""
    about = {"name": data.name, "classes": list(data.classes), "files": data.files}
    return RunData.of(about, Path("data.json"))
