"""Write a run's weights into the package in bfloat16, with their provenance.

    python scripts/package_weights.py RUN

``decanet predict --model NAME`` then uses them. The file's metadata holds the recipe, seed, commit and test accuracy
of the run; a test evaluates the weights again.
"""

import json
import sys
from pathlib import Path

import torch

from decanet.core.run_folder import RunFolder
from decanet.evaluation.runs import load_run
from decanet.models.weight_files import PACKAGED, save_weights


def package(path: Path) -> Path:
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
        sys.exit("usage: python scripts/package_weights.py RUN")
    print(package(Path(sys.argv[1])))
