"""Every promise of docs/contract.md has its tests, and its classes and exit codes are those of the code."""

import ast
import json
import re
from pathlib import Path

import pytest

from decanet.anatomy.verify import DisagreementError
from decanet.core import errors

ROOT = Path(__file__).parents[1]
CONTRACT = ROOT / "docs" / "contract.md"


def rows() -> list[list[str]]:
    """The five cells of every promise: fault, what decanet does, class, exit code, tests."""
    tables = re.findall(r"^\| (.+) \|$", CONTRACT.read_text(encoding="utf-8"), re.M)
    cells = [[cell.strip() for cell in row.split(" | ")] for row in tables]
    return [row for row in cells if row[0] not in {"fault", "---"}]


def classes() -> dict[str, int]:
    """Every class of errors with its exit code."""
    known = [*vars(errors).values(), DisagreementError]
    family = [kind for kind in known if isinstance(kind, type) and issubclass(kind, errors.DecanetError)]
    return {kind.kind: kind.exit_code for kind in family if kind is not errors.DecanetError}


def functions(file: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_every_promise_has_its_tests(row: list[str]) -> None:
    assert len(row) == 5
    named = re.findall(r"`([\w/]+\.py)::(\w+)`", row[4])
    assert named
    for file, function in named:
        assert function in functions(ROOT / "tests" / file), f"{file} has no {function}"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0][:40])
def test_classes_and_exit_codes_are_those_of_the_code(row: list[str]) -> None:
    named, codes = row[2].split(", "), row[3].split(", ")
    assert [str(classes().get(kind, 0)) for kind in named] == codes
    assert set(named) <= {*classes(), "-"}


def test_every_class_of_errors_is_promised_somewhere() -> None:
    assert set(classes()) <= {kind for row in rows() for kind in row[2].split(", ")}


def test_the_committed_counts_are_as_many_as_promised() -> None:
    """The counts of the last ``make test-long``."""
    counted = json.loads((ROOT / "benchmarks" / "results" / "faults.json").read_text())
    total = {fault: sum(outcomes.values()) for fault, outcomes in counted["faults"].items()}

    def count(*words: str) -> int:
        return sum(number for fault, number in total.items() if any(word in fault for word in words))

    assert count("SIGKILL") >= 200
    assert count("SIGKILL in a save") >= 50
    assert count("SIGKILL while evaluating", "SIGKILL while drawing") >= 30
    assert min(count("bit flip in model.safetensors"), count("bit flip in checkpoint.pt")) >= 300
    assert count("SIGINT", "SIGTERM", "SIGHUP") >= 100
    assert min(count("full disk"), count("size of files"), count("too little memory")) >= 10
    assert count("malicious weights file") >= 45
    assert count("mutated") >= 1000
    assert counted["date"]
    assert counted["processor"]
