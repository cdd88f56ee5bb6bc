"""Whole trainings as a user starts them, beside the training step of the tutorial."""

import json
import math
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from decanet.benchmarking.counts import count_epoch
from decanet.benchmarking.steps import TUTORIAL_STEPS, tutorial_step
from decanet.benchmarking.timing import about, conditions, machine_slug, markdown_table, quartiles, take_turns
from decanet.core.errors import DecanetError, ResourceError, UsageError
from decanet.core.files import write_json
from decanet.core.progress import Report
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import agrees, parse_recipe
from decanet.core.run_folder import RunFolder
from decanet.training.recipes import load_recipe
from decanet.training.run_files import new_run_path

TIMED_STEPS = 60  # at least so many steps of the tutorial over all trainings
WARM_UP = 3
PAIRED_STEPS = 5  # at least so many of them beside each training


def measure(recipes: Sequence[str], seeds: int, out: Path, report: Report) -> dict[str, Any]:
    """Train each recipe with seeds 0, 1, ... and time the tutorial's step before each training.

    ``seeds`` is the number of seeds of each recipe, except of one named as in "best:3".

    Each training is a process of its own, ``decanet train RECIPE --seed N --json``. Its result goes to
    ``out/MACHINE-runs/RECIPE-seedN.json`` as soon as it has ended, together with the tutorial's steps that were timed
    beside it. A training is not repeated if this file exists and has the same recipe, torch and number of threads.

    Raises:
        UsageError: unknown recipe, or one named twice; less than one seed.
        DecanetError: a training failed; with the exit code of the training.
    """
    wanted = _wanted(recipes, seeds)
    known = {name: load_recipe(name) for name in wanted}
    measured: dict[str, Any] = conditions()
    kept = out / f"{machine_slug(measured['environment'])}-runs"
    planned = [(name, seed) for name, count in wanted.items() for seed in range(count)]
    steps = max(PAIRED_STEPS, math.ceil(TIMED_STEPS / len(planned)))
    entries: list[tuple[str, dict[str, Any]]] = []
    for index, (name, seed) in enumerate(planned):
        report.progress("trainings", index, len(planned), "trainings")
        file = kept / f"{re.sub('[^a-zA-Z0-9_.]+', '-', name).strip('-')}-seed{seed}.json"
        entry = _kept(file, known[name], seed, measured["environment"])
        if entry is None:
            report.note(f"timing {steps} steps of the tutorial")
            tutorial = _tutorial_seconds(steps)
            report.note(f"training {name} with seed {seed}")
            entry = {"run": _train(name, seed), "tutorial_step_seconds": tutorial}
            write_json(file, entry)
        else:
            report.note(f"taking {file}, trained at commit {entry['run']['environment']['commit']}")
        entries.append((name, entry))
    report.progress("trainings", len(planned), len(planned), "trainings")
    timed = [seconds for _, entry in entries for seconds in entry["tutorial_step_seconds"]]
    if len(timed) < TIMED_STEPS:  # earlier trainings were timed beside fewer steps
        timed += _tutorial_seconds(TIMED_STEPS - len(timed))
    return _summarized(measured, entries, timed)


def _wanted(recipes: Sequence[str], seeds: int) -> dict[str, int]:
    """Number of trainings of each recipe: three for "name:3", ``seeds`` for "name"."""
    wanted: dict[str, int] = {}
    for asked in recipes:
        name, _, own = asked.rpartition(":")
        if not (name and own.isdecimal()):
            name, own = asked, str(seeds)
        count = int(own)
        if count < 1:
            raise UsageError(f"{count} seeds for {name}: at least one training is needed")
        if name in wanted:
            raise UsageError(f"{name} is named twice")
        wanted[name] = count
    return wanted


def _tutorial_seconds(steps: int) -> list[float]:
    contender = {"tutorial": tutorial_step()}
    take_turns(contender, WARM_UP)
    return [round(seconds, 5) for seconds in take_turns(contender, steps)["tutorial"]]


def _train(name: str, seed: int) -> dict[str, Any]:
    """Train and return result.json with the seconds of the whole command and the counted multiply-adds.

    The run itself stays under ``runs/`` with its weights and figures.
    """
    run = RunFolder(new_run_path(load_recipe(name)))
    command = [sys.executable, "-m", "decanet", "train", name, "--seed", str(seed), "--json"]
    start = time.perf_counter()
    done = subprocess.run([*command, "--out", str(run.path)], capture_output=True, text=True, check=False)
    shell_seconds = time.perf_counter() - start
    if done.returncode:
        raise _failure(f"training {name} with seed {seed}", done)
    result = json.loads(done.stdout)
    about_data = run.read_json(run.data)
    del result["run"]
    result["shell_seconds"] = round(shell_seconds, 2)
    recipe = parse_recipe(result["settings"], name)
    work = count_epoch(recipe, about_data["train"], len(about_data["classes"]))
    result["training_macs"] = round(work.macs * recipe.epochs)
    return result


def _failure(what: str, done: subprocess.CompletedProcess[str]) -> DecanetError:
    lines = done.stderr.strip().splitlines() or ["it printed no error"]
    error = ResourceError(f"{what} failed: {lines[-1]}")
    error.exit_code = done.returncode if done.returncode > 0 else error.exit_code
    return error


def _kept(file: Path, recipe: Recipe, seed: int, machine: dict[str, Any]) -> dict[str, Any] | None:
    """Read the entry of an earlier training, if it is whole and has the same recipe, torch and number of threads."""
    try:
        entry = json.loads(file.read_text(encoding="utf-8"))
        settings, then = entry["run"]["settings"], entry["run"]["environment"]
        same_machine = all(then[key] == machine[key] for key in ("torch", "threads"))
        float(sum(entry["tutorial_step_seconds"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    wanted = recipe.model_copy(update={"seed": seed}).model_dump(mode="json")
    return entry if same_machine and agrees(wanted, settings) else None


def _summarized(
    measured: dict[str, Any],
    entries: list[tuple[str, dict[str, Any]]],
    timed: list[float],
) -> dict[str, Any]:
    tutorial_seconds = statistics.median(timed) * TUTORIAL_STEPS
    step = quartiles(timed)
    summary = {}
    for name in dict.fromkeys(name for name, _ in entries):
        runs = [entry["run"] for trained, entry in entries if trained == name]
        accuracies = [100 * run["test_top1"] for run in runs]
        seconds = [run["train_seconds"] for run in runs]
        speeds = [2 * run["training_macs"] / run["train_seconds"] / 1e9 for run in runs]
        peak = measured[f"{runs[0]['precision']}_gflops"]
        summary[name] = {
            "seeds": len(runs),
            "test_top1_pct_mean": round(statistics.mean(accuracies), 2),
            "test_top1_pct_std": round(statistics.stdev(accuracies), 2) if len(runs) > 1 else None,
            "train_seconds_mean": round(statistics.mean(seconds), 2),
            "train_seconds_range": [min(seconds), max(seconds)],
            "shell_seconds_mean": round(statistics.mean(run["shell_seconds"] for run in runs), 2),
            "times_faster_than_tutorial": round(tutorial_seconds / statistics.mean(seconds), 1),
            "gflops": round(statistics.mean(speeds), 1),
            "fraction_of_matmul_speed_pct": round(100 * statistics.mean(speeds) / peak, 1),
        }
    return {
        **measured,
        "tutorial": {
            "timed_steps": len(timed),
            "step_seconds_median": step["median"],
            "step_seconds_quartiles": step["quartiles"],
            "extrapolated_seconds": round(tutorial_seconds, 1),
        },
        "runs": [entry["run"] for _, entry in entries],
        "summary": summary,
    }


def table(measured: dict[str, Any]) -> str:
    """Format the measurements as Markdown."""
    rows = []
    for name, s in measured["summary"].items():
        std = "" if s["test_top1_pct_std"] is None else f" ± {s['test_top1_pct_std']:.2f}"
        low, high = s["train_seconds_range"]
        rows.append(
            {
                "recipe": f"`{name}`",
                "seeds": s["seeds"],
                "test accuracy": f"{s['test_top1_pct_mean']:.2f}{std} %",
                "training (range)": f"{s['train_seconds_mean']:.1f} s ({low:.1f} to {high:.1f})",
                "whole command": f"{s['shell_seconds_mean']:.1f} s",
                "speed-up over the tutorial": f"{s['times_faster_than_tutorial']:.0f} ×",
                "GFLOP/s": f"{s['gflops']:.0f}",
                "of the matrix product's": f"{s['fraction_of_matmul_speed_pct']:.0f} %",
            }
        )
    tutorial = measured["tutorial"]
    return (
        f"{markdown_table(rows)}\n\nMeans over the seeds (± standard deviation); whole training time, data cached. "
        f"The tutorial's step, float32, took {1000 * tutorial['step_seconds_median']:.0f} ms: "
        f"{tutorial['extrapolated_seconds'] / 60:.0f} minutes for its {TUTORIAL_STEPS} steps, extrapolated from "
        f"{tutorial['timed_steps']} that were timed between the trainings. GFLOP/s count two operations for each "
        f"multiply-add of the forward pass, the backward pass and the optimizer, over the whole training time.\n\n"
        f"{about(measured)}"
    )
