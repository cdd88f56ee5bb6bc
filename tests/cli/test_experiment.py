"""``decanet experiment``: what it lists, shows and refuses. The runner has its own tests."""

import json
from pathlib import Path

import pytest

from decanet.cli import run
from decanet.core.files import write_json
from decanet.experiments.declaration import load_experiment
from decanet.experiments.plan import final_trials, read_results, tuning_trials
from tests.experiments.conftest import made_up


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Made-up results of one declared experiment, in which the claim holds."""
    experiment = load_experiment("normalization")
    folder = tmp_path / "results" / experiment.name
    while trials := tuning_trials(experiment, read_results(folder)):
        for trial in trials:
            write_json(folder / trial.file, made_up(trial, {0.001: 20.0}.get(trial.lr, 30.0)))
    errors = {"none": 20.0, "response": 18.0, "batch": 17.0}
    for trial in final_trials(experiment, dict.fromkeys(errors, 0.001)):
        error = errors[trial.arm.name] + 0.1 * (trial.seed * (2 if trial.arm.name == "none" else 1))
        write_json(folder / trial.file, made_up(trial, error))
    return tmp_path / "results"


def test_the_list_names_every_experiment_with_its_verdict(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["experiment", "list", "--results", str(results), "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert len(rows) == 23
    verdicts = {row["name"]: row["verdict"] for row in rows}
    assert verdicts["normalization"] == "supported"
    assert verdicts["depth"] == "declared, not run yet"
    assert run(["experiment", "list", "--results", str(results), "--lang", "zh"]) == 0
    assert "尚未运行" in capsys.readouterr().out


def test_show_prints_the_claim_the_arms_the_prediction_and_the_outcome(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["experiment", "show", "normalization", "--results", str(results)]) == 0
    shown = capsys.readouterr().out
    for part in ("NIPS 2012 paper, section 3.3", "Held equal", "cuda_convnet_11", "budget 75", "supported"):
        assert part in shown
    assert run(["experiment", "show", "normalization", "--results", str(results), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["outcome"]["seeds"] == 5
    assert found["outcome"]["comparisons"][0]["verdict"] == "supported"
    assert found["predicted_minutes"] > 10


def test_an_experiment_without_runs_says_how_to_begin(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["experiment", "show", "squeeze", "--results", str(tmp_path)]) == 0
    assert "decanet experiment run squeeze --quick" in capsys.readouterr().out


def test_the_report_has_a_page_markdown_and_figures(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "report"
    assert run(["experiment", "report", "--results", str(results), "--out", str(out)]) == 0
    assert {file.name for file in out.iterdir()} == {"index.html", "README.md", "normalization.png"}
    assert "![Does local response normalization help?](normalization.png)" in (out / "README.md").read_text(
        "utf-8"
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["show", "dept"], "did you mean depth"),
        (["run", "human"], "--people"),
        (["run", "depth_without_parameters"], "has none of its own"),
        (["run", "depth", "--workers", "0"], "at least 1"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["experiment", *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error[usage]:")
    assert message in error
    assert error.count("\n") == 1
