"""``decanet quiz``: asked in a terminal, and exported."""

from pathlib import Path

import pytest

from decanet.cli import run
from decanet.course.quiz import questions


def answers(monkeypatch: pytest.MonkeyPatch, given: list[str]) -> None:
    rest = iter(given)

    def reply(_: str = "") -> str:
        try:
            return next(rest)
        except StopIteration:
            raise EOFError from None

    monkeypatch.setattr("builtins.input", reply)


def test_answers_count_by_letter_and_by_value(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = questions("size", 3, seed=1)
    wrong = "abcd"[(asked[2].right + 1) % 4]
    answers(monkeypatch, ["abcd"[asked[0].right], asked[1].options[asked[1].right], wrong])
    assert run(["quiz", "size", "--count", "3", "--seed", "1"]) == 0
    printed = capsys.readouterr().out
    assert "2 of 3 right" in printed
    assert asked[2].derivation in printed


def test_an_end_of_the_input_ends_the_quiz(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers(monkeypatch, ["a"])
    assert run(["quiz", "--seed", "0", "--lang", "zh"]) == 0
    assert "1 题答对" in capsys.readouterr().out


def test_a_sheet_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["quiz", "--seed", "0", "--export", str(tmp_path / "quiz.md")]) == 0
    assert "# Solutions" in (tmp_path / "quiz.md").read_text(encoding="utf-8")
    assert run(["quiz", "sizes"]) == 2
    assert "did you mean size" in capsys.readouterr().err
