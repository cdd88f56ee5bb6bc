"""ImageNet's labels for the class folders of a user's own images."""

import re
from collections.abc import Sequence
from pathlib import Path

from decanet.core.errors import DataError
from decanet.core.progress import Report
from decanet.data import FolderSplit, ImageData
from decanet.data.folder import IMAGENET_MEAN, IMAGENET_STD, images_to_test
from decanet.models.imagenet import imagenet_categories, wordnet_numbers

IMAGENET_CLASSES = 1000
WORDNET_NUMBER = re.compile(r"n\d{8}")


def imagenet_data(folder: Path, report: Report) -> ImageData:
    """Load the images DIR/CLASS/... or DIR/val/CLASS/... of ``folder`` as a test split with ImageNet's labels.

    Any of ImageNet's classes, with any number of images; see :func:`imagenet_labels` for their names.

    Raises:
        DataError: no images, or a class that ImageNet does not have.
    """
    place = folder.resolve()
    return ImageData(
        name=str(place),
        classes=tuple(imagenet_categories()),
        train=FolderSplit(()),
        test=imagenet_images(folder, report),
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        flippable=True,
        source=f"folder {place.name}",
    )


def imagenet_images(folder: Path, report: Report) -> FolderSplit:
    """Return the test images below ``folder`` with their ImageNet labels, 0 to 999."""
    where, part = images_to_test(folder, report)
    labels = imagenet_labels(list(part), where)
    return FolderSplit(tuple((path, labels[name]) for name, paths in part.items() for path in paths))


def imagenet_labels(names: Sequence[str], where: Path) -> dict[str, int]:
    """Return ImageNet's label of each class folder.

    Folders are named by their WordNet numbers ("n02123045"), or as torchvision spells the classes, with or without
    underscores ("tabby", "golden_retriever").

    Raises:
        DataError: a class that ImageNet does not have.
    """
    if all(WORDNET_NUMBER.fullmatch(name) for name in names):
        order = wordnet_numbers()
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
