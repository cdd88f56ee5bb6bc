"""A folder of one's own images: layouts, the split, odd images, and everything a user can get wrong."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from decanet.core.errors import DataError, UsageError
from decanet.data import FolderSplit, ImageData, MemorySplit, load_data
from decanet.data._folder_split import stratified_split
from decanet.data.decoding import fit_square
from decanet.data.folder import list_folder
from tests.conftest import Heard, MakeFolder


def load(folder: Path, heard: Heard, image_size: int = 16, seed: int = 0) -> ImageData:
    data = load_data(str(folder), cache=Path("unused"), report=heard, image_size=image_size, seed=seed)
    assert isinstance(data.train, MemorySplit)
    return data


def refused(folder: Path, heard: Heard) -> str:
    with pytest.raises(DataError) as caught:
        load_data(str(folder), cache=Path("unused"), report=heard)
    assert "\n" not in str(caught.value)
    return str(caught.value)


# The two layouts and the split.


def test_every_fifth_image_of_each_class_is_for_testing(make_folder: MakeFolder, heard: Heard) -> None:
    data = load(make_folder({"cats": 10, "dogs": 11, "owls": 2}), heard)
    assert data.classes == ("cats", "dogs", "owls")
    assert torch.bincount(data.test.labels).tolist() == [2, 3, 1]
    assert torch.bincount(data.train.labels).tolist() == [8, 8, 1]
    assert data.train.images.shape == (17, 3, 16, 16)
    assert data.flippable
    assert "images/: 23 images of 3 classes (cats 10, dogs 11, owls 2)" in heard.notes


def test_the_split_lists_every_file_once(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"cats": 10, "dogs": 11})
    data = load(folder, heard)
    both = [*data.files["train"], *data.files["test"]]
    assert sorted(both) == sorted(str(path.relative_to(folder)) for path in folder.rglob("*.png"))
    assert len(data.files["train"]) == len(data.train)
    for split, part in (("train", data.train), ("test", data.test)):
        for name, label, image in zip(data.files[split], part.labels.tolist(), part.images, strict=True):
            assert name.startswith(data.classes[label])
            with Image.open(folder / name) as file:
                assert np.array_equal(image.permute(1, 2, 0), fit_square(np.asarray(file), 16))


def test_the_split_depends_on_the_seed_only(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"cats": 30, "dogs": 30})
    first = load(folder, heard).files
    torch.manual_seed(9)
    assert load(folder, heard).files == first
    assert load(folder, heard, seed=1).files != first


def test_train_and_val_folders_are_taken_as_they_are(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"train/cats": 3, "train/dogs": 4, "val/cats": 2, "val/dogs": 1})
    data = load(folder, heard)
    assert data.classes == ("cats", "dogs")
    assert data.train.labels.tolist() == [0] * 3 + [1] * 4
    assert data.test.labels.tolist() == [0] * 2 + [1]
    assert list(data.files["test"]) == ["val/cats/000.png", "val/cats/001.png", "val/dogs/000.png"]


@pytest.mark.parametrize("name", ["valid", "test"])
def test_the_other_usual_names_of_the_second_folder_are_known(
    make_folder: MakeFolder, heard: Heard, name: str
) -> None:
    folder = make_folder({"train/cats": 3, "train/dogs": 3, f"{name}/dogs": 2})
    data = load(folder, heard)
    assert data.test.labels.tolist() == [1, 1], "a class without test images keeps its label"


def test_a_train_folder_alone_is_split(make_folder: MakeFolder, heard: Heard) -> None:
    data = load(make_folder({"train/cats": 5, "train/dogs": 5}), heard)
    assert (len(data.train), len(data.test)) == (8, 2)


def test_images_in_deeper_folders_count_and_other_files_do_not(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"cats/summer": 3, "cats/winter": 2, "dogs": 5, ".thumbnails": 5})
    (folder / "cats" / "notes.txt").write_text("these are cats")
    (folder / "readme.md").write_text("images")
    (folder / "dogs" / "000.png").rename(folder / "dogs" / "BIG.PNG")
    data = load(folder, heard)
    assert data.classes == ("cats", "dogs")
    assert len(data.train) + len(data.test) == 10


def test_statistics_are_those_of_the_training_images(make_folder: MakeFolder, heard: Heard) -> None:
    data = load(make_folder({"cats": 6, "dogs": 6}), heard)
    pixels = data.train.images.numpy() / 255
    np.testing.assert_allclose(data.mean, pixels.mean((0, 2, 3)), rtol=1e-9)
    np.testing.assert_allclose(data.std, pixels.std((0, 2, 3)), rtol=1e-9)


def test_constant_images_are_not_divided_by_zero(tmp_path: Path, heard: Heard) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        for index in range(2):
            # Of different sizes: identical files would count as one image.
            Image.new("RGB", (8 + index, 8 + ord(name)), "red").save(tmp_path / name / f"{index}.png")
    data = load(tmp_path, heard)
    assert min(data.std) == 1e-3


def test_small_classes_have_an_image_in_each_split() -> None:
    listed = tuple(
        (Path(f"{label}/{i}"), label) for label, count in enumerate([2, 3, 6]) for i in range(count)
    )
    train, test = stratified_split(listed, 3, seed=0)
    assert Counter(label for _, label in test) == {0: 1, 1: 1, 2: 2}
    assert sorted(train + test) == sorted(listed)
    assert list(train) == sorted(train), "the order of the listing stays"


def test_large_images_stay_in_their_files(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"cats": 5, "dogs": 5}, size=(90, 80))
    data = load_data(str(folder), cache=folder, report=heard, image_size=224)
    assert isinstance(data.train, FolderSplit)
    assert isinstance(data.test, FolderSplit)
    assert data.classes == ("cats", "dogs")
    assert (len(data.train), len(data.test)) == (8, 2)
    assert all(
        path.is_file() and data.classes[label] == path.parent.name for path, label in data.train.samples
    )
    assert data.mean == (0.485, 0.456, 0.406), "what published ImageNet weights are trained with"
    assert list(data.files["test"]) == [str(path.relative_to(folder)) for path, _ in data.test.samples]
    small = load(folder, heard)
    assert small.files == data.files, "the split does not depend on the size"


def ramp() -> np.ndarray:
    """(20, 20, 3): bright at the top left, red to the right, green to the bottom."""
    pixels = np.zeros((20, 20, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = np.arange(20) * 12, np.arange(20)[:, None] * 12
    pixels[:6, :6] = 250
    return pixels


def as_rgba(path: Path) -> np.ndarray:
    """The bottom half is transparent: it is laid over white."""
    alpha = np.full((20, 20, 1), 255, np.uint8)
    alpha[10:] = 0
    Image.fromarray(np.concatenate([ramp(), alpha], axis=2)).save(path.with_suffix(".png"))
    expected = ramp()
    expected[10:] = 255
    return expected


def as_gray16(path: Path) -> np.ndarray:
    """16-bit grays keep their order: 65535 is white, not the low byte of it."""
    gray = np.linspace(0, 65535, 400).reshape(20, 20).astype(np.uint16)
    Image.fromarray(gray).save(path.with_suffix(".png"))
    return np.rint(gray / 257.0).astype(np.uint8)[..., None].repeat(3, axis=2)


def as_cmyk(path: Path) -> np.ndarray:
    """Ink amounts: no ink is white."""
    Image.fromarray(ramp()).convert("CMYK").save(path.with_suffix(".tif"))
    return ramp()


def as_palette(path: Path) -> np.ndarray:
    """Palette numbers are looked up."""
    image = Image.fromarray(ramp()).convert("P", palette=Image.Palette.ADAPTIVE, colors=256)
    image.save(path.with_suffix(".gif"))
    return np.asarray(image.convert("RGB"))


def as_turned(path: Path) -> np.ndarray:
    """Stored lying on its side, with the camera's note to turn it (EXIF orientation 6: a quarter to the right)."""
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(np.rot90(ramp())).save(path.with_suffix(".png"), exif=exif)
    return ramp()


def as_gray(path: Path) -> np.ndarray:
    gray = ramp().max(axis=2)
    Image.fromarray(gray).save(path.with_suffix(".bmp"))
    return gray[..., None].repeat(3, axis=2)


@pytest.mark.parametrize("write", [as_rgba, as_gray16, as_cmyk, as_palette, as_turned, as_gray])
def test_images_of_unusual_modes_become_rgb(
    tmp_path: Path, make_folder: MakeFolder, heard: Heard, write: Callable[[Path], np.ndarray]
) -> None:
    folder = make_folder({"train/odd": 0, "train/plain": 2, "val/plain": 2}, size=(20, 20))
    expected = write(folder / "train" / "odd" / "odd")
    data = load(folder, heard, image_size=20)
    image = data.train.images[0].permute(1, 2, 0).numpy()
    assert next(iter(data.files["train"])).startswith("train/odd/odd.")
    assert np.abs(image.astype(int) - expected).max() <= 1


# What can be wrong.


def test_a_missing_folder_is_refused_with_the_layout(tmp_path: Path, heard: Heard) -> None:
    assert refused(tmp_path / "nowhere", heard).startswith(f"no folder {tmp_path / 'nowhere'}; --data takes")


def test_an_unknown_name_is_refused_with_the_nearest_names(
    tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UsageError, match=r"^unknown data set 'cifar1' \(did you mean .*; a folder is given by its path"
    ):
        load_data("cifar1", cache=tmp_path, report=heard)


def test_a_folder_in_the_working_directory_needs_no_separator(
    make_folder: MakeFolder, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(make_folder({"cats": 2, "dogs": 2}, where="mine").parent)
    assert load(Path("mine"), heard).classes == ("cats", "dogs")


def test_a_file_is_no_folder(tmp_path: Path, heard: Heard) -> None:
    (tmp_path / "x.zip").touch()
    assert "no folder" in refused(tmp_path / "x.zip", heard)


def test_one_class_is_refused(make_folder: MakeFolder, heard: Heard) -> None:
    line = refused(make_folder({"cats": 5}), heard)
    assert "needs a folder for each of at least two classes, it has only 'cats'" in line


def test_images_without_class_folders_are_refused(tmp_path: Path, heard: Heard) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "cat.png")
    assert "at least two classes, it has none" in refused(tmp_path, heard)


def test_a_class_without_images_is_named(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"cats": 5, "dogs": 0})
    (folder / "dogs" / "dog.heic").touch()
    line = refused(folder, heard)
    assert line.startswith(f"{folder / 'dogs'} holds no images (skipped 1 file that is no image: .heic 1)")
    assert "JPEG" in line


def test_a_class_with_one_image_cannot_be_split(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"cats": 5, "dogs": 1})
    line = refused(folder, heard)
    assert line.startswith(f"{folder / 'dogs'} holds one image only")
    assert line.endswith("training and testing need two")


def test_one_image_per_class_is_enough_without_a_split(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"train/cats": 1, "train/dogs": 1, "val/cats": 1})
    assert len(load(folder, heard).train) == 2


def test_a_class_that_only_val_has_is_named(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"train/cats": 2, "train/dogs": 2, "val/cats": 1, "val/owls": 1})
    assert refused(folder, heard) == f"{folder / 'val'} has classes that {folder / 'train'} has not: owls"


@pytest.mark.parametrize("content", [b"", b"this is no image", b"\x89PNG\r\n\x1a\n broken", "cut"])
def test_a_corrupt_image_is_named_in_one_line(
    make_folder: MakeFolder, heard: Heard, content: bytes | str
) -> None:
    folder = make_folder({"cats": 5, "dogs": 5}, size=(64, 64))
    path = folder / "dogs" / "003.png"
    path.write_bytes(path.read_bytes()[:5000] if content == "cut" else bytes(content))  # type: ignore[arg-type]
    assert str(path) in refused(folder, heard)


@pytest.mark.parametrize("image_size", [16, 224])
def test_corrupt_images_of_all_splits_are_named_first(
    make_folder: MakeFolder, tmp_path: Path, heard: Heard, image_size: int
) -> None:
    folder = make_folder({"train/a": 3, "train/b": 3, "test/a": 2, "test/b": 2})
    for name in ("train/a/001.png", "test/b/000.png", "test/b/001.png"):
        (folder / name).write_bytes((folder / name).read_bytes()[:500])
    with pytest.raises(DataError) as caught:
        load_data(str(folder), cache=tmp_path / "cache", report=heard, image_size=image_size)
    line = caught.value.line
    assert "3 of 10 images cannot be read" in line
    assert all(name in line for name in ("train/a/001.png", "test/b/000.png", "test/b/001.png"))


def test_files_of_a_file_manager_are_not_images(make_folder: MakeFolder) -> None:
    """macOS writes ._NAME beside each file on foreign disks; and a folder may be called like an image."""
    folder = make_folder({"cats": 2, "dogs": 2})
    (folder / "cats" / "._000.png").write_bytes(b"\x00\x05\x16\x07")
    (folder / "cats" / "album.jpg").mkdir()
    assert sorted(path.name for path, label in list_folder(folder).samples if label == 0) == [
        "000.png",
        "001.png",
    ]
