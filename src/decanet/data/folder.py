"""Folders of a user's images: ``DIR/CLASS/image.jpg``, or ``DIR/train/CLASS`` with ``DIR/test/CLASS``.

Without such splits, every fifth image of each class is held out for the test split, and the run records which. Images
for networks of small inputs are read once into memory; others are read when they are used.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from decanet.core.errors import DataError
from decanet.core.progress import Report
from decanet.core.recipe import Rgb
from decanet.data._folder_layout import Layout, understand
from decanet.data._folder_split import divide, hash_files, label, training_classes
from decanet.data.image_data import ImageData, channel_statistics
from decanet.data.image_files import check_images
from decanet.data.loaders.folder import FolderSplit, Samples
from decanet.data.loaders.memory import MemorySplit
from decanet.data.loaders.protocol import Split
from decanet.data.run_data import RunData, follow

IN_MEMORY_SIZE = 64  # pixels; 100,000 images of this size take 1.2 GB
IMAGENET_MEAN: Rgb = (0.485, 0.456, 0.406)  # the constants of most pretrained ImageNet weights
IMAGENET_STD: Rgb = (0.229, 0.224, 0.225)


def load_folder(
    folder: Path, image_size: int, seed: int, report: Report, cache: Path, stored: RunData | None = None
) -> ImageData:
    """Load the images below ``folder``: into memory at ``image_size`` if that is small, else as a list of files.

    Args:
        folder: with a layout that ``decanet.data._folder_layout`` describes.
        image_size: size in pixels to which images in memory are resized.
        seed: of the split, if the folder has none.
        report: gets the layout that was recognized, and what was left out.
        cache: folder of the list of readable images.
        stored: data of the run that resumes; the files of its split must still be there.

    Raises:
        DataError: no folder, an ambiguous layout, fewer than two classes, a class without images, unreadable
            images; or images of the run's split are missing or changed.
    """
    if stored is not None and not folder.is_dir():
        raise DataError(f"no folder {folder}, which the run was trained on; put it there, or a link to it")
    layout = understand(folder, stored.classes if stored else ())
    _tell(layout, report)
    classes = stored.classes if stored else training_classes(layout)
    hashes = hash_files([path for path, _ in layout.images()], report)
    if stored is None:
        parts = divide(layout, classes, hashes, seed, report)
        files = {
            name: {path.relative_to(folder).as_posix(): hashes[path] for path, _ in listed}
            for name, listed in parts.items()
        }
    else:
        parts, changes = follow(stored, layout, hashes)
        files = stored.files
        if changes.missing or changes.changed:
            raise DataError(
                f"{folder} has changed since the run began: {changes}; put the files back, or train anew"
            )
        if str(changes):
            report.note(f"the run resumes with its original images; {changes}")
    about: dict[str, Any] = {**_about(folder, classes), "files": files}
    if stored is not None:
        about["name"] = stored.name  # also if a link leads to the images now
    if image_size > IN_MEMORY_SIZE:
        check_images({path: hashes[path] for listed in parts.values() for path, _ in listed}, cache, report)
        splits = {name: FolderSplit(listed) for name, listed in parts.items()}
        return ImageData(**(about | splits), mean=IMAGENET_MEAN, std=IMAGENET_STD)
    read = read_splits(parts, image_size, report)
    mean, std = channel_statistics(read["train"].images)
    # A channel without any variation would be divided by zero.
    safe = (max(std[0], 1e-3), max(std[1], 1e-3), max(std[2], 1e-3))
    return ImageData(**(about | read), mean=mean, std=safe)


def read_splits(parts: Mapping[str, Samples], image_size: int, report: Report) -> dict[str, MemorySplit]:
    """Decode several splits at once, so that an error names the unreadable images of all."""
    samples = tuple(itertools.chain.from_iterable(parts.values()))
    read = FolderSplit(samples).in_memory(image_size, report)
    ends = list(itertools.accumulate(map(len, parts.values()), initial=0))
    return {name: read[slice(*ends[place : place + 2])] for place, name in enumerate(parts)}


def load_test_folder(folder: Path, image_size: int, report: Report, run: RunData) -> ImageData:
    """Load the images below ``folder`` for the evaluation of a run, with the labels of the run; ``train`` is empty.

    From the run's own folder these are the stored test images that are still there. From any other folder these are
    all images, or its test split if it has splits. Files that the run was trained on are left out under any name; an
    image that was saved again is another file.

    Raises:
        DataError: no folder, an ambiguous layout, a class that the run does not have, or no image to test on.
    """
    if run.files and folder.resolve() == Path(run.name).resolve():
        test = _stored_test(folder, run, report)
    else:
        test = _all_to_test(folder, run, report)
    about = {**_about(folder, run.classes), "mean": IMAGENET_MEAN, "std": IMAGENET_STD}
    split: Split = FolderSplit(test)
    if image_size <= IN_MEMORY_SIZE:
        split = FolderSplit(test).in_memory(image_size, report)
    return ImageData(train=split[:0], test=split, **about)


def _about(folder: Path, classes: tuple[str, ...]) -> dict[str, Any]:
    # The whole path, so that a run finds it from any folder; results that leave the machine have the name alone.
    place = folder.resolve()
    return {"name": str(place), "classes": classes, "flippable": True, "source": f"folder {place.name}"}


def _stored_test(folder: Path, run: RunData, report: Report) -> Samples:
    if not folder.is_dir():
        raise DataError(
            f"no folder {folder}, which the run was trained on; say where it is now with --data DIR"
        )
    layout = understand(folder, run.classes)
    _tell(layout, report)
    parts, changes = follow(run, layout, hash_files([path for path, _ in layout.images()], report))
    test = parts.get("test", ())
    if str(changes):
        report.note(f"{folder} has changed since the run began: {changes}")
    if changes.renamed:
        raise DataError(
            f"{folder} holds images of the run in other folders than its classes' ({', '.join(changes.renamed)}); "
            f"rename these to what they were: {', '.join(run.classes[:10])}{', ...' * (len(run.classes) > 10)}"
        )
    if not test:
        raise DataError(f"{folder} holds none of the run's test images any more")
    report.note(
        f"split: the run's own; {len(test)} of {len(run.files['test'])} test images are there, unchanged"
    )
    return test


def _all_to_test(folder: Path, run: RunData, report: Report) -> Samples:
    where, part = images_to_test(folder, report, run.classes)
    refuse_unknown(part, run.classes, where)
    listed = label(part, run.classes)
    if not run.files:
        return listed
    hashes, trained_on = hash_files([path for path, _ in listed], report), run.trained_on()
    test = tuple(item for item in listed if hashes[item[0]] not in trained_on)
    if not test:
        raise DataError(f"the run was trained on every image of {where}: nothing to test on")
    if len(test) < len(listed):
        report.note(
            f"{len(listed) - len(test)} of {len(listed)} images left out: the run was trained on them"
        )
    return test


def images_to_test(
    folder: Path, report: Report, known: Collection[str] = ()
) -> tuple[Path, dict[str, tuple[Path, ...]]]:
    """List all images of a folder by class, and the folder that holds the class folders.

    From a folder with splits these are the images of the test split, else of the validation split, else of the training
    split.

    Args:
        folder: with a layout that ``decanet.data._folder_layout`` describes; one class and one image are enough.
        report: gets the layout that was recognized, and what was left out.
        known: names that are classes even if they look like splits.

    Raises:
        DataError: no folder, an ambiguous layout, or no classes.
    """
    layout = understand(folder, known)
    _tell(layout, report)
    role = next(role for role in ("all", "test", "validation", "train") if role in layout.parts)
    if not layout.parts[role]:
        raise DataError(f"{folder} holds no class folders; arrange it as DIR/CLASS/image.jpg")
    if len(layout.parts) > 1:
        report.note(f"testing on {layout.names[role]}/ only")
    return layout.where(role), layout.parts[role]


def list_folder(folder: Path) -> FolderSplit:
    """All images of all splits below a folder, sorted; the classes are labeled in the order of their names."""
    images = list(understand(folder).images())
    classes = sorted({name for _, name in images})
    return FolderSplit(tuple(sorted((path, classes.index(name)) for path, name in images)))


def refuse_unknown(names: Iterable[str], classes: Sequence[str], where: object) -> None:
    """Raise DataError if ``names`` contains a class that a run does not have."""
    strange = [name for name in names if name not in classes]
    if strange:
        known = ", ".join(classes[:10]) + (", ..." if len(classes) > 10 else "")
        raise DataError(
            f"{where} has other classes than the run was trained on: {', '.join(strange[:5])}; it knows {known}: "
            "rename the folders, or move them away"
        )


def _tell(layout: Layout, report: Report) -> None:
    for note in layout.notes:
        report.note(note)
