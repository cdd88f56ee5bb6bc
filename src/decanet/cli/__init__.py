"""The command line: one thin module a command. They import nothing heavy themselves, only inside their functions."""

import sys
from collections.abc import Sequence
from typing import Any

# Each module has a function or an App named `command`.
COMMANDS = ("train", "evaluate", "predict", "models", "lineage", "convolve", "data", "benchmark", "doctor")


def main(arguments: Sequence[str] | None = None) -> None:
    """Run ``decanet`` with ``arguments`` (the process's own by default) and exit with its code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code. Errors a user can cause become one line on stderr."""
    import cyclopts

    from decanet.core.errors import DecanetError, UsageError

    try:
        _app()(list(arguments), exit_on_error=False, print_error=False, result_action="return_value")
    except cyclopts.CycloptsError as error:
        command = " ".join(["decanet", *(error.command_chain or ())])
        return _report(UsageError(f"{str(error).strip()} (see {command} --help)"))
    except DecanetError as error:
        return _report(error)
    except KeyboardInterrupt:
        print("\nerror[interrupted]: stopped by Ctrl-C", file=sys.stderr)
        return 130
    except (BrokenPipeError, SystemExit):  # the reader, for instance `head`, has seen enough; rich exits then
        sys.stdout = None
        return 0
    return 0


def _app() -> Any:
    import importlib

    import cyclopts

    from decanet import __version__
    from decanet.cli._shared import convert_value

    app = cyclopts.App(
        name="decanet",
        help="A lab for the ImageNet decade: from one convolution to every network of the ILSVRC years.\n\n"
        "Begin with `decanet train quick`.",
        version=__version__,
        help_format="markdown",
        default_parameter=cyclopts.Parameter(converter=convert_value),
    )
    for name in COMMANDS:
        app.command(importlib.import_module(f"decanet.cli.{name}").command, name=name)
    return app


def _report(error: Any) -> int:
    print(error.line, file=sys.stderr)
    return error.exit_code
