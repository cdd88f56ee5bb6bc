"""Progress of long work on the console: a live bar on a terminal, plain lines in a pipe."""

import contextlib
import errno
import os
import time
from collections.abc import Iterator
from typing import Any

from decanet.cli._shared import clock, console
from decanet.core.printable import printable


class ConsoleReport:
    """Prints messages, progress and the log of a training (a :class:`decanet.training.session.TrainingReport`).

    Use it as a context manager, which closes the bar before anything else is printed. The work continues when nobody
    reads any more: the other end of the pipe has closed, as ``head`` does, or the terminal.

    Args:
        to_stderr: print on stderr, where stdout is kept for JSON.
        quiet: print nothing.
    """

    def __init__(self, *, to_stderr: bool = False, quiet: bool = False) -> None:
        self._console = console(to_stderr)
        self._quiet = quiet
        self._live = self._console.is_terminal and not quiet
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._printed: dict[str, float] = {}
        self._first: dict[str, tuple[float, float]] = {}
        self._total = 1
        self._began: tuple[float, int] | None = None

    def __enter__(self) -> "ConsoleReport":
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            with self._while_read():
                self._bar.stop()
            self._bar, self._tasks = None, {}

    @contextlib.contextmanager
    def _while_read(self) -> Iterator[None]:
        try:
            yield
        except (OSError, SystemExit) as error:  # rich leaves with SystemExit when a pipe is broken
            cause = error.__context__ if isinstance(error, SystemExit) else error
            if not isinstance(cause, OSError) or cause.errno not in {errno.EPIPE, errno.EIO}:
                raise
            self._quiet = True
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, self._console.file.fileno())  # what is still in its buffer, too
            os.close(nowhere)

    def note(self, text: str) -> None:
        """Print a message on one line."""
        if not self._quiet:
            with self._while_read():
                self._console.print_line(text)
                self._console.file.flush()

    def progress(self, task: str, done: float, total: float | None, unit: str) -> None:
        """Move the bar, or print a line every few seconds."""
        if self._quiet:
            return
        finished = total is not None and done >= total
        if self._live:
            with self._while_read():
                self._open(unit)
                if task not in self._tasks:
                    self._tasks[task] = self._bar.add_task(printable(task), total=total, log="")
                self._bar.update(self._tasks[task], completed=done, total=total)
            if finished:
                self._close()
            return
        now = time.monotonic()
        began, before = self._first.setdefault(task, (now, done))
        if now - self._printed.get(task, 0.0) > 5:
            self._printed[task] = now
            scale, name = (1e6, "MB") if unit == "bytes" else (1, unit)
            of = f" of {total / scale:.0f}" if total else ""
            left = ""
            if total and done > before:
                left = f", {clock((total - done) * (now - began) / (done - before))} left"
            self.note(f"{task}: {done / scale:.0f}{of} {name}{left}")

    def _open(self, unit: str) -> None:
        if self._bar is not None:
            return
        from rich import progress

        columns: list[Any] = [
            progress.TextColumn("{task.description}", markup=False),
            progress.BarColumn(bar_width=24),
        ]
        if unit == "bytes":
            columns += [progress.DownloadColumn(), progress.TransferSpeedColumn()]
        else:
            columns += [progress.MofNCompleteColumn()]
        columns += [progress.TimeRemainingColumn(), progress.TextColumn("{task.fields[log]}", markup=False)]
        self._bar = progress.Progress(*columns, console=self._console, transient=True)
        self._bar.start()

    def start(self, total_steps: int, steps_per_epoch: int) -> None:
        """Print the length of the training that begins."""
        self._total = total_steps
        epochs = total_steps / steps_per_epoch
        self.note(
            f"training: {total_steps} steps, {round(epochs, 2):g} {'epoch' if epochs == 1 else 'epochs'}"
        )
        self.progress("training", 0, total_steps, "steps")

    def forecast(self, seconds: float) -> None:
        """Print the expected time of the whole training."""
        self.note(f"expected on this machine: about {clock(seconds)} of training")

    def line(self, line: Any) -> None:
        """Print a line of the training's log and move the bar."""
        seconds_a_step = line.seconds / line.step
        if self._began is None:  # the first steps warm up, and a resumed run did the earlier ones another day
            self._began = (line.seconds, line.step)
        elif line.step > self._began[1]:
            seconds_a_step = (line.seconds - self._began[0]) / (line.step - self._began[1])
        left = (self._total - line.step) * seconds_a_step
        self.note(
            f"epoch {line.epoch:6.2f}  step {line.step:{len(str(self._total))}}/{self._total}  "
            f"loss {line.loss:.4f}  accuracy {100 * line.accuracy:5.2f}%  "
            f"{line.images_per_second:6.0f} images/s  {line.seconds:6.1f} s, {clock(left)} left"
        )
        if self._live:
            self.progress("training", line.step, self._total, "steps")

    def validation(self, epoch: float, error: float) -> None:
        """Print the accuracy on the validation set."""
        self.note(f"epoch {epoch:6.2f}  validation accuracy {100 * (1 - error):5.2f}%")
