"""The examples in the help of ``decanet convolve`` can be copied, and are accepted."""

import inspect
import shlex

import pytest

from decanet.cli import _app
from decanet.cli import run as decanet

COMMANDS = (
    "signal", "signal sheet", "signal laws", "signal animation", "signal sound", "image", "image sheet",
    "image slide", "image flip", "image gradient", "image grid", "image list", "statistics", "arithmetic", "train",
)  # fmt: skip


@pytest.mark.parametrize("command", COMMANDS)
def test_examples_stand_on_lines_of_their_own_and_are_accepted(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["convolve", *command.split()]
    assert decanet([*words, "--help"]) == 0
    start = f"decanet convolve {command}"
    shown = [line.strip() for line in capsys.readouterr().out.splitlines() if line.startswith(f" {start}")]
    app = _app()
    for word in words:
        app = app[word]
    written = [
        line for line in (inspect.getdoc(app.default_command) or "").splitlines() if line.startswith(start)
    ]
    assert shown == written
    assert written
    for example in written:
        called, _, _ = _app().parse_args(shlex.split(example)[1:], exit_on_error=False, print_error=False)
        assert called is app.default_command
