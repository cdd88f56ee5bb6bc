"""Common to all benchmarks: contenders in turn, medians with quartiles, one file format."""

import re
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from decanet.core.files import write_json, write_text
from decanet.core.processor import matmul_gflops
from decanet.core.runtime import environment

MATRIX_SIZE = 2048  # of the square product whose speed is measured; large enough to keep all cores busy


def quartiles(values: Sequence[float]) -> dict[str, Any]:
    """Return ``{"runs", "median", "quartiles"}``; with less than three values, minimum and maximum as quartiles."""
    ends = [min(values), statistics.median(values), max(values)]
    quartiles = statistics.quantiles(values, n=4) if len(values) > 2 else ends
    return {
        "runs": len(values),
        "median": _rounded(statistics.median(values)),
        "quartiles": [_rounded(q) for q in quartiles],
    }


def _rounded(value: float) -> float:
    return float(f"{value:.5g}")


def take_turns(contenders: Mapping[str, Callable[[], Any]], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each contender in each round: A B A B, so that other work slows all alike."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            start = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - start)
    return seconds


def conditions() -> dict[str, Any]:
    """Return what every result begins with: date, machine, versions, and the speed of a matrix product."""
    cpu = torch.device("cpu")
    return {
        "date": time.strftime("%Y-%m-%d"),
        "environment": environment(cpu),
        "float32_gflops": round(matmul_gflops(cpu, torch.float32, MATRIX_SIZE, 0.5), 1),
        "bfloat16_gflops": round(matmul_gflops(cpu, torch.bfloat16, MATRIX_SIZE, 0.5), 1),
    }


def machine_slug(machine: Mapping[str, Any]) -> str:
    """Return a name for files from :func:`decanet.core.runtime.environment`, such as ``amd-epyc-2-cores``."""
    words = re.sub(r"\(.*?\)|@.*|\b\d+-core\b|\b(cpu|processor)\b", " ", machine["processor"].lower())
    name = re.sub(r"[^a-z0-9]+", "-", words).strip("-") or "machine"
    return f"{name[:30].strip('-')}-{machine['cores']}-core{'s' if machine['cores'] != 1 else ''}"


def about(measured: Mapping[str, Any]) -> str:
    """Return the conditions of a measurement in one line, which stands below a table."""
    machine = measured["environment"]
    return (
        f"{measured['date']}, {machine['processor']} ({machine['capability']}), {machine['threads']} threads on "
        f"{machine['cores']} cores, torch {machine['torch']}, decanet {machine['decanet']} at commit "
        f"{machine['commit']}; a matrix product (up to {MATRIX_SIZE}x{MATRIX_SIZE}) reaches "
        f"{measured['float32_gflops']:g} GFLOP/s in float32 and "
        f"{measured['bfloat16_gflops']:g} in bfloat16 (two operations for each multiply-add)."
    )


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Format rows of equal keys as a Markdown table; all columns but the first are right-aligned."""
    head = list(rows[0])
    lines = [f"| {' | '.join(head)} |", f"|---|{'---:|' * (len(head) - 1)}"]
    lines += [f"| {' | '.join('' if v is None else str(v) for v in row.values())} |" for row in rows]
    return "\n".join(lines)


def write_results(kind: str, measured: Mapping[str, Any], markdown: str, folder: Path) -> Path:
    """Write ``DATE-MACHINE-KIND.json`` and ``.md``; return the path of the JSON file.

    Raises:
        UsageError: the folder cannot be written to.
    """
    stem = f"{measured['date']}-{machine_slug(measured['environment'])}-{kind}"
    write_text(folder / f"{stem}.md", markdown + "\n")
    return write_json(folder / f"{stem}.json", measured)


def results_folder(here: Path) -> Path:
    """Return ``benchmarks/results`` in a checkout of decanet, else ``here``."""
    found = here / "benchmarks" / "results"
    return found if found.is_dir() else here
