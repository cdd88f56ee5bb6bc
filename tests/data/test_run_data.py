"""The data of a run: its split is never divided anew, and its images are known by their contents."""

import shutil
from pathlib import Path

import pytest

from decanet.core.errors import CheckpointError, DataError
from decanet.core.progress import Silent
from decanet.data import FolderSplit, RunData, load_data, load_test_data
from tests.conftest import Heard, MakeFolder
from tests.data.helpers import LISTED, load_listed, remembered


def to_test(run: RunData, heard: Heard, folder: Path | None = None) -> list[tuple[str, int]]:
    name = None if folder is None else str(folder)
    data = load_test_data(run, name, cache=Path("unused"), report=heard, image_size=LISTED)
    assert len(data.train) == 0
    assert isinstance(data.test, FolderSplit)
    return [("/".join(path.parts[-2:]), label) for path, label in data.test.samples]


@pytest.fixture
def folder(make_folder: MakeFolder) -> Path:
    return make_folder({"a": 10, "b": 10})


@pytest.fixture
def run(folder: Path, heard: Heard) -> RunData:
    return remembered(load_listed(folder, heard))


def stored_tests(run: RunData) -> list[tuple[str, int]]:
    return [(path, run.classes.index(path[0])) for path in run.files["test"]]


# What a run was trained on is never tested.


def test_an_unchanged_folder_gives_the_stored_split(folder: Path, run: RunData, heard: Heard) -> None:
    assert to_test(run, heard) == to_test(run, heard, folder) == stored_tests(run)
    assert load_listed(folder, heard, stored=run).files == run.files


def test_new_copied_renamed_changed_and_missing_files(folder: Path, run: RunData, heard: Heard) -> None:
    tests, trained = list(run.files["test"]), list(run.files["train"])
    shutil.copy(folder / trained[0], folder / "a" / "zzz.png")  # trained on, under another name
    (folder / tests[0]).rename(folder / "a" / "other.png")
    (folder / tests[1]).unlink()
    shutil.copy(folder / trained[1], folder / tests[2])  # a test image becomes one that was trained on
    expected = stored_tests(run)[3:]
    assert to_test(run, heard) == [("a/other.png", 0), *expected]
    said = next(note for note in heard.notes if "has changed since" in note)
    assert said.endswith(
        f"1 missing ({tests[1]}); 1 changed ({tests[2]}); 1 renamed or moved ({tests[0]}); 1 new (a/zzz.png)"
    )


def test_files_that_swap_their_names_are_known_by_content(folder: Path, run: RunData, heard: Heard) -> None:
    test, train = (next(path for path in run.files[split] if path[0] == "a") for split in ("test", "train"))
    (folder / test).rename(folder / "a" / "swap")
    (folder / train).rename(folder / test)
    (folder / "a" / "swap").rename(folder / train)
    assert to_test(run, heard)[0] == (train, 0)
    assert len(to_test(run, heard)) == len(run.files["test"])


@pytest.mark.parametrize("name", ["cat", "A", "inner/a"])
def test_a_renamed_class_folder_is_refused_and_named(
    folder: Path, run: RunData, heard: Heard, name: str
) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / "a").rename(folder / name)
    with pytest.raises(DataError, match=rf"in other folders than its classes' \({name.split('/')[0]}\)"):
        to_test(run, heard)


@pytest.mark.parametrize(("train", "test"), [("train", "test"), ("train/train", "test/test")])
@pytest.mark.parametrize("classes", ["ab", ("train", "test")])
def test_images_of_splits_keep_their_labels(
    make_folder: MakeFolder, heard: Heard, train: str, test: str, classes: tuple[str, str]
) -> None:
    names = sorted(classes)
    folder = make_folder({f"{split}/{name}": 2 for split in (train, test) for name in names})
    data = load_listed(folder, heard)
    assert data.classes == tuple(names)
    assert to_test(remembered(data), heard) == [
        (f"{name}/{i:03d}.png", k) for k, name in enumerate(names) for i in (0, 1)
    ]


def test_an_image_that_moves_to_another_class_is_another_one(
    folder: Path, run: RunData, heard: Heard
) -> None:
    test = next(iter(run.files["test"]))
    (folder / test).rename(folder / "b" / "moved.png")
    assert to_test(run, heard) == stored_tests(run)[1:]


def test_only_the_test_images_of_a_copied_folder_are_evaluated(
    folder: Path, run: RunData, heard: Heard, tmp_path: Path
) -> None:
    """The paths say nothing there: the contents tell what was trained on."""
    shutil.copytree(folder, tmp_path / "elsewhere")
    assert to_test(run, heard, tmp_path / "elsewhere") == stored_tests(run)
    assert "16 of 20 images left out: the run was trained on them" in heard.notes


def test_a_folder_of_training_images_only_is_refused_for_evaluation(
    folder: Path, run: RunData, heard: Heard, tmp_path: Path
) -> None:
    for path in run.files["train"]:
        (tmp_path / "again" / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(folder / path, tmp_path / "again" / path)
    with pytest.raises(DataError, match=r"trained on every image of .*again: nothing to test on"):
        to_test(run, heard, tmp_path / "again")


def test_validation_images_count_as_trained_on(make_folder: MakeFolder, heard: Heard, tmp_path: Path) -> None:
    folder = make_folder({"train/a": 3, "train/b": 3, "val/a": 2, "test/a": 1, "test/b": 1})
    run = remembered(load_listed(folder, heard))
    shutil.copytree(folder / "val", tmp_path / "elsewhere")
    with pytest.raises(DataError, match="trained on every image"):
        to_test(run, heard, tmp_path / "elsewhere")


# Other folders are all test.


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ({"b": 1}, [1]),
        ({"a": 0, "b": 1}, [1]),
        ({"b": 1, "a": 2}, [0, 0, 1]),
        ({"train/a": 3, "train/b": 3, "test/b": 2}, [1, 1]),
        ({"train/a": 3, "valid/b": 1}, [1]),
        ({"train/a": 2, "train/b": 1}, [0, 0, 1]),
        ({"val/a": 1}, [0]),
    ],
)
def test_labels_are_those_of_the_run_for_any_folder(
    run: RunData, make_folder: MakeFolder, heard: Heard, counts: dict[str, int], expected: list[int]
) -> None:
    other = make_folder(counts, where="other", size=(21, 17))
    assert [label for _, label in to_test(run, heard, other)] == expected


def test_a_folder_may_have_the_name_of_the_data_set_of_the_run(
    make_folder: MakeFolder, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({"a": 2}, where="digits")
    monkeypatch.chdir(folder.parent)
    assert len(to_test(RunData("digits", ("a", "b")), heard, folder)) == 2


def test_a_class_that_the_run_does_not_have_is_named(
    run: RunData, make_folder: MakeFolder, heard: Heard
) -> None:
    with pytest.raises(DataError, match="other classes than the run was trained on: c; it knows a, b"):
        to_test(run, heard, make_folder({"a": 1, "c": 1}, where="other"))


def test_a_registered_data_set_is_labeled_by_the_runs_classes() -> None:
    digits = load_data("digits", cache=Path("unused"), report=Silent())
    turned = load_test_data(
        RunData("digits", tuple(reversed(digits.classes))), cache=Path("unused"), report=Silent()
    )
    assert turned.test.labels.tolist() == (9 - digits.test.labels).tolist()
    with pytest.raises(DataError, match="was trained on: 9"):
        load_test_data(RunData("digits", digits.classes[:9]), cache=Path("unused"), report=Silent())


# A run that goes on.


def test_new_images_are_not_added_to_a_resumed_run(folder: Path, run: RunData, heard: Heard) -> None:
    shutil.copy(folder / "a" / "000.png", folder / "a" / "zzz.png")
    (folder / "b" / "001.png").rename(folder / "b" / "renamed.png")
    data = load_listed(folder, heard, stored=run)
    assert data.files == run.files
    assert data.train.labels.tolist() == [run.classes.index(path[0]) for path in run.files["train"]]
    assert "the run resumes with its original images; 1 renamed" in heard.notes[-1]


def test_a_missing_folder_of_a_run_is_refused_with_advice(folder: Path, run: RunData, heard: Heard) -> None:
    folder.rename(folder.parent / "elsewhere")
    with pytest.raises(DataError, match="which the run was trained on; say where it is now with --data DIR"):
        to_test(run, heard)
    with pytest.raises(DataError, match="which the run was trained on; put it there, or a link to it"):
        load_listed(folder, heard, stored=run)
    folder.symlink_to(folder.parent / "elsewhere")
    assert to_test(run, heard) == stored_tests(run)
    assert load_listed(folder, heard, stored=run).files == run.files


@pytest.mark.parametrize("kind", ["missing", "changed"])
def test_a_run_is_not_resumed_without_its_images(folder: Path, run: RunData, heard: Heard, kind: str) -> None:
    path = next(iter(run.files["train"]))
    (folder / path).unlink()
    if kind == "changed":
        shutil.copy(folder / "b" / "000.png", folder / path)
    with pytest.raises(DataError, match=rf"has changed since the run began: 1 {kind} \({path}\)"):
        load_listed(folder, heard, stored=run)


@pytest.mark.parametrize(
    "about",
    [
        [],
        {},
        {"name": "x", "classes": ["a"]},
        {"name": "x", "classes": 3, "files": {}},
        {"name": "x", "classes": ["a"], "files": {"train": ["a/0.png"]}},
    ],
)
def test_damaged_data_of_a_run_is_refused(about: object) -> None:
    with pytest.raises(CheckpointError, match=r"data\.json is damaged"):
        RunData.of(about, Path("data.json"))
