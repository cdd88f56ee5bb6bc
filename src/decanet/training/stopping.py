"""What ends a training early (signals, lost processes, full disks) becomes one line with the resume command."""

import signal
import threading
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from decanet.core.errors import (
    DataError,
    DecanetError,
    DistributedError,
    Interrupted,
    Preempted,
    ResourceError,
    shortage,
)
from decanet.core.printable import decanet_line
from decanet.core.runtime import STOPPING
from decanet.training.distributed import lost_process

T = TypeVar("T")


class StopRequest:
    """The request to stop that signals make.

    Attributes:
        number: number of the first signal received; 0 before that.
        deferred: set by the training loop, which reads ``number`` after each step. While it is not set, a signal
            raises KeyboardInterrupt at once; while it is, a second Ctrl-C does.
        together: set with several processes, which must stop at the same step: none stops between two steps.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self.number = 0
        self.deferred = self.together = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Between two steps: raise KeyboardInterrupt at once for a signal received in the block or before it."""
        before = self.deferred
        try:
            self.deferred = self.together and before
            if self.number and not self.deferred:
                raise KeyboardInterrupt
            yield
        finally:
            self.deferred = before

    def between(self, items: Iterable[T]) -> Iterator[T]:
        """Yield the ``items``; a signal interrupts the wait for the next one."""
        iterator = iter(items)
        while True:
            with self.at_once():
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def error(self, where: str = "") -> DecanetError:
        """Return the error to raise: Interrupted by the user, or Preempted by the system."""
        kind = Interrupted if self.number in {0, signal.SIGINT} else Preempted
        return kind(f"stopped{where}; {resume_hint(self.run)}")


def resume_hint(run: Path) -> str:
    """Return the command that resumes a run, to copy."""
    return f"resume it: {decanet_line('train', '--resume', run)}"


@contextmanager
def resumable(run: Path) -> Iterator[StopRequest]:
    """Let every error that ends the block early name the command that resumes the run.

    Raises:
        Interrupted: at Ctrl-C.
        Preempted: at another stopping signal.
        DataError, DistributedError, ResourceError: raised in the block, or recognized in another error.
    """
    stop = StopRequest(run)
    with _handled(stop):
        try:
            yield stop
        except (Interrupted, Preempted):
            raise
        except (DataError, DistributedError, ResourceError) as error:
            raise type(error)(f"{error}; then {resume_hint(run)}") from error
        except BaseException as error:
            # Free what the failed step holds: without memory Python cannot even build the message.
            traceback.clear_frames(error.__traceback__)
            # A signal often causes other errors, too.
            if stop.number or isinstance(error, KeyboardInterrupt):
                raise stop.error() from None
            known = lost_process(error) or shortage(error)
            if known is None:
                raise
            raise type(known)(f"{known}; then {resume_hint(run)}") from error


@contextmanager
def _handled(stop: StopRequest) -> Iterator[None]:
    def request(number: int, _: Any) -> None:
        again = stop.number != 0
        stop.number = stop.number or number
        if not stop.deferred or (again and number == signal.SIGINT):
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield  # Python allows signal handlers in the main thread only
        return
    handled = [number for number in STOPPING if not _is_ignored(number)]
    before = {number: signal.signal(number, request) for number in handled}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _is_ignored(number: int) -> bool:
    """Whether the program was started by nohup and ignores this signal."""
    return number not in {signal.SIGINT, signal.SIGTERM} and signal.getsignal(number) is signal.SIG_IGN
