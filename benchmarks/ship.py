"""Puts a run's weights into the package, in bfloat16, with where they come from.

    python benchmarks/ship.py RUN

The run's model then comes trained with decanet: ``decanet predict IMAGE --model NAME``. The file's metadata says by
which recipe, seed and commit it was trained and what it reached on the test split; a test measures it again.
"""

import json
import sys
from pathlib import Path

import torch

from decanet.core.run_folder import RunFolder
from decanet.evaluation.runs import load_run
from decanet.models.weight_files import PACKAGED, save_weights


def ship(path: Path) -> Path:
    """Write the weights of the run ``path`` into the package."""
    trained, run = load_run(path, torch.device("cpu")), RunFolder(path)
    result = run.read_json(run.result)
    about = {
        "model": result["model"],
        "recipe": result["recipe"],
        "seed": str(result["seed"]),
        "data": result["data"],
        "test_top1": str(result["test_top1"]),
        "commit": str(result["environment"]["commit"]),
        "finished": result["finished"],
        "classes": json.dumps(trained.classes),
        "settings": json.dumps(result["settings"]),
    }
    target = PACKAGED / f"{result['model']}.safetensors"
    save_weights(trained.model, target, about, torch.bfloat16)
    return target


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python benchmarks/ship.py RUN")
    print(ship(Path(sys.argv[1])))
