"""Messages and progress of long work, for a terminal, a log or nobody."""

from typing import Protocol


class Report(Protocol):
    """Receiver of messages and progress. The command line prints them; a library or a test may drop them."""

    def note(self, text: str) -> None:
        """Receive a message of one line."""

    def progress(self, task: str, done: float, total: float | None, unit: str) -> None:
        """Receive that ``done`` of ``total`` units of ``task`` are done; ``total`` is None while it is unknown."""


class Silent:
    """A :class:`Report` that drops everything."""

    def note(self, text: str) -> None:
        """Drop the message."""

    def progress(self, task: str, done: float, total: float | None, unit: str) -> None:
        """Drop the progress."""
