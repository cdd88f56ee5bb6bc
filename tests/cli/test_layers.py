"""``decanet layers``: every example is listed, printed, drawn and given as JSON."""

import json
from pathlib import Path
from typing import Any

import pytest

from decanet.cli import run
from decanet.convolution.layer_examples import example_names, load_example, summary
from decanet.core import plotting


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The figures that are saved; they are kept instead of rendered."""
    kept: list[Any] = []

    def keep(figure: Any, path: Path) -> Path:
        kept.append(figure)
        return path

    monkeypatch.setattr(plotting, "save_figure", keep)
    return kept


def test_the_examples_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["layers"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == example_names()
    assert all(line.endswith(summary(name)) for line, name in zip(lines, example_names(), strict=True))
    assert run(["layers", "--help"]) == 0
    shown = " ".join(word for word in capsys.readouterr().out.split() if word != "│")
    assert all(f"{name} {summary(name)}" in shown for name in example_names())


@pytest.mark.parametrize("name", example_names())
def test_an_example_prints_its_explanation_and_the_numbers_of_its_figure(
    name: str, figures: list[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    example = load_example(name)
    assert run(["layers", name, "--seed", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(summary(name))
    assert example.text(example.compute(seed=1)) in printed
    assert printed.endswith(f"wrote {name}.png\n")
    assert figures[0].get_suptitle()


@pytest.mark.parametrize("name", ["softmax", *example_names()[:2]])
def test_json_holds_every_number(name: str, figures: list[Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["layers", name, "--json", "--out", "here.svg"]) == 0
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)  # NaN and Infinity are no JSON
    assert found["figure"] == "here.svg"
    assert len(found) > 4


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["layers", "convolutoin"]) == 2
    assert "convolution" in capsys.readouterr().err
    assert run(["layers", "convolution", "--out", "figure.docx"]) == 2
    assert ".png" in capsys.readouterr().err
