"""``decanet inspect report``."""

from pathlib import Path

import pytest

from decanet.cli import run
from decanet.insight import report
from tests.insight.test_report import simple


def test_a_page_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "VIEWS", {"filters": simple})
    monkeypatch.chdir(tmp_path)
    assert run(["inspect", "report", "resnet20_cifar", "--lang", "zh"]) == 0
    assert "wrote report-resnet20_cifar/index.html" in capsys.readouterr().out
    assert "第一层卷积核" in (tmp_path / "report-resnet20_cifar" / "index.html").read_text(encoding="utf-8")


def test_an_unknown_language_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["inspect", "report", "decanet_s", "--lang", "fr"]) == 2
    assert "fr" in capsys.readouterr().err
