"""How folders are laid out: what is understood, and what is refused with a line that says how to arrange it."""

from pathlib import Path

import pytest
from PIL import Image

from decanet.core.errors import DataError
from decanet.data._folder_layout import in_words, role_of, understand
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
        ("val2017", "validation"), ("test1", "test"), ("trainset", "train"), ("Test-Dataset", "test"), ("trn", "train"),
        ("holdout", "test"), ("训练集", "train"), ("验证", "validation"), ("測試集", "test"),
        ("trains", None), ("test_tube", None), ("set", None), ("cats", None), ("", None), ("train test", None),
    ],
)  # fmt: skip
def test_usual_names_of_splits_are_known_in_any_case(name: str, role: str | None) -> None:
    assert role_of(name) == role


def test_splits_of_all_usual_names_are_recognized(make_folder: MakeFolder) -> None:
    folder = make_folder({"Training/a": 3, "Training/b": 2, "validation/a": 1, "TEST/a": 1, "TEST/b": 2})
    assert counted(folder) == {"train": {"a": 3, "b": 2}, "validation": {"a": 1}, "test": {"a": 1, "b": 2}}
    assert understand(folder).notes == (
        "images/Training: 5 images of 2 classes (a 3, b 2)",
        "images/validation: 1 image of 1 class (a 1)",
        "images/TEST: 3 images of 2 classes (a 1, b 2)",
    )


@pytest.mark.parametrize(
    ("train", "test"),
    [
        ("seg_train", "seg_test"), ("x-train", "x-test"), ("train/train", "test/test"), ("train2017", "val2017"),
        ("seg_train/seg_train", "seg_test/seg_test"), ("Train/train", "Test/test"), ("训练集", "测试集"),
    ],
)  # fmt: skip
def test_splits_in_a_folder_of_the_same_name_are_recognized(
    make_folder: MakeFolder, train: str, test: str
) -> None:
    folder = make_folder({f"{train}/a": 3, f"{train}/b": 2, f"{test}/a": 1, f"{test}/b": 1})
    layout = understand(folder)
    assert list(counted(folder).values()) == [{"a": 3, "b": 2}, {"a": 1, "b": 1}]
    assert layout.where("train") == folder / train


def test_a_split_of_images_without_classes_is_not_used(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/cats": 3, "train/dogs": 2, "test1": 4})
    assert counted(folder) == {"train": {"cats": 3, "dogs": 2}}
    assert "not used: images 4 directly in test1/, in no class's folder" in understand(folder).notes


def test_splits_without_labels_are_not_used(make_folder: MakeFolder) -> None:
    folder = make_folder(
        {
            "seg_train/seg_train/a": 2,
            "seg_train/seg_train/b": 2,
            "seg_test/seg_test": 3,
            "seg_pred/seg_pred": 4,
        }
    )
    assert counted(folder) == {"train": {"a": 2, "b": 2}}
    assert understand(folder).notes[-1] == (
        "not used: images 4 in seg_pred/, which is no labeled split, "
        "3 directly in seg_test/seg_test/, in no class's folder"
    )


def test_folders_that_may_be_splits_are_reported(make_folder: MakeFolder) -> None:
    layout = understand(make_folder({"fold1/a": 1, "fold1/b": 1, "fold2/a": 1, "fold2/b": 1}))
    assert set(layout.parts["all"]) == {"fold1", "fold2"}
    assert "fold1/, fold2/ hold the same folders (a/, b/) and are taken as the classes" in layout.notes[-1]


def test_a_class_of_folders_that_differ_is_a_class(make_folder: MakeFolder) -> None:
    layout = understand(make_folder({"cat/2019": 1, "cat/2020": 1, "dog": 1, "dog/2020": 1}))
    assert layout.notes == ("images/: 4 images of 2 classes (cat 2, dog 2)",)


@pytest.mark.parametrize(
    "system", ["@eaDir", "__MACOSX", "$RECYCLE.BIN", "System Volume Information", "lost+found"]
)
def test_folders_of_the_operating_system_are_not_classes(make_folder: MakeFolder, system: str) -> None:
    folder = make_folder({"a": 2, "b": 2, system: 1, f"a/{system}/000.png": 1, "__b__": 1, "@c": 1})
    assert counted(folder) == {"all": {"@c": 1, "__b__": 1, "a": 2, "b": 2}}
    assert understand(folder).notes[-1] == "skipped 1 file that is no image: hidden 1"


@pytest.mark.parametrize("place", ["runs/quick-20261124", "a/run", "run"])
def test_figures_of_a_run_among_the_images_are_no_images(make_folder: MakeFolder, place: str) -> None:
    folder = make_folder({"a": 2, "b": 2, f"{place}/figures": 3})
    for name in ("recipe.toml", "data.json", "model.safetensors"):
        (folder / place / name).touch()
    layout = understand(folder)
    assert counted(folder) == {"all": {"a": 2, "b": 2}}
    assert layout.empty == ()
    assert layout.notes[-1] == "skipped 1 file that is no image: run of decanet 1"


@pytest.mark.parametrize("name", ["train", "Test", "validation", "eval"])
def test_a_class_may_have_the_name_of_a_split_beside_other_classes(
    make_folder: MakeFolder, name: str
) -> None:
    folder = make_folder({"cat": 2, "dog": 2, name: 3})
    assert counted(folder) == {"all": {"cat": 2, "dog": 2, name: 3}}


def test_known_classes_may_all_have_names_of_splits(make_folder: MakeFolder) -> None:
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
def test_ambiguous_layouts_are_refused_with_advice(
    make_folder: MakeFolder, counts: dict[str, int], says: str
) -> None:
    line = refused(make_folder(counts))
    assert says in line
    assert "DIR/train/CLASS/image.jpg" in line or "keep one" in line


def test_unused_images_are_reported(make_folder: MakeFolder) -> None:
    folder = make_folder({"train/a": 2, "train/b": 2, "test": 3, "notes": 0, "__MACOSX/train": 1})
    (folder / "train" / "a" / "labels.csv").touch()
    Image.new("RGB", (4, 4)).save(folder / "overview.png")
    layout = understand(folder)
    assert set(layout.parts) == {"train"}
    assert layout.notes[1:] == (
        "not used: images 3 directly in test/, in no class's folder, 1 directly in images/, in no class's folder",
        "skipped 1 file that is no image: .csv 1",
    )


def test_many_classes_are_counted_together() -> None:
    assert in_words({"a": 1, "b": 2}) == "3 images of 2 classes (a 1, b 2)"
    assert in_words({str(i): 10 + i % 3 for i in range(30)}) == "330 images of 30 classes (10 to 12 each)"
    assert in_words({str(i): 5 for i in range(30)}) == "150 images of 30 classes (5 each)"


def test_an_unreadable_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(_: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    assert "cannot read the folder" in refused(tmp_path)
