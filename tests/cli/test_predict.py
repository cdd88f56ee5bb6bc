"""``decanet predict``: its arguments, the order of its output, and images that cannot be read."""

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
from decanet.evaluation import prediction

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


def test_the_images_of_a_folder_are_predicted_and_other_files_counted(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet([*PACKAGED, str(photos)]) == 0
    printed = capsys.readouterr()
    names = [str(photos / name) for name in ("1.png", "2.avif", "album.jpg/3.webp")]
    assert [line.partition(": ")[0] for line in printed.out.splitlines()] == names
    assert printed.err == (
        f"{photos}: skipped 3 files that are no images: .txt 1, hidden 1, pipe or device 1\n"
    )


def test_unreadable_images_are_named_and_the_others_predicted(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photos / "0.jpg").write_bytes(b"no image")
    (photos / "9.png").write_bytes((photos / "1.png").read_bytes()[:500])
    assert decanet([*PACKAGED, str(photos), str(photos / "pipe.png"), "--json"]) == 3
    printed = capsys.readouterr()
    assert [Path(entry["image"]).name for entry in json.loads(printed.out)] == ["1.png", "2.avif", "3.webp"]
    errors = [line for line in printed.err.splitlines() if line.startswith("error[data]: ")]
    assert [name for name in ("0.jpg", "9.png", "pipe.png") for line in errors if name in line] == [
        "0.jpg", "9.png", "pipe.png",
    ]  # fmt: skip
    assert len(errors) == 3


@pytest.mark.parametrize("as_json", [False, True])
def test_ctrl_c_loses_no_prediction_that_was_made(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, as_json: bool
) -> None:
    def interrupted(*_: object) -> Iterator[tuple[Path, prediction.TopClasses | DataError]]:
        yield photos / "1.png", [("cat", 0.9)]
        os.kill(os.getpid(), signal.SIGINT)
        yield photos / "2.avif", [("dog", 0.9)]

    monkeypatch.setattr(prediction, "predict_images", interrupted)
    assert decanet([*PACKAGED, str(photos), *["--json"] * as_json]) == 130
    printed = capsys.readouterr()
    assert "cat" in printed.out
    assert "dog" not in printed.out
    assert not as_json or len(json.loads(printed.out)) == 1
    assert printed.err.splitlines()[-1] == "error[interrupted]: stopped by Ctrl-C"


def test_many_images_show_progress_beside_the_predictions(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet([*PACKAGED, *[str(photos / "1.png")] * 60, "--top", "1"]) == 0
    printed = capsys.readouterr()
    assert len(printed.out.splitlines()) == 60
    assert "predicting: 1 of 60 images" in printed.err


def test_without_model_the_packaged_network_predicts_and_is_named(
    photos: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no ImageNet weights are installed."""
    monkeypatch.setattr("decanet.evaluation.reference.installed_weights", list)
    assert decanet(["predict", str(photos / "1.png")]) == 0
    captured = capsys.readouterr()
    assert captured.out.startswith(f"{photos / '1.png'}: ")
    assert captured.err.startswith("model: decanet_m, which knows airplane, automobile, bird, cat, deer")
    assert decanet([*PACKAGED, str(photos / "1.png")]) == 0
    assert "which knows" not in capsys.readouterr().err


@pytest.mark.parametrize("images", [[], ["cat.jpg", "my dog.jpg"]])
def test_a_run_before_the_images_is_answered_with_the_present_order(
    images: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "recipe.toml").touch()
    assert decanet(["predict", "run", *images]) == 2
    written = "cat.jpg 'my dog.jpg'" if images else "cat.jpg"
    assert capsys.readouterr().err == (
        f"error[usage]: run is a run, not an image; write: decanet predict {written} --model run\n"
    )
