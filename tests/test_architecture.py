"""The rules of the house (DESIGN.md): imports point down without circles, files are short, tests mirror the tree."""

import ast
import functools
import graphlib
import resource
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src"
LONGEST = 400  # lines of a file

# A package may import itself and the lines above its own in this table.
BELOW: dict[str, set[str]] = {}
for line in (
    {"core", "facts"},
    {"convolution"},
    {"models", "data"},
    {"anatomy"},
    {"evaluation"},
    {"export"},  # the lineage measures fused networks
    {"insight", "lineage", "training"},
    {"experiments"},
    {"explorer"},
    {"course"},  # whose chapters show pages of the explorer
    {"benchmarking"},
    {"cli"},
    {"api"},  # the Python interface, decanet.train and the like
):
    BELOW |= {package: {*BELOW} for package in line}
BELOW["core"].add("facts")  # data that core reads

# Tests that mirror no single module, and what they are about.
ACROSS = {
    "tests/benchmarking/test_results.py": "committed results",
    "tests/cli/test_errors.py": "errors and signals of all commands",
    "tests/cli/test_examples.py": "examples in the help of all commands",
    "tests/cli/test_imports.py": "imports of all commands",
    "tests/cli/test_own_folders.py": "folders of users, from training to prediction",
    "tests/cli/test_user_text.py": "names of users, in every output",
    "tests/course/test_browser.py": "the pages of the course in a browser",
    "tests/explorer/test_browser.py": "the pages of the explorer in a browser",
    "tests/evaluation/test_packaged.py": "weights in the package",
    "tests/faults/": "injected faults",
    "tests/models/test_contract.py": "all networks",
    "tests/training/test_custom_model.py": "a network of the user's own, through all steps",
    "tests/test_architecture.py": "this file",
    "tests/test_contract.py": "docs/contract.md",
    "tests/test_corrections.py": "docs/corrections.md and its Chinese version",
    "tests/test_experiments_page.py": "docs/experiments.md and its Chinese version",
    "tests/test_images_page.py": "docs/IMAGES.md",
    "tests/test_readme.py": "README.md, README.zh.md, docs/generate.py",
    "tests/test_reference_pages.py": "docs/reference_pages.py",
    "tests/test_rename_keys.py": "scripts/rename_keys.py",
    "tests/test_words.py": "scripts/words.py",
}
# Public modules whose tests stand elsewhere.
ELSEWHERE = {
    "decanet": "tests/test_api.py",
    "decanet.cli": "tests/cli/test_errors.py",
    "decanet.cli.evaluate": "tests/cli/test_own_folders.py",
    "decanet.convolution.layer_examples": "tests/cli/test_layers.py",
    "decanet.insight.run_figures": "tests/training/test_session.py",
    "decanet.models": "tests/models/test_contract.py",
    "decanet.training.run_files": "tests/training/test_stopping.py",
}
CLAIMS = SOURCE / "decanet/experiments/claims"  # declarations, which one test reads like data
ELSEWHERE |= {
    f"decanet.experiments.claims.{file.stem}": "tests/experiments/test_declaration.py"
    for file in CLAIMS.glob("[a-z]*.py")
}


# ------------------------------------------------------------------------------------------------------ detectors


@functools.cache
def parsed(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def modules(source: Path = SOURCE) -> dict[str, Path]:
    """Dotted names of all modules below ``source`` and their files."""
    found = {}
    for file in sorted(source.rglob("*.py")):
        parts = file.relative_to(source).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


def imports(file: Path, known: dict[str, Path]) -> set[str]:
    """Modules of decanet that a file imports, at its top or in a function."""
    found = set()
    for node in ast.walk(parsed(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {f"{node.module}.{alias.name}" for alias in node.names} - {"decanet.__version__"}
            found |= {name if name in known else str(node.module) for name in names}
    return {name for name in found if name.split(".")[0] == "decanet"}


def graph(known: dict[str, Path]) -> dict[str, set[str]]:
    return {name: imports(file, known) for name, file in known.items()}


def layer(module: str) -> str:
    """The package below decanet; empty for ``decanet`` and ``decanet.__main__``, which stand above all."""
    return module.split(".")[1] if module.count(".") and not module.endswith(".__main__") else ""


def upward(imported: dict[str, set[str]]) -> list[str]:
    """Imports of a package on the same line or on a higher one."""
    return [
        f"{module} imports {target}"
        for module, targets in imported.items()
        for target in sorted(targets)
        if layer(module) and layer(target) not in {layer(module), *BELOW[layer(module)]}
    ]


def circle(imported: dict[str, set[str]]) -> list[str]:
    """One circle of imports, or an empty list."""
    try:
        graphlib.TopologicalSorter(imported).prepare()
    except graphlib.CycleError as error:
        return list(error.args[1])
    return []


def trespasses(imported: dict[str, set[str]]) -> list[str]:
    """Imports of a ``_private`` module from outside the package that holds it; a subpackage is inside."""
    found = []
    for module, targets in imported.items():
        for target in sorted(targets):
            parts = target.split(".")
            owners = [".".join(parts[:i]) for i, part in enumerate(parts) if part[0] == "_" != part[:2]]
            found += [
                f"{module} imports {target}" for owner in owners if not f"{module}.".startswith(f"{owner}.")
            ]
    return found


def mirrored(module: str) -> str:
    """The place of a module's tests: ``decanet.data._load`` is tested in ``tests/data/test_load.py``."""
    *packages, name = module.split(".")
    return "/".join(["tests", *packages[1:], f"test_{name.lstrip('_')}.py"])


def has_behavior(file: Path) -> bool:
    """Whether a module defines functions or classes; a module of data does not."""
    return any(isinstance(node, ast.FunctionDef | ast.ClassDef) for node in parsed(file).body)


def prints(file: Path) -> Iterator[int]:
    """Lines that call ``print`` or ``input``."""
    for node in ast.walk(parsed(file)):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in {"print", "input"}
        ):
            yield node.lineno


# ---------------------------------------------------------------------------------------------------------- rules


def test_every_layer_is_in_the_table() -> None:
    assert {layer(module) for module in modules()} - {""} <= set(BELOW)


def test_imports_point_down() -> None:
    assert not upward(graph(modules()))


def test_no_relative_imports() -> None:
    relative = [
        f"{file}:{node.lineno}"
        for file in modules().values()
        for node in ast.walk(parsed(file))
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not relative


def test_no_circles_of_imports() -> None:
    assert not circle(graph(modules()))


def test_private_modules_are_imported_by_their_own_package_alone() -> None:
    known = modules()
    outside = {
        f"{folder}.{file.stem}": imports(file, known)
        for folder in ("docs", "scripts")
        for file in (ROOT / folder).glob("*.py")
    }
    assert not trespasses(graph(known) | outside)


def test_nothing_below_the_command_line_prints() -> None:
    printing = {
        name: [*prints(file)] for name, file in modules().items() if layer(name) not in {"cli", "explorer"}
    }
    assert not {name: lines for name, lines in printing.items() if lines}


def test_no_file_is_too_long() -> None:
    files = [file for folder in ("src", "tests", "scripts", "docs") for file in (ROOT / folder).rglob("*.py")]
    lines = {
        str(file.relative_to(ROOT)): len(file.read_text(encoding="utf-8").splitlines()) for file in files
    }
    assert not {name: count for name, count in lines.items() if count > LONGEST}


def test_every_module_with_behavior_has_its_tests() -> None:
    """Private modules are tested through the modules that use them, or at their own place."""
    missing = {
        name: mirrored(name)
        for name, file in modules().items()
        if has_behavior(file)
        and "._" not in name
        and not (ROOT / ELSEWHERE.get(name, mirrored(name))).exists()
    }
    assert not missing


def test_every_test_mirrors_a_module() -> None:
    """``test_loop_resume.py`` is about ``loop`` as ``test_loop.py`` is."""
    places = {mirrored(name).removesuffix(".py") for name in modules()}
    tests = [file.relative_to(ROOT).as_posix() for file in (ROOT / "tests").rglob("test_*.py")]
    strange = [
        test
        for test in tests
        if not test.startswith(tuple(ACROSS))
        and not any(test.startswith((f"{place}.", f"{place}_")) for place in places)
    ]
    assert not strange


def test_the_exceptions_are_needed() -> None:
    assert not [name for name in ELSEWHERE if name not in modules() or (ROOT / mirrored(name)).exists()]
    assert not [test for test in ACROSS if not (ROOT / test).exists()]


# ------------------------------------------------------------------------------------- the detectors detect something


@pytest.fixture
def house(tmp_path: Path) -> dict[str, Path]:
    """A small source tree with one fault of each kind."""
    files = {
        "core/errors.py": "",
        "core/_secret.py": "print('boo')",
        "data/load.py": "def f():\n    from decanet.training.loop import train\n",
        "data/sources/one.py": "from decanet.data import _base",
        "data/_base.py": "from decanet.data.sources import one",
        "training/loop.py": "import decanet.core._secret\nfrom decanet.core.errors import UsageError",
    }
    for name, text in files.items():
        file = tmp_path / "decanet" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return modules(tmp_path)


def test_an_upward_import_inside_a_function_is_noticed(house: dict[str, Path]) -> None:
    assert upward(graph(house)) == ["decanet.data.load imports decanet.training.loop"]


def test_a_circle_is_noticed(house: dict[str, Path]) -> None:
    assert set(circle(graph(house))) == {"decanet.data._base", "decanet.data.sources.one"}


def test_a_private_module_is_open_to_its_package_and_its_subpackages(house: dict[str, Path]) -> None:
    assert trespasses(graph(house)) == ["decanet.training.loop imports decanet.core._secret"]


def test_a_print_is_noticed(house: dict[str, Path]) -> None:
    assert [name for name, file in house.items() if [*prints(file)]] == ["decanet.core._secret"]


def test_the_mirrored_place_of_a_module() -> None:
    assert mirrored("decanet.data.datasets._records") == "tests/data/datasets/test_records.py"
    assert mirrored("decanet.training.recipes") == "tests/training/test_recipes.py"


def test_behavior_is_told_from_data(house: dict[str, Path]) -> None:
    assert [name for name, file in house.items() if has_behavior(file)] == ["decanet.data.load"]


# -------------------------------------------------------------------------------------------- nothing happens at import


def test_core_needs_no_torch_to_be_imported() -> None:
    names = [name for name in modules() if layer(name) == "core"]
    code = f"import sys, importlib; [importlib.import_module(m) for m in {names}]; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_help_answers_without_torch_in_half_a_second() -> None:
    code = (
        "import sys; from decanet.cli import run; assert run(['--help']) == 0; "
        "assert not {'torch', 'numpy', 'matplotlib'} & set(sys.modules)"
    )
    seconds = [float("inf")]
    while min(seconds) >= 0.5 and len(seconds) <= 3:  # processor time, which a busy machine stretches little
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
