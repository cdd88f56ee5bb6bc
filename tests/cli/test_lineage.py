"""``decanet lineage``: the table in its three forms and the figures."""

import importlib
import json
from pathlib import Path

import pytest

from decanet.lineage import speed as lineage_speed
from decanet.lineage import timeline


@pytest.fixture(autouse=True)
def short_line(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four networks instead of all."""
    few = timeline.lineage(["alexnet_two_tower", "alexnet", "vgg16", "resnet18"])
    monkeypatch.setattr(timeline, "lineage", lambda: few)


def lineage(**options) -> None:
    importlib.import_module("decanet.cli.lineage").command(**options)


def test_the_table(capsys) -> None:
    lineage()
    out = capsys.readouterr().out
    assert "61.0 M" in out
    assert "15.315" in out
    assert "59.3*" in out  # * ten crops
    assert "71.6 2017" in out
    assert "dropout 0.5 in fc6 and fc7" in " ".join(out.split())
    assert "…" not in out


def test_json_and_markdown(capsys) -> None:
    lineage(json=True)
    rows = json.loads(capsys.readouterr().out)
    assert rows[0]["competition_rank"] == 1
    assert rows[0]["speed"] is None
    lineage(markdown=True)
    assert capsys.readouterr().out.startswith("| Year | Network |")


def test_measured_speeds_come_with_the_environment(capsys, monkeypatch: pytest.MonkeyPatch) -> None:
    speed = lineage_speed.Speed(12.5, 100.0, 16, 2, "channels last", True)
    monkeypatch.setattr(lineage_speed, "measure_network", lambda _: speed)
    lineage(measure=True, json=True)
    result = json.loads(capsys.readouterr().out)
    assert result["milestones"][0]["speed"]["threads"] == 2
    assert result["environment"]["torch"]
    lineage(measure=True)
    assert "2 threads in float32, channels last" in capsys.readouterr().out


def test_figures_are_written_as_png_and_svg(tmp_path: Path, capsys) -> None:
    lineage(figures=tmp_path / "new", json=True)
    names = {path.name for path in (tmp_path / "new").iterdir()}
    stems = ("error_over_years", "cost_against_error", "depth_against_parameters")
    assert names == {f"{stem}.{kind}" for stem in stems for kind in ("png", "svg")}
    json.loads(capsys.readouterr().out)  # only JSON on stdout
