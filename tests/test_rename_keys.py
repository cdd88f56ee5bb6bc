"""Committed results and the packaged weights' metadata have the keys of today."""

import importlib.util
import json
from pathlib import Path

import pytest

from decanet.models.weight_files import list_packaged, packaged_file, read_about

ROOT = Path(__file__).parents[1]
_spec = importlib.util.spec_from_file_location("rename_keys", ROOT / "scripts" / "rename_keys.py")
assert _spec
assert _spec.loader
rename_keys = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rename_keys)


def test_a_key_is_renamed_at_every_depth_and_numbers_stay() -> None:
    old = {"runs": [{"rate": 1e-05, "test_crops": "one", "schedule": {"start": 0.2, "final": 0.0}}]}
    new = {"runs": [{"lr": 1e-05, "tta": "none", "schedule": {"start_factor": 0.2, "end_factor": 0.0}}]}
    assert rename_keys.renamed(old) == new
    assert rename_keys.renamed(new) == new


def test_a_key_of_one_table_stays_in_the_others() -> None:
    settings = {"selection": {"start": 0.4, "keep": 0.4}, "schedule": {"start": 0.0}}
    assert rename_keys.renamed(settings)["selection"] == settings["selection"]


def test_results_are_rewritten_once(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"judging_seconds": 0.1}')
    (tmp_path / "b.jsonl").write_text('{"rate": 0.001}\n{"rate": 1e-07}\n')
    (tmp_path / "c.json").write_text('{"seed":0}')
    assert [file.name for file in rename_keys.rename_in_results(tmp_path)] == ["a.json", "b.jsonl"]
    assert json.loads((tmp_path / "a.json").read_text()) == {"evaluation_seconds": 0.1}
    assert (tmp_path / "b.jsonl").read_text() == '{"lr": 0.001}\n{"lr": 1e-07}\n'
    assert (tmp_path / "c.json").read_text() == '{"seed":0}'
    assert rename_keys.rename_in_results(tmp_path) == []


def test_no_committed_result_has_an_old_key() -> None:
    files = sorted((ROOT / "benchmarks").rglob("*.json"))
    assert len(files) > 10
    for file in files:
        content = json.loads(file.read_text(encoding="utf-8"))
        assert rename_keys.renamed(content) == content, f"{file.name}: run scripts/rename_keys.py"
    for file in (ROOT / "benchmarks").rglob("*.jsonl"):
        for line in file.read_text(encoding="utf-8").splitlines():
            assert rename_keys.renamed(json.loads(line)) == json.loads(line), file.name


@pytest.mark.parametrize("name", list_packaged())
def test_no_packaged_weights_have_an_old_key(name: str) -> None:
    settings = json.loads(read_about(packaged_file(name))["settings"])
    assert rename_keys.renamed(settings) == settings, "run scripts/rename_keys.py"
