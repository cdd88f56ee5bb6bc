"""``decanet course``: the site, the list and the checkers."""

from pathlib import Path

import pytest

from decanet.cli import run


def test_the_site_is_built_where_asked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["course", "3", "--lang", "zh", "--out", str(tmp_path / "site"), "--no-open"]) == 0
    assert (tmp_path / "site" / "03-edges.html").exists()
    assert "03-edges.html" in capsys.readouterr().out


def test_the_list_has_every_chapter_and_its_question(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["course", "list"]) == 0
    printed = capsys.readouterr().out
    assert "An echo" in printed
    assert "The benchmark is solved. Is the problem?" in printed


def test_an_answer_is_checked(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["course", "check", "echo", "-0.2"]) == 0
    assert "Right" in capsys.readouterr().out
    assert run(["course", "check", "edges", "55", "--lang", "zh"]) == 0
    assert "227" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["edge", "--no-open"], "did you mean edges"), (["check", "edges", "many"], "is no number")],
)
def test_mistakes_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["course", *arguments]) == 2
    assert message in capsys.readouterr().err
