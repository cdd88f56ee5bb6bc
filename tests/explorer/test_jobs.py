"""Long computations that are asked about."""

import threading
import time
from typing import Any

import pytest

from decanet.core.errors import DataError
from decanet.core.progress import Report
from decanet.explorer.jobs import Jobs


def wait(jobs: Jobs, key: str, compute: Any) -> Any:
    for _ in range(500):
        found = jobs.ask(key, compute)
        if "answer" in found:
            return found["answer"]
        time.sleep(0.01)
    raise AssertionError("it never ends")


def test_progress_then_the_answer_computed_once() -> None:
    jobs, go, runs = Jobs(), threading.Event(), []

    def compute(report: Report) -> int:
        runs.append(1)
        report.progress("work", 1, 4, "steps")
        go.wait(5)
        return 7

    assert jobs.ask("a", compute)["progress"] in (0, 0.25)
    time.sleep(0.05)
    assert jobs.ask("a", compute) == {"progress": 0.25}
    go.set()
    assert wait(jobs, "a", compute) == 7
    assert wait(jobs, "a", compute) == 7
    assert len(runs) == 1


def test_errors_are_told_and_the_next_question_tries_again() -> None:
    jobs, tried = Jobs(), []

    def compute(_: Report) -> int:
        tried.append(1)
        if len(tried) == 1:
            raise DataError("not now")
        return 1

    with pytest.raises(DataError, match="not now"):
        wait(jobs, "a", compute)
    assert wait(jobs, "a", compute) == 1
