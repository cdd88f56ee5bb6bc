"""The split of a folder: no image is in two splits, and every class has images in both."""

import hashlib
import shutil
from pathlib import Path

import pytest

from decanet.core.errors import DataError
from tests.conftest import Heard, MakeFolder
from tests.data.helpers import load_listed


@pytest.fixture
def folder(make_folder: MakeFolder) -> Path:
    return make_folder({"a": 10, "b": 10})


def test_files_are_stored_with_the_hash_of_their_bytes(folder: Path, heard: Heard) -> None:
    data = load_listed(folder, heard)
    assert data.name == str(folder.resolve())
    for files in data.files.values():
        for path, digest in files.items():
            assert digest == hashlib.sha256((folder / path).read_bytes()).hexdigest()


def test_identical_files_are_in_the_same_split(folder: Path, heard: Heard) -> None:
    for index in range(8):
        for copy in "xyz":
            shutil.copy(folder / "a" / f"{index:03d}.png", folder / "b" / f"{copy}{index}.png")
    files = load_listed(folder, heard).files
    assert not set(files["train"].values()) & set(files["test"].values())
    assert len(files["train"]) + len(files["test"]) == 44
    assert any(note.endswith("24 duplicates are in the split of their originals") for note in heard.notes)
    assert "8 images in more than one class: identical files with different labels" in heard.notes


def test_a_folder_far_above_is_refused_with_a_hint(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"plants/plants/a": 2, "plants/plants/b": 2})
    with pytest.raises(DataError, match=f"did you mean {folder / 'plants' / 'plants'}"):
        load_listed(folder, heard)


def test_images_outside_of_classes_are_reported_before_the_refusal(
    make_folder: MakeFolder, heard: Heard
) -> None:
    with pytest.raises(DataError, match="at least two classes, it has none"):
        load_listed(make_folder({"": 3}), heard)
    assert heard.notes == ["not used: images 3 directly in images/, in no class's folder"]


def test_all_classes_of_one_image_are_counted(make_folder: MakeFolder, heard: Heard) -> None:
    with pytest.raises(DataError, match=r"2 classes hold one image only, for instance .*/b "):
        load_listed(make_folder({"a": 3, "b": 1, "c": 1}), heard)


@pytest.mark.parametrize("inside", [{"a": 2, "b": 2}, {"train/a": 2, "train/b": 2}])
def test_the_folder_above_is_refused_with_a_hint(
    make_folder: MakeFolder, heard: Heard, inside: dict[str, int]
) -> None:
    folder = make_folder({f"dataset/{name}": count for name, count in inside.items()})
    with pytest.raises(DataError, match=f"only 'dataset'; did you mean {folder / 'dataset'}"):
        load_listed(folder, heard)


def test_a_class_of_copies_cannot_be_divided(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"a": 10, "b": 1})
    for index in range(9):
        shutil.copy(folder / "b" / "000.png", folder / "b" / f"copy{index}.png")
    with pytest.raises(DataError, match="copies of an image count once"):
        load_listed(folder, heard)


def test_test_images_that_the_training_split_repeats_are_left_out(
    make_folder: MakeFolder, heard: Heard
) -> None:
    folder = make_folder({"train/a": 5, "train/b": 5, "test/a": 5, "test/b": 5})
    shutil.copy(folder / "train" / "b" / "001.png", folder / "test" / "b" / "again.png")
    data = load_listed(folder, heard)
    assert len(data.test) == 10
    assert "1 of 11 test images are also in another split: left out of this one" in heard.notes


def test_the_second_of_three_splits_is_the_validation_split(make_folder: MakeFolder, heard: Heard) -> None:
    data = load_listed(
        make_folder({"train/a": 3, "train/b": 3, "val/a": 2, "val/b": 1, "test/a": 1, "test/b": 2}), heard
    )
    assert data.validation is not None
    assert data.validation.labels.tolist() == [0, 0, 1]
    assert data.test.labels.tolist() == [0, 1, 1]
    assert [len(files) for files in data.files.values()] == [6, 3, 3]


@pytest.mark.parametrize("name", ["val", "test"])
def test_a_folder_without_a_training_split_is_refused(
    make_folder: MakeFolder, heard: Heard, name: str
) -> None:
    with pytest.raises(DataError, match=f"holds {name}/ but no train/: add DIR/train/CLASS/image.jpg"):
        load_listed(make_folder({f"{name}/a": 3, f"{name}/b": 3}), heard)


def test_a_class_without_training_images_is_refused(make_folder: MakeFolder, heard: Heard) -> None:
    with pytest.raises(DataError, match="b holds no images"):
        load_listed(make_folder({"train/a": 1, "train/b": 0, "train/c": 1, "test/a": 1}), heard)
