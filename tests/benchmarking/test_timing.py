"""Turns, quartiles, names of files; never how long anything takes."""

import json
from pathlib import Path

import pytest

from decanet.benchmarking.timing import (
    machine_slug,
    markdown_table,
    quartiles,
    results_folder,
    take_turns,
    write_results,
)


def test_contenders_take_turns() -> None:
    order: list[str] = []
    seconds = take_turns({"a": lambda: order.append("a"), "b": lambda: order.append("b")}, 3)
    assert order == ["a", "b"] * 3
    assert {name: len(values) for name, values in seconds.items()} == {"a": 3, "b": 3}


def test_quartiles_stand_beside_the_median() -> None:
    assert quartiles([5, 1, 2, 4, 3]) == {"runs": 5, "median": 3, "quartiles": [1.5, 3, 4.5]}
    assert quartiles([2, 1]) == {"runs": 2, "median": 1.5, "quartiles": [1, 1.5, 2]}


@pytest.mark.parametrize(
    ("processor", "slug"),
    [
        ("AMD EPYC", "amd-epyc-2-cores"),
        ("Intel(R) Core(TM) i7-8650U CPU @ 1.90GHz", "intel-core-i7-8650u-2-cores"),
        ("AMD Ryzen 9 5950X 16-Core Processor", "amd-ryzen-9-5950x-2-cores"),
        ("", "machine-2-cores"),
    ],
)
def test_a_machine_has_a_short_name(processor: str, slug: str) -> None:
    assert machine_slug({"processor": processor, "cores": 2}) == slug


def test_results_are_written_as_json_and_markdown(tmp_path: Path) -> None:
    measured = {"date": "2026-11-25", "environment": {"processor": "AMD EPYC", "cores": 1}, "value": 3}
    path = write_results("data", measured, markdown_table([{"a": 1, "b": None}]), tmp_path / "new")
    assert path.name == "2026-11-25-amd-epyc-1-core-data.json"
    assert json.loads(path.read_text()) == measured
    assert path.with_suffix(".md").read_text() == "| a | b |\n|---|---:|\n| 1 |  |\n"


def test_results_go_to_a_checkouts_folder(tmp_path: Path) -> None:
    assert results_folder(tmp_path) == tmp_path
    (tmp_path / "benchmarks" / "results").mkdir(parents=True)
    assert results_folder(tmp_path) == tmp_path / "benchmarks" / "results"
