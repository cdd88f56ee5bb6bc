"""Trains the fast recipes over several seeds, beside the tutorial's own training step, in one run.

    python benchmarks/training.py [--seeds 3] [--recipes flash quick]

The tutorial's step is what its reader would run: float32, contiguous pictures, Adam, no loader (the batches lie ready
in memory, which favours it). It is timed over 60 steps and extrapolated to its 3,910. Writes
``benchmarks/results/training-DATE.json``: every run's result.json as `decanet train --json` prints it (no weights), the
step's times, and the ratios; prints the same as a Markdown table. Nothing else may run meanwhile.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from torch.nn import functional as F

from decanet.core.results import write_json
from decanet.core.runtime import environment, matmul_gflops, set_threads
from decanet.models import create_model

TUTORIAL_STEPS = 3910  # ten epochs of 391 batches of 128
TIMED_STEPS = 60
HERE = Path(__file__).parent


def tutorial_steps(steps: int) -> list[float]:
    """Seconds of each of the tutorial's training steps, after five that warm up."""
    torch.manual_seed(0)
    model = create_model("alexnet_cifar")
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    images, labels = torch.randn(128, 3, 32, 32), torch.randint(0, 10, (128,))
    times = []
    for step in range(steps + 5):
        start = time.perf_counter()
        optimizer.zero_grad()
        F.cross_entropy(model(images), labels).backward()
        optimizer.step()
        if step >= 5:
            times.append(time.perf_counter() - start)
    return times


def train(recipe: str, seed: int, folder: Path) -> dict:
    """One training in a process of its own, as a user starts it; with the seconds from the shell's view."""
    command = [sys.executable, "-m", "decanet", "train", recipe, "--seed", str(seed), "--json"]
    start = time.perf_counter()
    done = subprocess.run(
        [*command, "--out", str(folder / f"{recipe}-{seed}")], check=True, capture_output=True, text=True
    )
    result = json.loads(done.stdout)
    del result["run"]
    return {**result, "shell_seconds": round(time.perf_counter() - start, 2)}


def main() -> None:
    """Measure, write, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--recipes", nargs="+", default=["flash", "quick"])
    arguments = parser.parse_args()
    set_threads()
    cpu = torch.device("cpu")
    steps = tutorial_steps(TIMED_STEPS)
    tutorial_seconds = statistics.median(steps) * TUTORIAL_STEPS
    measured: dict = {
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(cpu),
        "float32_gflops": round(matmul_gflops(cpu, torch.float32, 2048, 0.5), 1),
        "bfloat16_gflops": round(matmul_gflops(cpu, torch.bfloat16, 2048, 0.5), 1),
        "tutorial": {
            "timed_steps": TIMED_STEPS,
            "step_seconds_median": round(statistics.median(steps), 5),
            "step_seconds_quartiles": [round(q, 5) for q in statistics.quantiles(steps, n=4)],
            "extrapolated_seconds": round(tutorial_seconds, 1),
        },
        "runs": [],
        "summary": {},
    }
    print(
        "| recipe | seeds | test accuracy, % | training, s | shell to answer, s | faster than the tutorial's |"
    )
    print("|---|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for recipe in arguments.recipes:
            runs = [train(recipe, seed, Path(folder)) for seed in range(arguments.seeds)]
            measured["runs"] += runs
            accuracies = [100 * run["test_top1"] for run in runs]
            seconds = [run["train_seconds"] for run in runs]
            shell = [run["shell_seconds"] for run in runs]
            summary = {
                "seeds": len(runs),
                "test_top1_pct_mean": round(statistics.mean(accuracies), 2),
                "test_top1_pct_std": round(statistics.stdev(accuracies), 2) if len(runs) > 1 else None,
                "train_seconds_mean": round(statistics.mean(seconds), 2),
                "train_seconds_range": [min(seconds), max(seconds)],
                "shell_seconds_mean": round(statistics.mean(shell), 2),
                "times_faster_than_tutorial": round(tutorial_seconds / statistics.mean(seconds), 1),
            }
            measured["summary"][recipe] = summary
            print(
                f"| `{recipe}` | {len(runs)} | {summary['test_top1_pct_mean']} ± {summary['test_top1_pct_std']} | "
                f"{summary['train_seconds_mean']} | {summary['shell_seconds_mean']} | "
                f"{summary['times_faster_than_tutorial']} |",
                flush=True,
            )
    path = write_json(HERE / "results" / f"training-{measured['date']}.json", measured)
    print(f"tutorial, extrapolated from {TIMED_STEPS} steps: {tutorial_seconds:.0f} s; wrote {path}")


if __name__ == "__main__":
    main()
