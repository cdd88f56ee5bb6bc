"""The benchmark of trainings: what is kept, what is repeated, and the summary."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from decanet.benchmarking import training
from decanet.core.errors import ResourceError, UsageError
from decanet.training.recipes import load_recipe
from tests.conftest import Heard

MACHINE = {
    "processor": "AMD EPYC", "capability": "AVX512", "threads": 2, "cores": 2, "torch": "2", "decanet": "0",
    "commit": "abc",
}  # fmt: skip


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Trainings that take no time; the list says which were done."""
    done: list[tuple[str, int]] = []

    def train(name: str, seed: int) -> dict[str, Any]:
        done.append((name, seed))
        settings = load_recipe(name).model_copy(update={"seed": seed}).model_dump(mode="json")
        settings["precision"] = "bfloat16"
        settings["data"] |= {"image_size": settings["data"]["image_size"] or 32}
        settings["data"] |= {"mean": [0.5, 0.5, 0.5], "std": [0.2, 0.2, 0.2]}
        return {
            "recipe": name, "seed": seed, "test_top1": 0.7 + seed / 100, "train_seconds": 10.0, "shell_seconds": 12.0,
            "precision": "bfloat16", "training_macs": 10**12, "settings": settings, "environment": MACHINE,
        }  # fmt: skip

    conditions = {
        "date": "2026-11-25", "environment": MACHINE, "float32_gflops": 100.0, "bfloat16_gflops": 400.0,
    }  # fmt: skip
    monkeypatch.setattr(training, "_train", train)
    monkeypatch.setattr(training, "_tutorial_seconds", lambda steps: [1.0] * steps)
    monkeypatch.setattr(training, "conditions", lambda: dict(conditions))
    return done


def test_the_summary_holds_means_and_ratios(
    trained: list[tuple[str, int]], tmp_path: Path, heard: Heard
) -> None:
    measured = training.measure(["flash", "quick"], 3, tmp_path, heard)
    assert trained == [(name, seed) for name in ("flash", "quick") for seed in range(3)]
    assert measured["tutorial"]["timed_steps"] == 60
    assert measured["tutorial"]["extrapolated_seconds"] == 3910
    assert measured["summary"]["flash"] == {
        "seeds": 3,
        "test_top1_pct_mean": 71.0,
        "test_top1_pct_std": 1.0,
        "train_seconds_mean": 10.0,
        "train_seconds_range": [10.0, 10.0],
        "shell_seconds_mean": 12.0,
        "times_faster_than_tutorial": 391.0,
        "gflops": 200.0,
        "fraction_of_matmul_speed_pct": 50.0,
    }
    text = training.table(measured)
    assert "| `flash` | 3 | 71.00 ± 1.00 % | 10.0 s (10.0 to 10.0) | 12.0 s | 391 × | 200 | 50 % |" in text


def test_a_recipe_can_ask_for_its_own_number_of_seeds(
    trained: list[tuple[str, int]], tmp_path: Path, heard: Heard
) -> None:
    measured = training.measure(["flash", "quick:1"], 2, tmp_path, heard)
    assert trained == [("flash", 0), ("flash", 1), ("quick", 0)]
    assert {name: s["seeds"] for name, s in measured["summary"].items()} == {"flash": 2, "quick": 1}
    with pytest.raises(UsageError, match="flash is named twice"):
        training.measure(["flash", "flash:3"], 2, tmp_path, heard)
    with pytest.raises(UsageError, match="0 seeds for quick"):
        training.measure(["flash", "quick:0"], 2, tmp_path, heard)


def test_an_interrupted_benchmark_continues(
    trained: list[tuple[str, int]], tmp_path: Path, heard: Heard
) -> None:
    training.measure(["flash"], 2, tmp_path, heard)
    trained.clear()
    measured = training.measure(["flash"], 3, tmp_path, heard)
    assert trained == [("flash", 2)]
    assert measured["summary"]["flash"]["seeds"] == 3
    assert measured["tutorial"]["timed_steps"] >= training.TIMED_STEPS


def test_a_training_with_another_recipe_or_a_damaged_file_is_repeated(
    trained: list[tuple[str, int]], tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    training.measure(["flash"], 2, tmp_path, heard)
    (tmp_path / "amd-epyc-2-cores-runs" / "flash-seed1.json").write_text('{"run": {')
    trained.clear()
    training.measure(["flash"], 2, tmp_path, heard)
    assert trained == [("flash", 1)]
    trained.clear()
    longer = load_recipe("flash").model_copy(update={"epochs": 9.0})
    monkeypatch.setattr(training, "load_recipe", lambda _: longer)
    training.measure(["flash"], 2, tmp_path, heard)
    assert trained == [("flash", 0), ("flash", 1)]


def test_a_mistake_is_reported_before_any_training(
    trained: list[tuple[str, int]], tmp_path: Path, heard: Heard
) -> None:
    with pytest.raises(UsageError, match="did you mean flash"):
        training.measure(["quick", "flahs"], 1, tmp_path, heard)
    with pytest.raises(UsageError, match="at least one training"):
        training.measure(["flash"], 0, tmp_path, heard)
    assert not trained
    assert not list(tmp_path.iterdir())


def test_a_failed_training_is_reported_with_its_own_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    failed = subprocess.CompletedProcess([], 3, "", "reading\nerror[data]: no folder none\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        ResourceError, match=r"training flash with seed 0 failed: error\[data\]: no folder none"
    ) as caught:
        training._train("flash", 0)
    assert caught.value.exit_code == 3
