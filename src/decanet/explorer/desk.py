"""Computations that pages ask for: a few at once, and of each page only the newest."""

import asyncio
import itertools
from collections.abc import Callable
from typing import TypeVar

Result = TypeVar("Result")


class Superseded(Exception):  # noqa: N818 (no error: the page has asked something newer)
    """A newer question of the same page has taken the place of this one."""


class Desk:
    """Runs computations in threads, at most ``most`` at once."""

    def __init__(self, most: int = 2) -> None:
        self._free = asyncio.Semaphore(most)
        self._tickets = itertools.count()
        self._newest: dict[str, int] = {}

    async def run(self, slot: str, compute: Callable[[], Result]) -> Result:
        """Return what ``compute`` returns.

        Args:
            slot: who asks; a newer question of the same slot replaces this one, while it waits and when it is done.
            compute: runs in a thread of its own.

        Raises:
            Superseded: it was replaced.
        """
        ticket = self._newest[slot] = next(self._tickets)
        try:
            async with self._free:
                self._require_newest(slot, ticket)
                result = await asyncio.to_thread(compute)
            self._require_newest(slot, ticket)
            return result
        finally:
            if self._newest.get(slot) == ticket:
                del self._newest[slot]

    def _require_newest(self, slot: str, ticket: int) -> None:
        if self._newest.get(slot) != ticket:
            raise Superseded
