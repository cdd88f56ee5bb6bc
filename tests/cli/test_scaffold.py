"""``decanet scaffold``: from the blanks to a training."""

from pathlib import Path

import pytest

from decanet.cli import run


def test_blanks_are_written_checked_and_solved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(["scaffold", "mine.py"]) == 0
    assert "--check" in capsys.readouterr().out
    assert run(["scaffold", "mine.py", "--check"]) == 2
    printed = capsys.readouterr()
    assert printed.out.count("hint: ") == 10
    assert "mine.py is not finished: 10 to go" in printed.err
    assert run(["scaffold", "answers.py", "--solution"]) == 0
    assert run(["scaffold", "answers.py", "--check"]) == 0
    assert "decanet train tutorial --model-file answers.py:AlexNet" in capsys.readouterr().out
    assert run(["scaffold", "mine.py"]) == 2
