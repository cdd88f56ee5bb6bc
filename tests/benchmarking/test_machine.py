"""What ``decanet doctor`` finds on a machine."""

import json
from pathlib import Path

import pytest
import torch

from decanet.benchmarking import machine
from decanet.cli import run as decanet


@pytest.fixture(autouse=True)
def _without_measuring(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "matmul_gflops", lambda *_: 12.34)


def test_a_machine_is_examined_without_making_its_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _: None)
    found = machine.examine(torch.device("cpu"), tmp_path / "not" / "yet")
    assert not (tmp_path / "not").exists()
    assert found["cache"] == str(tmp_path / "not" / "yet")
    assert (found["float32_gflops"], found["bfloat16_gflops"]) == (12.3, 12.3)
    assert found["cached_data_sets"] == ["digits"]  # which come with scikit-learn
    assert found["npm"].startswith("missing")
    assert found["memory_gb"] > 0.1


def test_the_command_prints_a_table_or_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert decanet(["doctor", "--data-dir", str(tmp_path), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["torch"] == torch.__version__
    assert decanet(["doctor", "--data-dir", str(tmp_path)]) == 0
    assert "cached data sets" in capsys.readouterr().out
