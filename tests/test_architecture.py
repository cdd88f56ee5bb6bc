"""The house stays as it was designed: imports point down, nothing happens at import, one file is one idea."""

import ast
import resource
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "src" / "decanet"

# A package may import itself and the lines below its own (DESIGN.md, the house).
BELOW: dict[str, set[str]] = {}
for line in (
    {"core", "facts"},
    {"convolution"},
    {"models", "data"},
    {"anatomy"},
    {"evaluation"},
    {"export"},  # what the lineage times is fused
    {"insight", "lineage", "training"},
    {"experiments", "benchmarking"},
    {"course", "explorer"},
    {"cli"},
):
    BELOW |= {package: {*BELOW} for package in line}
LONGEST_MODEL_FILE = 400


def imports_of(file: Path) -> set[str]:
    """Layers of decanet that a file imports, wherever in the file it does."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: relative import"
            names = [node.module or ""]
        found |= {name.split(".")[1] for name in names if name.startswith("decanet.")}
    return found


def files() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("file", files(), ids=lambda file: str(file.relative_to(SOURCE)))
def test_imports_point_down(file: Path) -> None:
    parts = file.relative_to(SOURCE).parts
    if len(parts) == 1:  # decanet/__init__.py and __main__.py are the doors
        return
    layer = parts[0]
    upward = imports_of(file) - BELOW[layer] - {layer} - ({"facts"} if layer == "core" else set())
    assert not upward, f"{layer} must not import {', '.join(sorted(upward))}"


def test_every_layer_is_in_the_table() -> None:
    assert {path.parent.name for path in SOURCE.glob("*/__init__.py")} <= set(BELOW)


def test_an_upward_import_would_be_noticed(tmp_path: Path) -> None:
    file = tmp_path / "x.py"
    file.write_text("def f():\n    from decanet.training.loop import train\n")
    assert imports_of(file) == {"training"}


@pytest.mark.parametrize("file", sorted((SOURCE / "models").glob("[!_]*.py")), ids=lambda file: file.name)
def test_model_files_can_be_read_in_one_sitting(file: Path) -> None:
    assert len(file.read_text().splitlines()) <= LONGEST_MODEL_FILE


def test_core_needs_no_torch_to_be_imported() -> None:
    modules = [f"decanet.core.{file.stem}" for file in (SOURCE / "core").glob("[!_]*.py")]
    code = f"import sys, importlib; [importlib.import_module(m) for m in {modules}]; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_answers_without_torch_in_half_a_second() -> None:
    code = (
        "import sys; from decanet.cli import run; assert run(['--help']) == 0; "
        "assert not {'torch', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    seconds = []
    for _ in range(3):  # processor time, which a busy machine does not stretch
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    assert "decanet COMMAND" in done.stdout
    assert min(seconds) < 0.5


def test_importing_decanet_leaves_the_random_state_and_threads_alone() -> None:
    code = (
        "import torch; torch.manual_seed(3); before = torch.get_rng_state(), torch.get_num_threads(); "
        "import decanet; decanet.list_models(); import decanet.data, decanet.training.loop, decanet.evaluation.runs; "
        "assert torch.equal(before[0], torch.get_rng_state()) and before[1] == torch.get_num_threads()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
