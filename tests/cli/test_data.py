"""``decanet data``: the list, and a data set that is fetched and verified."""

import json
from pathlib import Path

import pytest

from decanet.cli import run as decanet


def test_the_list_names_contents_sources_and_cache(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet(["data", "list", "--data-dir", str(tmp_path), "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["cifar10"]["cached"] == "no"
    assert rows["digits"]["cached"] == "yes", "the digits are part of scikit-learn"
    assert all(row["contents"] and row["sources"] for row in rows.values())
    assert decanet(["data", "list", "--data-dir", str(tmp_path)]) == 0
    assert f"cache: {tmp_path}" in capsys.readouterr().out.replace("\n", "")


@pytest.mark.parametrize("command", ["fetch", "verify"])
def test_the_digits_are_always_there(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert decanet(["data", command, "digits", "--data-dir", str(tmp_path), "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    assert (summary["train"], summary["test"]) == (1433, 364)
    assert len(summary["classes"]) == 10


def test_verify_fetches_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert decanet(["data", "verify", "cifar10", "--data-dir", str(tmp_path)]) == 3
    assert capsys.readouterr().err.startswith("error[data]:")
    assert not list(tmp_path.rglob("*.bin"))
