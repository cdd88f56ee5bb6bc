"""``decanet doctor`` prints what the examination of the machine found."""

import json
from pathlib import Path
from typing import Any

import pytest

from decanet.benchmarking import machine
from decanet.cli import run as decanet


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    values: dict[str, Any] = {"usable_cores": 2, "missing": ["timm", "torchrun"], "torch": "2.14"}
    monkeypatch.setattr(machine, "examine", lambda *_: values)
    return values


def test_the_examination_is_printed(
    found: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet(["doctor", "--device", "cpu", "--data-dir", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == found
    assert decanet(["doctor", "--device", "cpu", "--data-dir", str(tmp_path)]) == 0
    printed = capsys.readouterr().out
    assert "usable cores" in printed
    assert "timm, torchrun" in printed
