"""Runs of the fault tests: an uninterrupted one as reference, and the end of a broken one."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import load_file

from tests.faults._zygote import Ended, run_whole

# Times and what depends on them; everything else of a resumed run equals the uninterrupted one.
CLOCKS = {
    "train_seconds", "evaluation_seconds", "images_per_second", "finished", "environment", "seconds",
}  # fmt: skip


@dataclass(frozen=True)
class Outcome:
    """Contents of a finished run without times: equal for equal trainings."""

    weights: str
    result: dict[str, Any]
    metrics: list[dict[str, Any]]
    figures: frozenset[str]


def outcome(run: Path) -> Outcome:
    """Read a finished run."""
    total = hashlib.sha256()
    for name, tensor in sorted(load_file(run / "model.safetensors").items()):
        total.update(name.encode() + tensor.numpy().tobytes())
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    return Outcome(
        total.hexdigest(),
        _timeless(json.loads((run / "result.json").read_text())),
        [_timeless(line) for line in lines],
        frozenset(path.name for path in (run / "figures").iterdir()),
    )


def _timeless(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key not in CLOCKS}


def save_often() -> None:
    """In a child: a checkpoint after every step, and figures that cost nothing to draw."""
    from decanet.training import checkpoint

    checkpoint.CHECKPOINT_SECONDS = 0.0
    checkpoint.CHECKPOINT_FRACTION = float("inf")


def draw_quickly() -> None:
    """In a child: empty figures. Drawing takes seconds, and most faults strike before."""
    from matplotlib.figure import Figure

    import decanet.core.plotting as plotting

    drawn = plotting.save_figure

    def save_empty(_: Figure, path: Path, **options: Any) -> Path:
        return drawn(Figure((1, 1)), path, **options)

    plotting.save_figure = save_empty  # type: ignore[assignment]


def finish(run: Path, recipe: Path, here: Path) -> str:
    """Finish a broken run as a user would; return how: "resumed", "started anew"."""
    ended = run_whole(["train", "--resume", str(run)], here, draw_quickly)
    if ended.code == 0:
        return "resumed"
    assert ended.code == 4, ended.err
    if "is finished" in ended.error:  # the fault came too late
        return "finished already"
    # Nothing was saved yet: the same command is accepted again.
    assert not (run / "checkpoint.pt").exists(), ended.err
    assert not (run / "result.json").exists(), ended.err
    again: Ended = run_whole(["train", str(recipe), "--out", str(run)], here, draw_quickly)
    assert again.code == 0, again.err
    return "started anew"


def parts(run: Path) -> list[str]:
    """Remains of files that were not written whole."""
    return [name for name in os.listdir(run) if name.endswith(".part")]
