"""``decanet predict``: what it takes, what it streams, and what it says of images that cannot be read."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decanet.cli import run as decanet
from decanet.core.errors import DataError
from decanet.evaluation import runs

PACKAGED = ["predict", "--model", "decanet_s"]


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three images of noise, and what lies beside images in people's folders."""
    folder = tmp_path / "photos"
    (folder / "album.jpg").mkdir(parents=True)
    for name in ("1.png", "2.avif", "album.jpg/3.webp"):
        noise = np.random.default_rng(3).integers(0, 256, (40, 50, 3), np.uint8)
        Image.fromarray(noise).save(folder / name)
    (folder / "._1.png").write_bytes(b"\0\5\x16\7")
    (folder / "notes.txt").touch()
    os.mkfifo(folder / "pipe.png")
    return folder


def test_of_a_folder_the_images_count_and_the_rest_is_told(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet([*PACKAGED, str(photos)]) == 0
    said = capsys.readouterr()
    names = [str(photos / name) for name in ("1.png", "2.avif", "album.jpg/3.webp")]
    assert [line.partition(": ")[0] for line in said.out.splitlines()] == names
    assert said.err == (f"{photos}: skipped 3 files that are no images: .txt 1, hidden 1, pipe or device 1\n")


def test_all_bad_images_are_named_and_the_others_predicted(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "0.jpg").write_bytes(b"no image")
    (photos / "9.png").write_bytes((photos / "1.png").read_bytes()[:500])
    assert decanet([*PACKAGED, str(photos), str(photos / "pipe.png"), "--json"]) == 3
    said = capsys.readouterr()
    assert [Path(entry["image"]).name for entry in json.loads(said.out)] == ["1.png", "2.avif", "3.webp"]
    errors = [line for line in said.err.splitlines() if line.startswith("error[data]: ")]
    assert [name for name in ("0.jpg", "9.png", "pipe.png") for line in errors if name in line] == [
        "0.jpg", "9.png", "pipe.png",
    ]  # fmt: skip
    assert len(errors) == 3


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_loses_nothing_that_is_known(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    def interrupted(*_: object) -> Iterator[tuple[Path, runs.Guesses | DataError]]:
        yield photos / "1.png", [("cat", 0.9)]
        os.kill(os.getpid(), signal.SIGINT)
        yield photos / "2.avif", [("dog", 0.9)]

    monkeypatch.setattr(runs, "predict_images", interrupted)
    assert decanet([*PACKAGED, str(photos), *["--json"] * as_json]) == 130
    said = capsys.readouterr()
    assert "cat" in said.out
    assert "dog" not in said.out
    assert not as_json or len(json.loads(said.out)) == 1
    assert said.err.splitlines()[-1] == "error[interrupted]: stopped by Ctrl-C"


def test_many_images_show_progress_beside_the_predictions(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet([*PACKAGED, *[str(photos / "1.png")] * 60, "--top", "1"]) == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 60
    assert "predicting: 1 of 60 images" in said.err


@pytest.mark.parametrize("arguments", [["cat.jpg"], ["cat.jpg", "my dog.jpg"], ["gone.webp"], ["."]])
def test_images_without_a_model_are_told_what_to_do(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("cat.jpg", "my dog.jpg"):
        Image.new("RGB", (9, 9)).save(name)
    assert decanet(["predict", *arguments]) == 2
    typed = " ".join(f"'{name}'" if " " in name else name for name in arguments)
    assert capsys.readouterr().err == (
        f"error[usage]: {arguments[0]} is no run, and no --model is given; for instance: "
        f"decanet predict --model decanet_m {typed}\n"
    )
