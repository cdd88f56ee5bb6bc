"""The errors a user can cause: one line that says what, where and how to mend it, with a stable exit code.

Code below the command line raises these; only ``decanet.cli`` prints them, as ``error[kind]: message``.
A defect of decanet itself stays an ordinary exception with its traceback.
"""

import difflib
import errno
import re
from collections.abc import Iterable

from decanet.core.printable import printable


class DecanetError(Exception):
    """Base of the family. ``kind`` is the stable class in the printed line, ``exit_code`` the process's."""

    kind = "error"
    exit_code = 1

    @property
    def line(self) -> str:
        """The one line that the command line prints."""
        # Lines and tabs become spaces; what else a terminal would obey may stand in a name, and is escaped.
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
    """Memory, disk or a device is not enough or not there."""

    kind, exit_code = "resources", 6


class BusyError(DecanetError):
    """Another process works on the same run."""

    kind, exit_code = "busy", 7


class DistributedError(DecanetError):
    """The processes of one training disagree or one was lost."""

    kind, exit_code = "distributed", 8


class Preempted(DecanetError):  # noqa: N818 (not a mistake: the work was saved)
    """The system asked to stop; the work was saved and can be resumed."""

    kind, exit_code = "preempted", 75


class Interrupted(DecanetError):  # noqa: N818
    """The user pressed Ctrl-C; what a training had done was saved and can be resumed."""

    kind, exit_code = "interrupted", 130


def did_you_mean(wrong: str, known: Iterable[str]) -> str:
    """``' (did you mean a, b?)'`` for the nearest known names, or an empty string."""
    if len(wrong) > 100:  # no slip of the keyboard, and comparing takes the square of the length
        return ""
    near = difflib.get_close_matches(wrong, list(known), n=3, cutoff=0.5)
    return f" (did you mean {', '.join(near)}?)" if near else ""


# What may run out: the system's numbers for it, the words in which libraries pass it on, what it is, what helps.
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
        # The last two are what oneDNN and Python say when they have no memory left to say more.
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
    """The lack of disk, memory, files or processes that ``error`` reports; None when it is about something else.

    Libraries report it as OSError, MemoryError, RuntimeError or a class of their own.
    """
    number = errno.ENOMEM if isinstance(error, MemoryError) else getattr(error, "errno", None)
    for numbers, words, what, remedy in _SHORTAGES:
        if number in numbers or (number is None and re.search(words, str(error), re.IGNORECASE | re.DOTALL)):
            return ResourceError(f"{what}{doing and ' while '}{doing}; {remedy}")
    beneath = error.__cause__ or error.__context__  # torch says only that it could not write
    return shortage(beneath, doing) if beneath is not None else None
