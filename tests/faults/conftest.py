"""Faults in numbers: every fault of docs/contract.md is injected many times, and the counts are written to a file.

``make test-long`` runs this folder; the counts go to benchmarks/results/faults.json, which is committed.
"""

import datetime
import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from decanet.core.runtime import processor_name, usable_cores

COUNTS = Path(__file__).parents[2] / "benchmarks" / "results" / "faults.json"
RECIPE = """
epochs = 6
batch_size = 200
log_every = 1
precision = "float32"
tta = "none"
model = { name = "lenet5_modern" }
data = { name = "digits" }
optimizer = { name = "adam", lr = 0.003 }
"""


class Tally:
    """Counts of injected faults and their outcomes, as ``{"killed while saving": {"resumed": 60}}``."""

    def __init__(self) -> None:
        self.counts: dict[str, dict[str, int]] = {}

    def __call__(self, fault: str, outcome: str) -> None:
        of_fault = self.counts.setdefault(fault, {})
        of_fault[outcome] = of_fault.get(outcome, 0) + 1

    def total(self, fault: str) -> int:
        """How often ``fault`` was injected."""
        return sum(self.counts.get(fault, {}).values())


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    """Counts of one test file; added to the committed ones when the file is done."""
    counted = Tally()
    yield counted
    with COUNTS.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be writing those of another file
        known: dict[str, Any] = json.loads(COUNTS.read_text()) if COUNTS.exists() else {"faults": {}}
        known |= {
            "date": datetime.date.today().isoformat(),
            "processor": processor_name(),
            "cores": usable_cores(),
        }
        known["faults"] = dict(sorted({**known["faults"], **counted.counts}.items()))
        COUNTS.write_text(json.dumps(known, indent=2) + "\n")
    COUNTS.with_suffix(".lock").unlink(missing_ok=True)


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    """A training of some fifty short steps on the digits."""
    path = tmp_path / "tiny.toml"
    path.write_text(RECIPE)
    return path
