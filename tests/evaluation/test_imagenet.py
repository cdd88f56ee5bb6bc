"""Class folders of one's own get ImageNet's labels, whichever of the usual names they have."""

from pathlib import Path

import pytest
from PIL import Image

from decanet.core.errors import DataError
from decanet.core.progress import Silent
from decanet.evaluation.imagenet import imagenet_data, imagenet_images, imagenet_labels


def labels(folder: Path, names: list[str]) -> list[int]:
    """Labels of one image for each of ``names``."""
    for name in names:
        (folder / name).mkdir(parents=True)
        Image.new("RGB", (8, 8)).save(folder / name / "0.png")
    return imagenet_images(folder, Silent()).labels.tolist()


def test_one_image_of_one_class_is_enough(tmp_path: Path) -> None:
    assert labels(tmp_path / "few", ["goldfish"]) == [1]


def test_folders_may_be_named_by_wordnet_number(tmp_path: Path) -> None:
    assert labels(tmp_path / "few", ["n01440764", "n02123045", "n15075141"]) == [0, 281, 999]
    with pytest.raises(DataError, match="n01440765: ImageNet has no class of that name"):
        labels(tmp_path / "wrong", ["n01440765"])


def test_a_thousand_other_names_are_not_taken_for_imagenets_order() -> None:
    with pytest.raises(DataError, match="ImageNet has no class of that name"):
        imagenet_labels([f"class{number:03d}" for number in range(1000)], Path("val"))


def test_a_class_that_imagenet_does_not_have_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="unicorn: ImageNet has no class of that name"):
        labels(tmp_path / "few", ["tabby", "unicorn"])


def test_the_images_are_a_test_split_with_imagenets_classes(tmp_path: Path) -> None:
    labels(tmp_path / "few", ["golden_retriever", "tabby"])
    data = imagenet_data(tmp_path / "few", Silent())
    assert len(data.classes) == 1000
    assert [data.classes[label] for label in data.test.labels] == ["golden retriever", "tabby"]
    assert len(data.train) == 0
