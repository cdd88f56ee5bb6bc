"""What the commands import: every second before the answer is the reader's."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

# Each takes a quarter of a second or more on a slow core, torch._dynamo as long as all the rest of PyTorch.
HEAVY = {"matplotlib", "scipy", "skimage", "sklearn", "sympy", "torch._dynamo", "torchvision"}


def imported(*arguments: str) -> set[str]:
    """Modules of a fresh process that has run ``decanet`` with ``arguments``."""
    code = (
        "import json, sys; from decanet.cli import run; code = run(sys.argv[1:])\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stderr.splitlines()[-1]))


@pytest.mark.parametrize("arguments", [["--help"], ["models"], ["train", "--list"]])
def test_lists_and_help_need_no_torch(arguments: list[str]) -> None:
    assert imported(*arguments) & {*HEAVY, "torch"} == set()


def test_predict_imports_only_what_it_uses(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((32, 32, 3), np.uint8)).save(tmp_path / "black.png")
    modules = imported("predict", str(tmp_path / "black.png"))
    assert "torch" in modules
    assert modules & HEAVY == set()
