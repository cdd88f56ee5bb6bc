"""How folders are laid out: what is understood, and what is refused with a line that says how to arrange it."""

from pathlib import Path

import pytest
from PIL import Image

from decanet.core.errors import DataError
from decanet.data._layout import in_words, role_of, understand
from tests.conftest import MakeFolder


def counted(folder: Path) -> dict[str, dict[str, int]]:
    return {
        role: {name: len(paths) for name, paths in part.items()}
        for role, part in understand(folder).parts.items()
    }


def refused(folder: Path) -> str:
    with pytest.raises(DataError) as caught:
        understand(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("train", "train"), ("Train", "train"), ("TRAINING", "train"), ("training_set", "train"),
        ("train-images", "train"), ("val", "validation"), ("Valid", "validation"), ("validation", "validation"),
        ("dev", "validation"), ("test", "test"), ("Testing", "test"), ("test set", "test"), ("eval", "test"),
        ("trains", None), ("test_tube", None), ("set", None), ("cats", None), ("", None), ("train test", None),
    ],
)  # fmt: skip
def test_usual_names_of_splits_are_known_in_any_case(name: str, role: str | None) -> None:
    assert role_of(name) == role


def test_splits_of_any_usual_names(make_folder: MakeFolder) -> None:
    folder = make_folder({"Training/a": 3, "Training/b": 2, "validation/a": 1, "TEST/a": 1, "TEST/b": 2})
    assert counted(folder) == {"train": {"a": 3, "b": 2}, "validation": {"a": 1}, "test": {"a": 1, "b": 2}}
    assert understand(folder).notes == (
        "pictures/Training: 5 images of 2 classes (a 3, b 2)",
        "pictures/validation: 1 image of 1 class (a 1)",
        "pictures/TEST: 3 images of 2 classes (a 1, b 2)",
    )


@pytest.mark.parametrize("name", ["train", "Test", "validation", "eval"])
def test_a_class_may_be_called_like_a_split_beside_other_classes(make_folder: MakeFolder, name: str) -> None:
    folder = make_folder({"cat": 2, "dog": 2, name: 3})
    assert counted(folder) == {"all": {"cat": 2, "dog": 2, name: 3}}


def test_known_classes_may_all_be_called_like_splits(make_folder: MakeFolder) -> None:
    folder = make_folder({"train": 2, "test": 2})
    assert "as classes they need other names" in refused(folder)
    assert set(understand(folder, known=["bus", "test", "train"]).parts["all"]) == {"train", "test"}


@pytest.mark.parametrize(
    ("counts", "says"),
    [
        ({"train/a": 1, "train/b": 1, "cat": 2}, "holds train/ beside cat/: classes, or splits"),
        ({"cat": 2, "dog": 2, "train/steam": 1}, "holds train/ beside cat/, dog/: classes, or splits"),
        ({"train/a": 1, "train/b": 1, "val/a": 1, "validation/a": 1}, "both val/ and validation/"),
        ({"train/a": 1, "Train/a": 1, "Train/b": 1}, "both Train/ and train/"),
        ({"train": 2, "test": 2}, "images directly in test/, train/"),
        ({"train": 5}, "images directly in train/"),
        ({"a/train": 2, "a/test": 1, "b/Train": 2, "b/val": 1}, "splits inside classes, in a/, b/"),
        ({"train": 2, "test/a": 2, "test/b": 2}, "train holds images without class folders"),
    ],
)
def test_doubtful_layouts_are_refused_with_the_way_to_arrange_them(
    make_folder: MakeFolder, counts: dict[str, int], says: str
) -> None:
    line = refused(make_folder(counts))
    assert says in line
    assert "DIR/train/CLASS/image.jpg" in line or "keep one" in line


def test_what_is_not_used_is_said(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/a": 2, "train/b": 2, "test": 3, "notes": 0, "__MACOSX/train": 1})
    (folder / "train" / "a" / "labels.csv").touch()
    Image.new("RGB", (4, 4)).save(folder / "overview.png")
    layout = understand(folder)
    assert set(layout.parts) == {"train"}
    assert layout.notes[1:] == (
        "not used: images 3 directly in test/, in no class's folder, 1 directly in pictures/, in no class's folder",
        "skipped 1 file that is no image: .csv 1",
    )


def test_many_classes_are_counted_together() -> None:
    assert in_words({"a": 1, "b": 2}) == "3 images of 2 classes (a 1, b 2)"
    assert in_words({str(i): 10 + i % 3 for i in range(30)}) == "330 images of 30 classes (10 to 12 each)"
    assert in_words({str(i): 5 for i in range(30)}) == "150 images of 30 classes (5 each)"


def test_a_folder_that_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    assert "cannot read the folder" in refused(tmp_path)
