"""The pages of docs/reference: the help of every command, and the public Python interface."""

import ast
import inspect
import io
import re
import textwrap
from pathlib import Path
from typing import Any

from rich.console import Console

import decanet

FOLDER = Path(__file__).parent / "reference"
WIDTH = 100  # columns of the help


def pages() -> dict[str, str]:
    """Return the pages by file name."""
    commands = {
        f"{'-'.join(words) or 'decanet'}.md": command_page(words) for words in [(), *commands_below(())]
    }
    return {**commands, "python.md": python_page(), "README.md": index(commands)}


def commands_below(words: tuple[str, ...]) -> list[tuple[str, ...]]:
    """Return all commands below ``words``, groups included, in the order of the alphabet."""
    from decanet.cli import _app

    app = _app()
    for word in words:
        app = app[word]
    found = []
    for name in sorted(app):
        if not name.startswith("-"):
            found += [(*words, name), *commands_below((*words, name))]
    return found


def help_of(words: tuple[str, ...]) -> str:
    """Return what ``decanet WORDS --help`` prints on a terminal of ``WIDTH`` columns."""
    from decanet.cli import _app

    printed = io.StringIO()
    # A console of its own: without one, a command keeps the console of its first call in this process.
    console = Console(file=printed, width=WIDTH, color_system=None)
    _app()([*words, "--help"], console=console, result_action="return_value")
    return "\n".join(line.rstrip() for line in printed.getvalue().strip().splitlines())


def command_page(words: tuple[str, ...]) -> str:
    """Return the page of a command: its help, as users see it."""
    return f"# {' '.join(('decanet', *words))}\n\n```\n{help_of(words)}\n```\n"


def python_page() -> str:
    """Return the page of the public Python names, from their signatures and docstrings."""
    parts = [f"# Python\n\n{inspect.getdoc(decanet)}\n"]
    for name in decanet.__all__:
        value = getattr(decanet, name)
        if callable(value):
            parts.append(
                f"## decanet.{name}\n\n```python\n{signature(value)}\n```\n\n{documentation(value)}\n"
            )
    return "\n".join(parts)


def signature(value: Any) -> str:
    """Return the head of a class or function as it is written in the source, one parameter on each line."""
    (node,) = ast.parse(textwrap.dedent(inspect.getsource(value))).body
    if isinstance(node, ast.ClassDef):
        return f"class {node.name}({', '.join(map(ast.unparse, node.bases))})"
    assert isinstance(node, ast.FunctionDef)
    result = f" -> {ast.unparse(node.returns)}" if node.returns else ""
    parameters = _parameters(node.args)
    line = f"{node.name}({', '.join(parameters)}){result}"
    if len(line) <= WIDTH:
        return line
    return "\n".join([f"{node.name}(", *(f"    {parameter}," for parameter in parameters), f"){result}"])


def _parameters(arguments: ast.arguments) -> list[str]:
    """Return the parameters of a function; none of the public ones is positional only."""

    def one(argument: ast.arg, default: ast.expr | None) -> str:
        return ast.unparse(argument) + (f" = {ast.unparse(default)}" if default else "")

    required = [None] * (len(arguments.args) - len(arguments.defaults))
    found = [one(*pair) for pair in zip(arguments.args, [*required, *arguments.defaults], strict=True)]
    if arguments.vararg:
        found.append(f"*{ast.unparse(arguments.vararg)}")
    elif arguments.kwonlyargs:
        found.append("*")
    found += [one(*pair) for pair in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)]
    return [*found, f"**{ast.unparse(arguments.kwarg)}"] if arguments.kwarg else found


def documentation(value: Any) -> str:
    """Return a docstring as text that Markdown keeps as it stands."""
    text = re.sub(r":\w+:(`[^`]+`)", r"\1", inspect.getdoc(value) or "")
    first, _, rest = text.partition("\n\n")
    return first if not rest else f"{first}\n\n```text\n{textwrap.dedent(rest)}\n```"


def index(commands: dict[str, str]) -> str:
    """Return the table of contents."""
    lines = [f"- [{page.splitlines()[0].removeprefix('# ')}]({name})" for name, page in commands.items()]
    return (
        "# Reference\n\nGenerated from docstrings and `--help` by `python docs/generate.py reference`.\n\n"
        "- [Python](python.md)\n" + "\n".join(lines) + "\n"
    )


def write() -> None:
    """Write all pages and remove those of commands that no longer exist."""
    FOLDER.mkdir(exist_ok=True)
    made = pages()
    for old in FOLDER.glob("*.md"):
        if old.name not in made:
            old.unlink()
    for name, text in made.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
