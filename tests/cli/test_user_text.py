"""Names of files and classes through the commands: shown to the letter in every place and every encoding."""

import io
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from decanet import cli
from decanet.cli import run as decanet
from decanet.cli._shared import console, table
from decanet.core.runtime import STOPPING

CLASSES = ["Ba$$in", "[red]x :cat:", "a\x1b[31mb", "two\nlines", "caf\udce9", "猫"]
RECIPE = """
batch_size = 8
epochs = 1
precision = "float32"
model.name = "lenet5_modern"
optimizer = { name = "sgd", lr = 0.01 }
"""


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    """``main`` is the end of a process and ignores the signals that stop one; the tests go on."""
    before = {number: signal.getsignal(number) for number in STOPPING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of images with names of every kind below a path that is no UTF-8, and a run on them."""
    root = tmp_path_factory.mktemp("names") / "d\udce9"
    rng = np.random.default_rng(0)
    for number, name in enumerate(CLASSES):
        (root / "data" / name).mkdir(parents=True)
        for k in range(5):
            pixels = rng.integers(0, 90, (28, 28, 3))
            pixels[..., number % 3] += 120
            Image.fromarray(pixels.astype(np.uint8)).save(root / "data" / name / f"{k}$[b]\x1b\udce9.png")
    (root / "l.toml").write_text(RECIPE)
    assert (
        decanet(["train", str(root / "l.toml"), "--data", str(root / "data"), "--out", str(root / "run")])
        == 0
    )
    return root


def test_a_training_keeps_and_draws_names_of_every_kind(trained: Path) -> None:
    run = trained / "run"
    assert sorted(json.loads((run / "data.json").read_text())["classes"]) == sorted(CLASSES)
    assert {"curves.png", "confusion.png", "most_confident.png"} <= {
        file.name for file in (run / "figures").iterdir()
    }


def test_classes_with_such_names_are_evaluated_and_predicted(
    trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet(["evaluate", str(trained / "run"), "--figures", str(tmp_path / "figures")]) == 0
    assert (tmp_path / "figures" / "confusion.png").exists()
    capsys.readouterr()
    assert decanet(["predict", str(trained / "data"), "--model", str(trained / "run"), "--top", "6"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 5 * len(CLASSES)
    for line in lines:
        assert line.isprintable()
        for name in ("Ba$$in", "[red]x :cat:", r"a\x1b[31mb", r"two\nlines", r"caf\xe9", "猫"):
            assert f"{name} " in line


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "gbk"])
def test_no_encoding_of_the_output_loses_a_result(
    encoding: str, trained: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = sorted(str(path) for path in trained.glob("data/*/0*.png"))
    for options in ([], ["--json"]):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding=encoding))
        with pytest.raises(SystemExit) as ended:
            cli.main(["predict", *images, "--model", str(trained / "run"), "--top", "6", *options])
        sys.stdout.flush()
        assert ended.value.code == 0
        printed = raw.getvalue().decode(encoding)
        if options:
            predicted = json.loads(printed)
            assert [entry["image"] for entry in predicted] == images
            assert {guess["class"] for guess in predicted[0]["classes"]} == set(CLASSES)
        else:
            assert len(printed.splitlines()) == len(CLASSES)


@pytest.mark.parametrize(
    "arguments",
    [["models", "alexnet"], ["doctor", "--help"], ["train", "--list"], ["convolve", "image", "list"]],
)
def test_commands_print_where_only_ascii_can_be_written(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    raw = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii"))
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    sys.stdout.flush()
    assert ended.value.code == 0
    assert raw.getvalue()


def test_brackets_and_colons_are_text_in_tables_and_lines(capsys: pytest.CaptureFixture[str]) -> None:
    table(
        [
            {"what": "timm", "found": "pip install 'decanet[timm]'"},
            {"what": "[red]", "found": ":cat: [/x] \x1b[2J"},
        ]
    )
    console().print("[bold]name[/bold] :smile: [/nothing]")
    printed = capsys.readouterr().out
    for text in ("'decanet[timm]'", "[red]", r":cat: [/x] \x1b[2J", "[bold]name[/bold] :smile: [/nothing]"):
        assert text in printed


@pytest.mark.parametrize("command", ["image", "statistics"])
def test_the_convolution_commands_print_and_draw_names_of_every_kind(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    image = tmp_path / "$10, is\n$5 \x1b[2J\udce9[x].png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (24, 24, 3), np.uint8)).save(image)
    kernel = ["--kernel", "sharpen"] if command == "image" else []
    out = tmp_path / "out$$\n.png"
    assert decanet(["convolve", command, str(image), *kernel, "--out", str(out)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert all(line.isprintable() for line in lines)
    assert any(line.endswith(r"out$$\n.png") for line in lines)
    assert out.exists()
    assert decanet(["convolve", command, str(image), *kernel, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["image"] == str(image)


def test_nothing_is_wrapped_in_a_pipe(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(os.environ, "COLUMNS", "40")
    long = "word " * 60 + "end"
    table([{"what": long, "found": long}])
    console().print(long)
    lines = [line for line in capsys.readouterr().out.splitlines() if "word" in line]
    assert [line.count("end") for line in lines] == [2, 1]


def test_lists_have_one_line_per_entry_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    from decanet.data import dataset_entry, list_datasets

    assert decanet(["data", "list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    for name in list_datasets():
        assert any(line.split()[:1] == [name] and dataset_entry(name).summary in line for line in lines)
