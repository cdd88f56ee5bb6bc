"""A folder of one's own pictures: ``DIR/CLASS/picture.jpg``, or ``DIR/train/CLASS`` with ``DIR/val/CLASS``.

Without a ``val`` (or ``test``) folder, a seeded stratified split sets every fifth picture of each class aside
for testing; the run writes it down. For networks that see small pictures everything is read once into memory;
for those that see large ones the pictures are read when needed.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from decanet.core.errors import DataError
from decanet.core.processor import usable_cores
from decanet.core.recipe import Rgb
from decanet.core.report import Report
from decanet.core.runtime import generator
from decanet.data._base import FolderData, ImageData, Split, channel_statistics
from decanet.data.images import images_below

IN_MEMORY_SIDE = 64  # up to this side, 100,000 pictures take 1.2 GB
IMAGENET_MEAN: Rgb = (0.485, 0.456, 0.406)  # the constants that published ImageNet weights are trained with
IMAGENET_STD: Rgb = (0.229, 0.224, 0.225)

# A JPEG is decoded at a fraction of its size where this many times the wanted size remains, as Pillow's thumbnails
# do: the rest of the way is a proper resampling, and the result differs by a grey level or so.
DRAFT_GAP = 2

# Images longer than this many times their width are cut before they are resized; panoramas are not.
THIN = 64

Listed = tuple[tuple[Path, int], ...]


def load_folder(folder: Path, image_size: int, seed: int, report: Report) -> ImageData | FolderData:
    """The pictures below ``folder``: in memory at ``image_size`` when that is small, else listed.

    Raises:
        DataError: no folder, fewer than two classes, a class without pictures, an unreadable picture.
    """
    classes, train, test = list_folder(folder, seed)
    files = {
        name: [str(path.relative_to(folder)) for path, _ in split]
        for name, split in (("train", train), ("test", test))
    }
    source = f"folder {folder}"
    if image_size > IN_MEMORY_SIDE:
        constants = IMAGENET_MEAN, IMAGENET_STD
        return FolderData(
            str(folder), classes, train, test, *constants, mirror=True, source=source, files=files
        )
    report.note(f"reading {len(train) + len(test)} pictures of {len(classes)} classes from {folder}")
    read_train, read_test = (read_split(split, image_size, report) for split in (train, test))
    mean, std = channel_statistics(read_train.images)
    # A channel without any variation would be divided by zero.
    safe = (max(std[0], 1e-3), max(std[1], 1e-3), max(std[2], 1e-3))
    return ImageData(
        str(folder), classes, read_train, read_test, mean, safe, mirror=True, source=source, files=files
    )


def list_folder(folder: Path, seed: int) -> tuple[tuple[str, ...], Listed, Listed]:
    """(classes, training pictures, test pictures) below ``folder``; pictures as (path, label), by path."""
    if not folder.is_dir():
        raise DataError(
            f"no folder {folder}; --data takes a data set's name or a folder DIR/CLASS/picture.jpg"
        )
    if (folder / "train").is_dir():
        classes = _classes(folder / "train")
        train = pictures_of(folder / "train", classes)
        held = next((folder / name for name in ("val", "valid", "test") if (folder / name).is_dir()), None)
        if held is None:
            return classes, *stratified_split(train, len(classes), seed)
        strange = sorted(set(class_names(held)) - set(classes))
        if strange:
            raise DataError(f"{held} has classes that {folder / 'train'} has not: {', '.join(strange)}")
        test = pictures_of(held, tuple(name for name in classes if (held / name).is_dir()), classes)
        return classes, train, test
    classes = _classes(folder)
    return classes, *stratified_split(pictures_of(folder, classes), len(classes), seed)


def class_names(folder: Path) -> list[str]:
    """Names of the folders in ``folder``, sorted."""
    return sorted(path.name for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))


def _classes(folder: Path) -> tuple[str, ...]:
    names = class_names(folder)
    if len(names) < 2:
        found = f"only {names[0]!r}" if names else "none"
        raise DataError(f"{folder} needs a folder for each of at least two classes, it has {found}")
    return tuple(names)


def pictures_of(folder: Path, present: Sequence[str], classes: Sequence[str] = ()) -> Listed:
    """Pictures of the classes ``present`` in ``folder``, labelled by their place in ``classes`` (or ``present``)."""
    classes = classes or present
    listed: list[tuple[Path, int]] = []
    for name in present:
        paths = images_below(folder / name).paths
        listed += [(path, list(classes).index(name)) for path in paths]
    return tuple(listed)


def stratified_split(listed: Listed, classes: int, seed: int) -> tuple[Listed, Listed]:
    """Every fifth picture of each class, in a seeded order, for testing; at least one for each side."""
    order = torch.randperm(len(listed), generator=generator(seed, "folder split")).tolist()
    held: set[int] = set()
    for label in range(classes):
        members = [index for index in order if listed[index][1] == label]
        if len(members) < 2:
            raise DataError(
                f"{listed[members[0]][0].parent} holds one picture only: training and testing need two"
            )
        held.update(members[::5])
    train = tuple(item for index, item in enumerate(listed) if index not in held)
    return train, tuple(item for index, item in enumerate(listed) if index in held)


def size_with_short_side(width: int, height: int, side: int) -> tuple[int, int]:
    """Width and height after the short one has become ``side``; the other is rounded down, as in torchvision."""
    short = min(width, height)
    return width * side // short, height * side // short


def fit_square(
    image: np.ndarray | Image.Image, side: int, interpolation: str = "bilinear", crop: int | None = None
) -> np.ndarray:
    """Resize the short side of an image to ``side`` and cut its center out: uint8 (crop, crop, 3).

    Equal to torchvision's ``Resize(side, interpolation)`` and ``CenterCrop(crop)``, pixel by pixel. Of an image more
    than ``THIN`` times as long as wide only the middle is resized: there the window may lie up to a pixel beside.

    Args:
        image: uint8 (H, W, 3), or a Pillow image of mode RGB.
        interpolation: "bilinear" or "bicubic".
        crop: at most ``side``, which is the default.
    """
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    crop = crop or side
    short = min(image.size)
    if max(image.size) > THIN * short:
        # A line of a million pixels would become gigabytes. Equal margins keep the center where it is.
        margins = [(extent - THIN * short) // 2 for extent in image.size]
        across, down = (max(0, margin) for margin in margins)
        image = image.crop((across, down, image.width - across, image.height - down))
    image = image.resize(size_with_short_side(*image.size, side), Image.Resampling[interpolation.upper()])
    left, top = round((image.width - crop) / 2), round((image.height - crop) / 2)
    return np.array(image.crop((left, top, left + crop, top + crop)))  # a copy: PyTorch wants to own it


def read_split(listed: Listed, side: int, report: Report) -> Split:
    """Decode pictures into memory at ``side`` pixels, on all cores. Raises DataError naming a corrupt one."""
    from decanet.convolution.pictures import open_rgb

    images = torch.empty(len(listed), 3, side, side, dtype=torch.uint8)

    def read(item: tuple[Path, int]) -> np.ndarray:
        return fit_square(open_rgb(item[0], DRAFT_GAP * side), side)

    # Pillow decodes outside Python's lock, so threads are enough.
    with ThreadPoolExecutor(usable_cores()) as pool:
        for index, picture in enumerate(pool.map(read, listed)):
            images[index] = torch.from_numpy(picture).permute(2, 0, 1)
            report.progress("reading pictures", index + 1, len(listed), "pictures")
    return Split(images, torch.tensor([label for _, label in listed]))
