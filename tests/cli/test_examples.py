"""The examples in the help: every command has some, each can be copied and is accepted, and the quick ones are run."""

import inspect
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from decanet.cli import _app
from decanet.cli import run as decanet
from decanet.core import plotting

# Examples that begin so are run. The others train, measure, or need a run, pretrained weights or the network.
RUN = (
    "convolve arithmetic", "convolve image", "convolve signal", "convolve statistics", "data list", "layers", "lineage",
    "models",
)  # fmt: skip
NOT_HERE = ("runs/", "@", "--measure", "cifar10", "--data", "~/")
# Run by the tests of these commands, with more checks.
ELSEWHERE = {"decanet convolve image", "decanet convolve signal", "decanet models verify"}
IMAGES, SOUNDS = ("cat.jpg", "holiday.jpg"), ("voice.wav", "voice.flac", "room.wav")


def commands(app: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    """The words of each command that does something, and its function."""
    for name in app:
        if not name.startswith("-"):
            yield from commands(app[name], (*words, name))
    if words and app.default_command is not None:
        yield " ".join(words), app.default_command


COMMANDS = dict(commands(_app()))


def examples(command: str) -> list[str]:
    """The lines of a command's docstring that are examples: of itself or of its subcommands."""
    lines = (inspect.getdoc(COMMANDS[command]) or "").splitlines()
    # Indented, or in a code block: never a sentence that begins with the command.
    return [line.strip() for line in lines if line.strip().startswith(f"decanet {command}")]


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_stand_on_lines_of_their_own_and_are_accepted(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet([*command.split(), "--help"]) == 0
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert examples(command)
    for example in examples(command):
        assert example in shown
        words = shlex.split(example.partition(" > ")[0])[1:]
        called, _, _ = _app().parse_args(words, exit_on_error=False, print_error=False)
        assert called in COMMANDS.values()


def quick_examples() -> list[str]:
    found = [example for command in COMMANDS if command.startswith(RUN) for example in examples(command)]
    return sorted({line for line in found if not any(word in line for word in NOT_HERE)} - ELSEWHERE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the images and sounds that the examples name."""
    where, random = tmp_path_factory.mktemp("examples"), np.random.default_rng(0)
    for name in IMAGES:
        Image.fromarray(random.integers(0, 256, (160, 240, 3), np.uint8)).save(where / name)
    for name in SOUNDS:
        soundfile.write(where / name, random.uniform(-0.5, 0.5, 4000), 8000)
    return where


@pytest.mark.parametrize("example", quick_examples())
def test_quick_examples_run(example: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    # Building a figure runs all of decanet's code; rendering it takes longer than all the rest.
    monkeypatch.setattr(plotting, "encode_figure", lambda *_, **__: b"")
    assert decanet(shlex.split(example)[1:]) == 0
