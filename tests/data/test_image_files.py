"""What counts as an image below a folder, and what is left out, with its number."""

import os
import sys
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image

from decanet.core.errors import DataError
from decanet.data import image_files
from decanet.data.image_files import check_images, images_below, list_images, skipped_in_words
from decanet.data.image_io import image_endings, image_formats
from tests.conftest import Heard, MakeFolder


def touch(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def listed(folder: Path) -> list[str]:
    return [str(path.relative_to(folder)) for path in list_images(folder).paths]


def test_every_format_that_pillow_opens_is_an_image(tmp_path: Path) -> None:
    names = ["a.jpg", "b.JPEG", "c.jfif", "d.avif", "e.jp2", "f.tga", "g.webp", "h.mpo", "i.qoi", "j.Png"]
    touch(tmp_path, *names)
    assert listed(tmp_path) == names


def test_formats_that_start_programs_are_not_opened(tmp_path: Path) -> None:
    names = [
        "a.eps",
        "b.ps",
        "c.wmf",
        "d.emf",
        "e.h5",
        "f.grib",
        "g.bufr",
        "h.mpg",
        "i.pdf",
        "j.iim",
        "k.fpx",
        "l.mic",
    ]
    touch(tmp_path, *names)
    assert list_images(tmp_path).paths == ()
    assert not {"EPS", "WMF", "HDF5", "GRIB", "BUFR", "MPEG", "FPX", "MIC", "IPTC"} & set(image_formats())


def test_an_installed_plugin_of_pillow_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    def register() -> None:
        Image.register_open("HEIF", Image.open)
        Image.register_extension("HEIF", ".heic")

    for known in ("ID", "OPEN", "EXTENSION"):
        monkeypatch.setattr(Image, known, getattr(Image, known).copy())
    monkeypatch.setitem(sys.modules, "pillow_heif", SimpleNamespace(register_heif_opener=register))
    image_formats.cache_clear()
    image_endings.cache_clear()
    try:
        assert ".heic" in image_endings()
    finally:
        image_formats.cache_clear()
        image_endings.cache_clear()


def test_skipped_files_are_counted(tmp_path: Path) -> None:
    touch(tmp_path, "a.png", "b.txt", "deep/c.TXT", "deep/d.json", "README", "._a.png", ".thumbnails/a.png")
    (tmp_path / "gone.png").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.jpg").mkdir()
    touch(tmp_path / "folder.jpg", "inside.jpg")
    found = list_images(tmp_path)
    assert listed(tmp_path) == ["a.png", "folder.jpg/inside.jpg"]
    assert found.skipped == {
        ".txt": 2, "hidden": 2, ".json": 1, "no ending": 1, "broken link": 1, "pipe or device": 1,
    }  # fmt: skip
    assert skipped_in_words(found.skipped) == (
        "skipped 8 files that are no images: .txt 2, hidden 2, .json 1, broken link 1, no ending 1, "
        "pipe or device 1"
    )
    assert skipped_in_words(found.skipped, most=2).endswith(": .txt 2, hidden 2, others 4")
    assert skipped_in_words(list_images(tmp_path / "folder.jpg").skipped) == ""


def test_links_are_followed_once_and_not_in_circles(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/p/1.png", "data/a/0.png", "data/b/2.png")
    a, b = tmp_path / "data" / "a", tmp_path / "data" / "b"
    (a / "more").symlink_to(tmp_path / "elsewhere")
    (a / "twice").symlink_to(tmp_path / "elsewhere" / "p")
    (a / "up").symlink_to(tmp_path / "data")  # would bring the images of b into a
    (a / "itself").symlink_to(a)
    (b / "more").symlink_to(tmp_path / "elsewhere")
    (b / "3.png").symlink_to(b / "2.png")
    assert listed(a) == ["0.png", "more/p/1.png"]
    assert listed(b) == ["2.png", "3.png", "more/p/1.png"]


def test_a_folder_without_images_is_refused_with_its_contents(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="it is empty"):
        images_below(tmp_path)
    touch(tmp_path, "a.eps")
    with pytest.raises(DataError, match=r"skipped 1 file that is no image: \.eps 1"):
        images_below(tmp_path)
    with pytest.raises(DataError, match="No such file"):
        list_images(tmp_path / "gone")


# Whether all can be read.


def hashed(folder: Path) -> dict[Path, str]:
    return {path: sha256(path.read_bytes()).hexdigest() for path in list_images(folder).paths}


def test_all_unreadable_images_are_named_at_once(
    make_folder: MakeFolder, tmp_path: Path, heard: Heard
) -> None:
    folder = make_folder({"a": 20})
    whole = (folder / "a" / "000.png").read_bytes()
    for number in range(12):
        (folder / "a" / f"{number:03d}.png").write_bytes(whole[: 40 * number])
    with pytest.raises(DataError) as refused:
        check_images(hashed(folder), tmp_path, heard)
    line = refused.value.line
    assert "12 of 20 images cannot be read" in line
    assert [f"{number:03d}.png" in line for number in range(20)] == [True] * 10 + [False] * 10
    assert line.endswith("; and 2 more")
    assert heard.steps[-1][1:] == (20, 20, "images")
    for number in range(11):
        (folder / "a" / f"{number:03d}.png").write_bytes(whole)
    with pytest.raises(DataError, match=r"cannot read image .*011\.png: image file is truncated"):
        check_images(hashed(folder), tmp_path, heard)


def test_readable_images_are_not_decoded_again(
    make_folder: MakeFolder, tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_folder({"a": 6})
    decoded: list[str] = []
    monkeypatch.setattr(image_files, "open_rgb", lambda path, _: decoded.append(path.name))
    check_images(hashed(folder), tmp_path / "cache", heard)
    assert sorted(decoded) == [f"{number:03d}.png" for number in range(6)]
    decoded.clear()
    (folder / "a" / "000.png").rename(folder / "a" / "new.png")
    (folder / "a" / "001.png").write_bytes(b"another content")
    check_images(hashed(folder), tmp_path / "cache", heard)
    assert decoded == ["001.png"]
    (tmp_path / "file").touch()
    check_images(hashed(folder), tmp_path / "file", heard)  # no place for a cache
    assert len(decoded) == 7
