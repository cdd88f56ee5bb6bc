"""Long work prints its progress, and continues where nobody reads it."""

import os
import sys

import pytest

from decanet.cli.progress import ConsoleReport


@pytest.mark.parametrize("live", [False, True])
def test_the_work_continues_when_its_reader_has_left(monkeypatch: pytest.MonkeyPatch, live: bool) -> None:
    reader, writer = (
        os.openpty() if live else os.pipe()
    )  # a terminal that was closed, or `head` that has seen enough
    with os.fdopen(writer, "w", closefd=False) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        with ConsoleReport() as report:
            report.note("read")
            report.progress("training", 0, 10, "steps")
            os.close(reader)
            for step in range(1, 11):
                report.note("into the void")
                report.progress("training", step, 10, "steps")
        print("nor does anything later fail", flush=True)
    os.close(writer)


def test_a_full_disk_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with open("/dev/full", "w") as full:
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OSError, match="No space left"):
            ConsoleReport().note("a log that is lost")
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())


def test_a_process_without_output_works_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)  # as Python leaves it where the descriptor was closed: >&-
    with ConsoleReport() as report:
        report.note("for nobody")
        report.progress("training", 1, 2, "steps")
