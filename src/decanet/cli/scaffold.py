"""``decanet scaffold``: write a network with blanks to fill in, and check them."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from decanet.cli._shared import console


def command(
    file: Annotated[Path, Parameter(help="Python file to write, or to check.")],
    /,
    *,
    check: Annotated[
        bool,
        Parameter(negative=(), help="Run the file on tiny inputs, and tell which blank is wrong and why."),
    ] = False,
    solution: Annotated[bool, Parameter(negative=(), help="Write the file with the answers.")] = False,
) -> None:
    """Write the tutorial's AlexNet and its training loop with ten blanks to fill in, and check them.

    The checker executes the file. It observes what the code does, so any right answer passes. The finished network is
    trained by any recipe with --model-file.

    For example:

    ```
    decanet scaffold my_alexnet.py
    decanet scaffold my_alexnet.py --check
    decanet scaffold answers.py --solution
    decanet train tutorial --model-file my_alexnet.py:AlexNet
    ```
    """
    from decanet.core.errors import UsageError
    from decanet.core.printable import decanet_line

    out = console()
    if not check:
        from decanet.training.scaffold.template import write_scaffold

        out.print_line(f"wrote {write_scaffold(file, solution)}")
        if not solution:
            out.print_line(f"fill in the blanks, then: {decanet_line('scaffold', file, '--check')}")
        return
    if solution:
        raise UsageError("--check and --solution do not go together; write the answers under another name")
    from decanet.training.scaffold.checker import check as find

    findings = find(file)
    for finding in findings:
        place = f"blank {finding.blank}: " if finding.blank else ""
        out.print_line(f"{place}{finding.text}")
        if finding.hint:
            out.print_line(f"    hint: {finding.hint}")
    if findings:
        raise UsageError(f"{file} is not finished: {len(findings)} to go")
    out.print_line("all ten blanks are right")
    out.print_line(f"go on:   {decanet_line('train', 'tutorial', '--model-file', f'{file}:AlexNet')}")
