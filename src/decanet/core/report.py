"""How long work tells what it does, without knowing whether a terminal, a file or nobody listens."""

from typing import Protocol


class Report(Protocol):
    """Receives notes and progress; the command line prints them, tests and libraries may ignore them."""

    def note(self, text: str) -> None:
        """Say one line."""

    def progress(self, task: str, done: float, total: float | None, unit: str) -> None:
        """Say that ``done`` of ``total`` units of ``task`` are done; ``total`` is None while unknown."""


class Silent:
    """A report that nobody hears."""

    def note(self, text: str) -> None:
        """Drop the line."""

    def progress(self, task: str, done: float, total: float | None, unit: str) -> None:
        """Drop the progress."""
