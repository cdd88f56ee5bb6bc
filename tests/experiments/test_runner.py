"""The runner: end to end on the digits, its cache, resuming, and what it refuses."""

from dataclasses import replace
from pathlib import Path

import pytest

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.experiments import runner
from decanet.experiments.declaration import load_experiment
from decanet.experiments.outcome import read_outcome
from decanet.experiments.plan import final_trials, read_results
from decanet.experiments.runner import Setting, processor_kind, remaining, run_experiment, unfinished
from decanet.experiments.trial import Trial
from tests.conftest import Heard
from tests.experiments.conftest import Keep, experiment, made_up

CHOSEN = {"narrow": 0.03, "wide": 0.03}
SMALL = experiment(seeds=2, tuning=0.3)


@pytest.fixture(scope="module")
def setting(tmp_path_factory: pytest.TempPathFactory) -> Setting:
    """Where the small experiment was run to its end."""
    folder = tmp_path_factory.mktemp("experiments")
    where = Setting(folder / "results", folder / "cache", workers=1)
    run_experiment(SMALL, where, Silent())
    return where


def test_an_experiment_runs_from_tuning_to_its_outcome(setting: Setting) -> None:
    outcome = read_outcome(SMALL, setting.folder(SMALL))
    assert outcome is not None
    assert outcome.seeds == 2
    assert all(0 <= error <= 100 for arm in outcome.arms for error in arm.values["test_error"])  # type: ignore[operator]
    assert outcome.tuning is not None
    assert set(SMALL.learning_rates) <= set(outcome.tuning.grid)
    assert not list((setting.cache / "experiments").iterdir()), "no training is left unfinished"


def test_what_has_a_result_is_not_trained_again(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner, "run_trial", lambda *_, **__: pytest.fail("trained again"))
    run_experiment(SMALL, setting, Silent())


def test_a_lost_result_alone_is_trained_again(setting: Setting, heard: Heard) -> None:
    folder = setting.folder(SMALL)
    before = read_results(folder)
    lost = "wide-seed1.json"
    (folder / lost).unlink()
    run_experiment(SMALL, setting, heard)
    after = read_results(folder)
    assert any("1 of 4 trials to run" in note for note in heard.notes)
    assert after[lost]["measured"] == before[lost]["measured"], "equal seeds give equal numbers"


def test_a_demonstration_has_results_of_its_own(setting: Setting) -> None:
    declared = replace(SMALL, arms=SMALL.arms[:1], comparisons=())
    run_experiment(declared, setting, Silent(), quick=True)
    assert "quick/narrow-seed0.json" in read_results(setting.folder(declared))


def test_too_long_an_experiment_is_refused_unless_asked(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"more than its budget of 0: --quick"):
        run_experiment(replace(SMALL, minutes=0.0), Setting(tmp_path, tmp_path), Silent())


def test_an_experiment_without_arms_and_one_without_people_are_refused(tmp_path: Path) -> None:
    where = Setting(tmp_path, tmp_path)
    with pytest.raises(UsageError, match="draws the runs of lineage"):
        run_experiment(load_experiment("depth_without_parameters"), where, Silent())
    with pytest.raises(UsageError, match="--people"):
        run_experiment(load_experiment("human"), where, Silent())


def test_a_seed_that_began_on_another_processor_is_run_again_whole(
    keep: Keep, tmp_path: Path, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "choose_precision", lambda *_: "bfloat16")
    trials = final_trials(experiment(seeds=2), CHOSEN)
    for trial in trials[:3]:  # the first seed, and half of the second
        keep(trial)
    assert remaining(trials, read_results(tmp_path), heard) == trials[2:]
    assert "seed 1 began on Zen 4 (AVX512)" in heard.notes[0]


def test_results_in_another_precision_are_refused(
    keep: Keep, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "choose_precision", lambda *_: "float32")
    trials = final_trials(experiment(), CHOSEN)
    keep(trials[0])
    with pytest.raises(UsageError, match="computed in bfloat16 and this machine computes in float32"):
        remaining(trials, read_results(tmp_path), Silent())


def test_unfinished_trainings_of_other_recipes_have_other_folders(tmp_path: Path) -> None:
    arm = experiment().arm("wide")
    trials = [Trial(experiment(), arm, lr, seed, "final") for lr in (0.1, 0.2) for seed in (0, 1)]
    assert len({unfinished(trial, tmp_path) for trial in trials}) == 4


def test_the_kind_of_a_processor_is_its_name_and_its_instructions() -> None:
    result = made_up(final_trials(experiment(), CHOSEN)[0])
    assert processor_kind(result["environment"]) == "Zen 4 (AVX512)"


KILLED = """
import sys
from pathlib import Path
from decanet.core.progress import Silent
from decanet.experiments.runner import Setting, run_experiment
from tests.experiments.conftest import DIGITS, experiment
from tests.experiments.test_runner import long_experiment

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    run_experiment(long_experiment(), Setting(folder / "results", folder / "cache", workers=2), Silent())
"""


def long_experiment():  # type: ignore[no-untyped-def]
    """Trainings of some seconds each, to be killed within."""
    from decanet.experiments.declaration import vary

    arms = tuple(
        replace(arm, recipe=vary(arm.recipe, "epochs=60", "optimizer.lr=0.02")) for arm in SMALL.arms
    )
    return replace(SMALL, arms=arms, learning_rates=(), seeds=2)


@pytest.mark.slow  # starts worker processes three times: 40 s
def test_a_killed_run_continues_and_leaves_no_worker_behind(tmp_path: Path) -> None:
    import os
    import signal
    import subprocess
    import sys
    import time

    script = tmp_path / "run.py"
    script.write_text(KILLED)
    root = Path(__file__).parents[2]
    command = [sys.executable, str(script), str(tmp_path)]
    environment = {**os.environ, "PYTHONPATH": f"{root / 'src'}:{root}"}

    def workers() -> list[str]:
        found = subprocess.run(["pgrep", "-f", "spawn_main"], capture_output=True, text=True, check=False)
        return found.stdout.split()

    before = set(workers())
    process = subprocess.Popen(command, env=environment)
    results = tmp_path / "results" / SMALL.name
    limit = time.monotonic() + 120
    while not list(results.glob("*.json")) and time.monotonic() < limit:
        time.sleep(0.1)  # killed between two trials, and within others
    process.send_signal(signal.SIGKILL)
    process.wait()
    limit = time.monotonic() + 60
    while set(workers()) - before and time.monotonic() < limit:
        time.sleep(0.5)
    assert not set(workers()) - before
    kept = {file.name: file.read_bytes() for file in results.glob("*.json")}
    assert 1 <= len(kept) < 4
    subprocess.run(command, env=environment, check=True)
    assert len(list(results.glob("*.json"))) == 4
    assert all((results / name).read_bytes() == content for name, content in kept.items())
