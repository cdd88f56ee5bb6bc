"""Processes that are cheap to start and to kill: forked from one that has imported everything already.

A kill is only worth its name when it hits a whole process, and 200 fresh ones would spend their lives importing
torch. So one process imports decanet, computes nothing, and forks a child for each command: a child is a process
like any other, with its own group, and dies of real signals.
"""

import contextlib
import importlib
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

TIMEOUT_SECONDS = 120
INTERNAL = 70  # the exit code of a traceback; decanet itself never uses it


@dataclass(frozen=True)
class Ended:
    """Result of a command: exit code as in a shell (128 + the signal that killed it) and output."""

    code: int
    out: str
    err: str

    @property
    def error(self) -> str:
        """The last line on stderr."""
        return (self.err.strip().splitlines() or [""])[-1]

    def in_one_line(self) -> bool:
        """Whether nothing looks like a traceback."""
        return "Traceback" not in self.err and self.code != INTERNAL


@dataclass
class Child:
    """A running command."""

    pid: int
    folder: Path

    def send(self, number: int, *, group: bool = False) -> None:
        """Send a signal to the process, or to its whole group; nothing happens when it has ended."""
        with contextlib.suppress(ProcessLookupError):
            (os.killpg if group else os.kill)(self.pid, number)

    def said(self, text: str) -> bool:
        """Wait until ``text`` is printed; False when the command ends before."""
        begin = time.monotonic()
        while time.monotonic() - begin < TIMEOUT_SECONDS:
            if text in (self.folder / "out").read_text(errors="replace"):
                return True
            if os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                return text in (self.folder / "out").read_text(errors="replace")
            time.sleep(0.002)
        raise TimeoutError(f"never said {text!r}")

    def wait(self) -> Ended:
        """Wait for the end; a command that hangs is killed and fails the test."""
        begin = time.monotonic()
        while True:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                break
            if time.monotonic() - begin > TIMEOUT_SECONDS:
                self.send(signal.SIGKILL, group=True)
                os.waitpid(self.pid, 0)
                raise TimeoutError((self.folder / "err").read_text(errors="replace")[-2000:])
            time.sleep(0.005)
        self.send(signal.SIGKILL, group=True)  # workers of a killed command
        out, err = ((self.folder / name).read_text(errors="replace") for name in ("out", "err"))
        code = os.waitstatus_to_exitcode(status)
        return Ended(code if code >= 0 else 128 - code, out, err)


def start(
    arguments: list[str], folder: Path, prepare: Callable[[], None] | None = None, *, fresh: bool = False
) -> Child:
    """Fork a child that runs ``decanet ARGUMENTS`` in ``folder``, after ``prepare()`` in the child.

    Args:
        fresh: the child becomes a new interpreter: one that starts processes of its own must not share the fork's.
    """
    warm_up()
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("out", "err"):
        (folder / name).write_text("")
    sys.stdout.flush()
    sys.stderr.flush()
    pid = os.fork()
    if pid:
        return Child(pid, folder)
    code = INTERNAL
    try:
        os.setpgid(0, 0)
        os.chdir(folder)
        for descriptor, name in ((1, "out"), (2, "err")):
            file = os.open(name, os.O_WRONLY | os.O_APPEND)
            os.dup2(file, descriptor)
        sys.stdout, sys.stderr = (os.fdopen(descriptor, "w", buffering=1) for descriptor in (1, 2))
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):  # as a shell would start it
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        if fresh:
            os.execv(sys.executable, [sys.executable, "-m", "decanet", *arguments])
        if prepare is not None:
            prepare()
        from decanet.cli import run

        code = run(arguments)
    except BaseException:
        with contextlib.suppress(BaseException):
            traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def run_whole(arguments: list[str], folder: Path, prepare: Callable[[], None] | None = None) -> Ended:
    """Run a command to its end."""
    return start(arguments, folder, prepare).wait()


def warm_up() -> None:
    """Import what the commands use, without starting a thread that a fork would lose."""
    if "decanet.training.session" in sys.modules and "matplotlib.figure" in sys.modules:
        return
    torch.set_num_threads(1)
    for name in (
        "matplotlib.backends.backend_agg", "matplotlib.figure", "decanet.cli.train",
        "decanet.evaluation.figures", "decanet.insight.views.filters", "decanet.training.session",
    ):  # fmt: skip
        importlib.import_module(name)
    sys.modules["matplotlib.figure"].Figure().subplots()  # the font cache
