"""Long computations that a page starts and asks about until they are done."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

from decanet.core.errors import DecanetError
from decanet.core.progress import Report


@dataclass
class _Job:
    done: float = 0.0
    answer: Any = None
    finished: bool = False
    trouble: DecanetError | None = None

    def note(self, text: str) -> None:
        """Messages are not shown."""

    def progress(self, task: str, done: float, total: float | None, unit: str) -> None:  # noqa: ARG002 (of a Report)
        """Receive progress."""
        self.done = done / total if total else 0.0


class Jobs:
    """Computations by key, one at a time; each is started once and its answer is kept."""

    def __init__(self) -> None:
        self._jobs: dict[Hashable, _Job] = {}
        self._lock, self._one = threading.Lock(), threading.Lock()

    def ask(self, key: Hashable, compute: Callable[[Report], Any]) -> dict[str, Any]:
        """Return ``{"answer": ...}`` when it is there, else ``{"progress": ...}`` between 0 and 1.

        Raises:
            DecanetError: as ``compute`` did; the next question tries again.
        """
        with self._lock:
            job = self._jobs.get(key)
            if job is None:
                job = self._jobs[key] = _Job()
                threading.Thread(target=self._run, args=(job, compute), daemon=True).start()
        if job.trouble is not None:
            with self._lock:
                self._jobs.pop(key, None)
            raise job.trouble
        return {"answer": job.answer} if job.finished else {"progress": job.done}

    def _run(self, job: _Job, compute: Callable[[Report], Any]) -> None:
        with self._one:
            try:
                job.answer = compute(job)
                job.finished = True
            except DecanetError as error:
                job.trouble = error
