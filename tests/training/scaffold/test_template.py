"""The scaffold with blanks and with answers."""

import ast
from pathlib import Path

import pytest

from decanet.core.errors import UsageError
from decanet.training.scaffold.template import BLANKS, render, write_scaffold


def test_every_blank_has_its_question_and_stands_open() -> None:
    text = render("mine.py")
    tree = ast.parse(text)
    dots = [node for node in ast.walk(tree) if isinstance(node, ast.Constant) and node.value is Ellipsis]
    assert len(dots) == len(BLANKS) == 10
    for number, blank in enumerate(BLANKS, 1):
        assert f"# Blank {number}: {blank.question}" in text
    assert "decanet scaffold mine.py --check" in text


def test_the_answers_have_no_blanks() -> None:
    assert "..." not in render("mine.py", solution=True)
    assert "# Blank" not in render("mine.py", solution=True)


def test_a_file_is_never_replaced(tmp_path: Path) -> None:
    path = write_scaffold(tmp_path / "mine.py")
    with pytest.raises(UsageError, match="exists already"):
        write_scaffold(path)
    with pytest.raises(UsageError, match=r"ends in \.py"):
        write_scaffold(tmp_path / "mine.txt")
