"""Recorded outputs are what the commands print now; the quick ones are run again by default."""

import re

import pytest

from decanet.core.errors import ResourceError
from decanet.course.recorded_runs import FOLDER, command_lines, figure, output, outputs, run
from decanet.course.source import Block, load_chapters

BLOCKS = {
    block.name: block for chapter in load_chapters("en") for block in chapter.blocks() if block.kind == "run"
}
NEEDS_DATA = {
    "training-augment",
    "insight-attribution",
    "insight-errors",
    "outlook-sheet",
    "outlook-corruptions",
}
QUICK = ("echo-samples", "edges-arithmetic", "edges-channels", "layers-pooling", "layers-softmax")


def numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)]


def compare(name: str) -> None:
    printed, _ = run(BLOCKS[name])
    recorded = outputs()[name]
    assert numbers(printed) == pytest.approx(numbers(recorded), rel=1e-3, abs=1e-6)
    assert re.sub(r"[\d.e+ -]", "", printed) == re.sub(r"[\d.e+ -]", "", recorded)


@pytest.mark.parametrize("name", QUICK)
def test_a_command_prints_what_is_recorded(name: str) -> None:
    compare(name)


@pytest.mark.slow  # all commands, one minute without those that need CIFAR-10
@pytest.mark.parametrize("name", sorted(BLOCKS.keys() - NEEDS_DATA - set(QUICK)))
def test_every_command_prints_what_is_recorded(name: str) -> None:
    compare(name)


@pytest.mark.slow
@pytest.mark.network  # fetches CIFAR-10
@pytest.mark.parametrize("name", sorted(NEEDS_DATA))
def test_commands_on_cifar_print_what_is_recorded(name: str) -> None:
    compare(name)


@pytest.mark.parametrize("block", BLOCKS.values(), ids=BLOCKS)
def test_everything_is_recorded_and_shown_within_its_lines(block: Block) -> None:
    shown = output(block)
    assert bool(shown) != (block.fields.get("lines") == "none") or not shown
    drawn = figure(block)
    assert (drawn is not None) == any("{figure}" in line for line in block.lines)
    assert drawn is None or drawn.startswith(b"\x89PNG")


def test_nothing_is_recorded_that_no_chapter_shows() -> None:
    assert outputs().keys() == BLOCKS.keys()
    assert {file.stem for file in FOLDER.glob("*.png")} <= BLOCKS.keys()


def test_the_recorded_figures_are_small() -> None:
    assert sum(file.stat().st_size for file in FOLDER.iterdir()) < 5_000_000


def test_a_command_names_its_own_figure_and_a_failing_one_says_why() -> None:
    block = Block("run", "echo", ("decanet convolve signal sheet --out {figure}",), {})
    assert command_lines(block) == ["decanet convolve signal sheet --out echo.png"]
    with pytest.raises(ResourceError, match="decanet layers soft failed"):
        run(Block("run", "x", ("decanet layers soft",), {}))
    with pytest.raises(LookupError, match="decanet course --run"):
        output(Block("run", "nothing", ("decanet doctor",), {}))
