"""The files of a run: where a run may start, and how it resumes."""

import contextlib
import json
import time
from pathlib import Path
from typing import Any, NoReturn

from decanet.core.errors import CheckpointError, UsageError
from decanet.core.files import to_json, write_text
from decanet.core.printable import decanet_line
from decanet.core.recipe import Recipe
from decanet.core.recipe_files import parse_recipe, to_toml
from decanet.core.run_folder import RUN_FORMAT, RunFolder
from decanet.data import ImageData
from decanet.training.checkpoint import load_state
from decanet.training.stopping import resume_hint


def new_run_path(recipe: Recipe, folder: Path = Path("runs")) -> Path:
    """Create an empty folder, named after the recipe and the time, and return its path."""
    stem = f"{recipe.name.replace(':', '-')}-{time.strftime('%Y%m%d-%H%M%S')}"
    path, number = folder / stem, 1
    folder.mkdir(parents=True, exist_ok=True)
    while True:
        try:
            path.mkdir()  # fails for the second of two runs that start in the same second
            return path
        except FileExistsError:
            number += 1
            path = folder / f"{stem}-{number}"


def begin(run: RunFolder, recipe: Recipe, data: ImageData) -> None:
    """Write the files that a run starts with.

    Raises:
        UsageError: the folder holds another run, or other files that a run would overwrite.
    """
    about = {
        "format": RUN_FORMAT,
        "name": data.name,
        "source": data.source,
        "classes": list(data.classes),
        "mean": list(data.mean),
        "std": list(data.std),
        "flippable": data.flippable,
        "train": len(data.train),
        "test": len(data.test),
        "files": data.files,
    }
    start = {run.data: to_json(about), run.recipe: to_toml(recipe)}  # the format first
    _refuse_to_overwrite(run, start)
    run.metrics.unlink(missing_ok=True)
    for path, text in start.items():
        write_text(path, text)


def refuse_other_run(run: RunFolder) -> None:
    """Raise UsageError when the folder holds a run or files that one would overwrite; for use before data is loaded."""
    if run.path.exists() and not run.path.is_dir():
        raise UsageError(f"{run.path} is a file, and a run is a folder; choose another --out")
    if run.result.exists():
        raise UsageError(
            f"{run.path} already holds a finished run; choose another --out, or see: "
            f"{decanet_line('evaluate', run.path)}"
        )
    if run.checkpoint.exists():
        raise UsageError(f"{run.path} already holds a run; choose another --out, or {resume_hint(run.path)}")
    if not run.lock.exists() and (present := [path for path in _written(run) if path.exists()]):
        _refuse(present[0])  # no run has started here


def refuse_finished(run: RunFolder) -> None:
    """Raise CheckpointError when a run is finished or cannot resume; for use before data is loaded."""
    if run.result.exists() and run.figures.exists():
        raise CheckpointError(
            f"{run.path} is finished; {decanet_line('evaluate', run.path)} evaluates it again, "
            f"{decanet_line('predict', 'IMAGE', '--model', run.path)} uses it"
        )
    if run.weights.exists() and not run.result.exists() and not run.checkpoint.exists():
        raise CheckpointError(
            f"{run.path} has weights but neither a result nor {run.checkpoint.name} to resume from; "
            f"{decanet_line('evaluate', run.path)} evaluates them"
        )


def _refuse_to_overwrite(run: RunFolder, start: dict[Path, str]) -> None:
    """Raise UsageError for files in the way, except those of the same run, ended before its first checkpoint."""
    refuse_other_run(run)
    present = [path for path in _written(run) if path.exists()]
    same_start = _has_text(run.data, start[run.data]) and (
        not run.recipe.exists() or _has_text(run.recipe, start[run.recipe])
    )
    foreign = [path for path in present if path not in {*start, run.metrics}] if same_start else present
    if foreign:
        _refuse(foreign[0])


def _written(run: RunFolder) -> tuple[Path, ...]:
    """The files that an unfinished run writes, except the checkpoint."""
    return run.recipe, run.data, run.metrics, run.weights, run.figures


def _refuse(path: Path) -> NoReturn:
    raise UsageError(
        f"{path.parent} already holds {path.name}, which the run would overwrite; choose another --out"
    )


def _has_text(path: Path, text: str) -> bool:
    try:
        return path.is_file() and path.read_bytes() == text.encode()
    except OSError:
        return False


def prepare_to_resume(run: RunFolder, recipe: Recipe) -> None:
    """Remove the log lines of steps after the checkpoint, which will be repeated.

    Raises:
        CheckpointError: the run is finished, its checkpoint is damaged or lost, or the recipe was changed.
    """
    refuse_finished(run)
    if run.result.exists():
        _require_result(run)
        return
    if not run.checkpoint.exists():
        run.metrics.unlink(missing_ok=True)  # it ended before its first checkpoint and starts again
        return
    state = load_state(run.checkpoint)
    _refuse_changes(run, state["recipe"], recipe)
    progress = state["progress"]
    kept, evaluated = [], 0
    for entry in run.read_metrics():
        evaluated += "validation_error" in entry
        if entry.get("step", 0) <= progress["step"] and evaluated <= len(progress["validation_errors"]):
            kept.append(entry)
    last = progress["line"]
    if last and all(entry.get("step") != last["step"] for entry in kept):  # it could not be written
        kept.append(last)
    write_text(run.metrics, "".join(json.dumps(entry) + "\n" for entry in kept))


def _require_result(run: RunFolder) -> None:
    """Raise CheckpointError unless the figures can be drawn from the run's result."""
    match run.read_json(run.result):
        case {"settings": dict(settings), "train_seconds": int() | float(), "images_per_second": int() | float(),
              **others}:  # fmt: skip
            split = "test" if "test_top1" in others else "validation"
            top = [others.get(f"{split}_top1"), others.get(f"{split}_top5")]
            with contextlib.suppress(UsageError):
                parse_recipe(settings, str(run.result))
                if all(isinstance(value, int | float) for value in top):
                    return
    raise CheckpointError(
        f"{run.result} is damaged (it is not the result of a training); remove it: "
        f"{decanet_line('evaluate', run.path)} still evaluates the weights"
    )


def _refuse_changes(run: RunFolder, before: dict[str, Any], recipe: Recipe) -> None:
    now = recipe.model_dump(mode="json")
    changed = sorted(key for key in now.keys() | before.keys() if now.get(key) != before.get(key))
    if changed:
        raise CheckpointError(
            f"{run.recipe} is not the recipe of the checkpoint: {', '.join(changed)} "
            f"{'was' if len(changed) == 1 else 'were'} changed; put it back, or train anew with another --out"
        )


def append(run: RunFolder, entry: dict[str, Any]) -> None:
    """Add a line to the run's log."""
    with run.metrics.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
