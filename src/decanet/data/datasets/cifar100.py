"""CIFAR-100: 60,000 color images of 32x32 in 100 classes (A. Krizhevsky, 2009), from its publisher."""

import os
from pathlib import Path

from decanet.core.errors import DataError
from decanet.core.progress import Report
from decanet.data.datasets._download import download, file_digest
from decanet.data.datasets._records import Splits, from_publisher, load_splits, to_split
from decanet.data.image_data import ImageData, channel_statistics
from decanet.data.registry import DatasetEntry, register_dataset

CLASSES = (
    "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle",
    "bowl", "boy", "bridge", "bus", "butterfly", "camel", "can", "castle", "caterpillar", "cattle",
    "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab", "crocodile", "cup", "dinosaur",
    "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo",
    "keyboard", "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree",
    "motorcycle", "mountain", "mouse", "mushroom", "oak_tree", "orange", "orchid", "otter", "palm_tree",
    "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine", "possum", "rabbit",
    "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper",
    "snail", "snake", "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank",
    "telephone", "television", "tiger", "tractor", "train", "trout", "tulip", "turtle", "wardrobe",
    "whale", "willow_tree", "wolf", "woman", "worm",
)  # fmt: skip

PUBLISHER = "https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz"
PUBLISHER_MD5 = "03b5dce01913d631647c71ecec9e9cb8"
PUBLISHER_SIZE = 168_513_733
LABEL_BYTES = 2  # the superclass, then the class


def load(cache: Path, source: str, report: Report) -> ImageData:
    """Load CIFAR-100 with its hundred fine classes. Raises DataError if no source has it."""
    given = Path(os.path.expanduser(source))
    if given.is_file() and file_digest(given, "md5") != PUBLISHER_MD5:
        raise DataError(f"{given} is not the publisher's cifar-100-binary.tar.gz (MD5 differs)")
    sources = {"publisher": lambda report: _from_publisher(cache, report)}
    unknown_sums = {"train": None, "test": None}
    records, served_by = load_splits(cache / "cifar100", unknown_sums, LABEL_BYTES, sources, source, report)
    train = to_split(records["train"], LABEL_BYTES)
    mean, std = channel_statistics(train.images)
    return ImageData(
        name="cifar100",
        classes=CLASSES,
        train=train,
        test=to_split(records["test"], LABEL_BYTES),
        mean=mean,
        std=std,
        flippable=True,
        source=served_by,
    )


def _from_publisher(cache: Path, report: Report) -> Splits:
    archive = cache / "downloads" / "cifar-100-binary.tar.gz"
    if not archive.exists():
        download(PUBLISHER, archive, md5=PUBLISHER_MD5, size=PUBLISHER_SIZE, report=report)
    records = from_publisher(archive, ("train", "test"), LABEL_BYTES)
    archive.unlink()
    return records


register_dataset(
    DatasetEntry(
        name="cifar100",
        summary="60,000 color images of 32x32 in 100 classes",
        sources=("publisher",),
        load=load,
        cached=lambda cache: [cache / "cifar100" / "train.bin", cache / "cifar100" / "test.bin"],
    )
)
