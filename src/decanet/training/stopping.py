"""What ends a training early becomes one line that says how to go on: signals, lost processes, what runs out."""

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
    """What a signal has asked for.

    Attributes:
        number: the first signal's; 0 while none came.
        patient: set by the training loop, which looks at ``number`` after each step. Everywhere else a signal
            raises KeyboardInterrupt at once, and in the loop a second Ctrl-C does.
        together: several processes must stop at the same step, so none stops between two of them.
    """

    def __init__(self, run: Path) -> None:
        self.run = run
        self.number = 0
        self.patient = self.together = False

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Between two steps, where nothing is half done: a signal that comes, or has come, raises at once."""
        before = self.patient
        try:
            self.patient = self.together and before
            if self.number and not self.patient:
                raise KeyboardInterrupt
            yield
        finally:
            self.patient = before

    def between(self, items: Iterable[T]) -> Iterator[T]:
        """The ``items``; each may be long in coming, or never come, and a signal does not wait for it."""
        iterator = iter(items)
        while True:
            with self.at_once():
                try:
                    item = next(iterator)
                except StopIteration:
                    return
            yield item

    def error(self, where: str = "") -> DecanetError:
        """What to raise: stopped by the user, or by the system."""
        kind = Interrupted if self.number in {0, signal.SIGINT} else Preempted
        return kind(f"stopped{where}; {go_on(self.run)}")


def go_on(run: Path) -> str:
    """The command that resumes a run, to copy."""
    return f"resume it: {decanet_line('train', '--resume', run)}"


@contextmanager
def resumable(run: Path) -> Iterator[StopRequest]:
    """Whatever ends the block early is told in one line that names the command to go on with.

    Raises:
        Interrupted: at Ctrl-C.
        Preempted: at another signal that asks to stop.
        DataError, DistributedError, ResourceError: met in the block.
    """
    stop = StopRequest(run)
    with _handled(stop):
        try:
            yield stop
        except (Interrupted, Preempted):
            raise
        except (DataError, DistributedError, ResourceError) as error:
            raise type(error)(f"{error}; then {go_on(run)}") from error
        except BaseException as error:
            # Let go of what the failed step held: without memory Python could not even build the line to print.
            traceback.clear_frames(error.__traceback__)
            # A signal often makes others fail as well.
            if stop.number or isinstance(error, KeyboardInterrupt):
                raise stop.error() from None
            known = lost_process(error) or shortage(error)
            if known is None:
                raise
            raise type(known)(f"{known}; then {go_on(run)}") from error


@contextmanager
def _handled(stop: StopRequest) -> Iterator[None]:
    def ask(number: int, _: Any) -> None:
        again = stop.number != 0
        stop.number = stop.number or number
        if not stop.patient or (again and number == signal.SIGINT):
            raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # whoever runs us handles signals
        yield
        return
    heeded = [number for number in STOPPING if not _spared(number)]
    before = {number: signal.signal(number, ask) for number in heeded}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _spared(number: int) -> bool:
    """Whether the program was started by nohup, to outlive its terminal."""
    return number not in {signal.SIGINT, signal.SIGTERM} and signal.getsignal(number) is signal.SIG_IGN
