"""The command line, one thin module per command. They import heavy packages inside their functions only."""

import contextlib
import errno
import io
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

# Each module has a function or an App with the name `command`.
COMMANDS = (
    "train",
    "scaffold",
    "evaluate",
    "predict",
    "inspect",
    "models",
    "lineage",
    "convolve",
    "layers",
    "data",
    "experiment",
    "course",
    "quiz",
    "explore",
    "benchmark",
    "doctor",
)
# Errors of the system about a file or folder that is not as a command needs it.
REFUSED = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.ENAMETOOLONG,
}  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``decanet`` with ``arguments`` (the process's own by default) and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        # Characters that the terminal's encoding lacks are escaped, so that no result is lost.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    code = run(sys.argv[1:] if arguments is None else arguments)
    from decanet.core.runtime import STOPPING

    for number in STOPPING:
        # All is printed. A signal while Python shuts down would add a traceback or change the exit code.
        signal.signal(number, signal.SIG_IGN)
    sys.exit(code)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Errors that a user can cause are printed as one line on stderr.

    A termination signal ends a command without results as it ends any program; a training saves a checkpoint first.
    """
    with _ctrl_c() as pressed:
        try:
            return _run(arguments)
        except BaseException as error:
            # A library that is being imported may turn the interrupt into an error of its own.
            if not pressed and not isinstance(error, KeyboardInterrupt):
                raise
    from decanet.core.errors import Interrupted

    return _report(Interrupted("stopped by Ctrl-C"))


@contextlib.contextmanager
def _ctrl_c() -> Iterator[list[int]]:
    """Raise KeyboardInterrupt at Ctrl-C, as Python does, and note that it was pressed."""
    pressed: list[int] = []

    def interrupt(number: int, _: Any) -> None:
        pressed.append(number)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # only the main thread can handle signals
        yield pressed
        return
    before = signal.signal(signal.SIGINT, interrupt)
    try:
        yield pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _run(arguments: Sequence[str]) -> int:
    import cyclopts

    from decanet.core.errors import DecanetError, UsageError, shortage

    app = _app()
    try:
        app(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
    except cyclopts.UnknownOptionError as error:
        from decanet.cli._habits import unknown_option

        return _report(UsageError(unknown_option(app, error, arguments)))
    except cyclopts.CycloptsError as error:
        command = " ".join(["decanet", *(error.command_chain or ())])
        return _report(UsageError(f"{str(error).strip()} (see {command} --help)"))
    except DecanetError as error:
        return _report(error)
    except (BrokenPipeError, SystemExit) as error:
        # The reader, for instance `head`, has closed the pipe; rich then raises SystemExit.
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        sys.stdout = None
    except Exception as error:
        place = _wrong_place(error)
        if (known := shortage(error) or (place and UsageError(place))) is None:
            raise
        return _report(known)
    return 0


def _wrong_place(error: Exception) -> str | None:
    """Describe a file or folder that the system refuses, or return None for other errors."""
    if isinstance(error, OSError) and error.filename is not None and error.errno in REFUSED:
        return f"cannot use {error.filename}: {error.strerror}; correct that, or choose another place"
    if isinstance(error, RuntimeError) and "home directory" in str(error):
        return f"~ cannot be expanded ({error}); write the whole path"
    return None


def _app() -> Any:
    import importlib

    import cyclopts

    from decanet import __version__
    from decanet.cli._shared import convert_value

    app = cyclopts.App(
        name="decanet",
        help="A lab for the ImageNet decade: from one convolution to the networks of the ILSVRC years.\n\n"
        "Begin with `decanet train quick`.",
        version=__version__,
        help_format="markdown",
        default_parameter=cyclopts.Parameter(converter=convert_value),
        suppress_keyboard_interrupt=False,
    )
    for name in COMMANDS:
        app.command(importlib.import_module(f"decanet.cli.{name}").command, name=name)
    return app


def _report(error: Any) -> int:
    with contextlib.suppress(OSError):  # stderr is closed or full, and the exit code still tells
        if error.kind == "interrupted" and sys.stderr.isatty():
            print(file=sys.stderr)  # the terminal has written ^C
        print(error.line, file=sys.stderr)
    return error.exit_code
