"""Errors that a user can cause: one line with what is wrong, where, and how to fix it, and a stable exit code.

Code below the command line raises these; only ``decanet.cli`` prints them, as ``error[kind]: message``.
A defect of decanet itself is an ordinary exception with a traceback.
"""

import difflib
import errno
import re
from collections.abc import Iterable

from decanet.core.printable import printable


class DecanetError(Exception):
    """Base class. ``kind`` is the stable class in the printed line, ``exit_code`` the exit code of the process."""

    kind = "error"
    exit_code = 1

    @property
    def line(self) -> str:
        """The line that the command line prints."""
        # Line breaks and tabs become spaces; other control characters, which a name may hold, are escaped.
        return f"error[{self.kind}]: " + printable(re.sub(r" *[\t\r\n]\s*", " ", str(self).strip()))


class UsageError(DecanetError):
    """The command, an option, a recipe key or a name is wrong."""

    kind, exit_code = "usage", 2


class DataError(DecanetError):
    """A data set, image or sound is missing, unreadable or not what it should be."""

    kind, exit_code = "data", 3


class CheckpointError(DecanetError):
    """A run or weights file is missing, damaged or belongs to another network."""

    kind, exit_code = "checkpoint", 4


class DivergedError(DecanetError):
    """The loss became NaN or infinite."""

    kind, exit_code = "diverged", 5


class ResourceError(DecanetError):
    """Memory, disk space or a device is missing or insufficient."""

    kind, exit_code = "resources", 6


class BusyError(DecanetError):
    """Another process uses the same run."""

    kind, exit_code = "busy", 7


class DistributedError(DecanetError):
    """The ranks of a training disagree, or one was lost."""

    kind, exit_code = "distributed", 8


class Preempted(DecanetError):  # noqa: N818 (not an error: the work was saved)
    """The system asked the process to stop; the work was saved and can be resumed."""

    kind, exit_code = "preempted", 75


class Interrupted(DecanetError):  # noqa: N818
    """The user pressed Ctrl-C; a training was saved and can be resumed."""

    kind, exit_code = "interrupted", 130


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """Return ``' (did you mean a, b?)'`` with the nearest known names, or an empty string."""
    if len(wrong) > 100:  # not a typing error, and comparing takes time quadratic in the length
        return ""
    near = difflib.get_close_matches(wrong, list(known), n=3, cutoff=0.5)
    return f" (did you mean {', '.join(near)}?)" if near else ""


# Resources that may run out: error numbers, messages of libraries, description, remedy.
_SHORTAGES: tuple[tuple[set[int], str, str, str], ...] = (
    (
        {errno.ENOSPC, errno.EDQUOT},
        "No space left|quota exceeded|file write failed",
        "no space left on the disk",
        "free some and try again",
    ),
    (
        {errno.EFBIG},
        "File too large",
        "a file is larger than this system allows",
        "raise the limit (ulimit -f) and try again",
    ),
    (
        {errno.ENOMEM},
        # The last two come from oneDNN and Python when no memory is left for a better message.
        "allocate memory|out of memory|not enough memory|bad_alloc|failed to map segment|unable to mmap|"
        "could not create a primitive|error return without exception set",
        "not enough memory",
        "close other programs, or lower batch_size or the image size",
    ),
    (
        {errno.EMFILE, errno.ENFILE},
        "Too many open files",
        "too many open files",
        "close some, or raise the limit (ulimit -n)",
    ),
    (
        {errno.EAGAIN},
        "Resource temporarily unavailable|can't start new thread",
        "no more processes or threads can be started",
        "end some, or raise the limit (ulimit -u)",
    ),
    (
        set(),
        "DataLoader worker .*(exited unexpectedly|killed by signal)",
        "a process that decodes images was killed, as happens when memory runs out",
        "close other programs, or lower batch_size or the image size",
    ),
)


def shortage(error: BaseException, doing: str = "") -> ResourceError | None:
    """Return a ResourceError when ``error`` reports a lack of disk space, memory, files or processes, or else None.

    Libraries report it as OSError, MemoryError, RuntimeError or a class of their own.
    """
    number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
    for numbers, words, what, remedy in _SHORTAGES:
        if number in numbers or (number is None and re.search(words, str(error), re.IGNORECASE | re.DOTALL)):
            return ResourceError(f"{what}{doing and ' while '}{doing}; {remedy}")
    beneath = error.__cause__ or error.__context__  # torch's own error only states that writing failed
    return shortage(beneath, doing) if beneath is not None else None
