"""Output, and the options that several commands have."""

import json
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from decanet.core.printable import printable, printable_json

WIDE = 10_000  # columns, more than any line that decanet prints
JsonFlag = Annotated[bool, Parameter(name="--json", negative=(), help="Print the result as JSON on stdout.")]
Device = Annotated[str, Parameter(name="--device", help="auto, cpu, cuda, cuda:N or mps.")]
Arch = Annotated[
    str | None, Parameter(name="--arch", help="The network of a weight file; decanet models lists the names.")
]
ModelFile = Annotated[
    str | None,
    Parameter(
        name="--model-file",
        help="A network of your own, FILE.py:CLASS; a run that trained one needs it again. The file is executed.",
    ),
]
DataDir = Annotated[
    Path | None,
    Parameter(
        name="--data-dir", help="Folder that keeps data sets (default: $DECANET_CACHE, or the user's cache)."
    ),
]
Source = Annotated[
    str,
    Parameter(
        name="--source", help="Where the data should come from: auto, cache, a source's name, or a path."
    ),
]


def ends_in(*endings: str) -> Callable[[Any, Any], None]:
    """Return a validator of output files: their names must end in one of ``endings``."""

    def check(_: Any, path: Path | None) -> None:
        if path is not None and path.suffix.lower() not in endings:
            raise ValueError(f"Use a name that ends in {', '.join(endings)}.")
        if path is not None and path.is_dir():
            raise ValueError("It is a folder; give a file name.")

    return check


FIGURE = ends_in(".png", ".svg", ".pdf")
FIGURE_OR_GIF = ends_in(".gif", ".png", ".svg", ".pdf")
SOUND = ends_in(".wav", ".flac", ".ogg")
ARRAY = ends_in(".npy")


def convert_value(kind: Any, tokens: Sequence[Any]) -> Any:
    """Convert the value of an option or argument to ``kind``; in every path ``~`` is the home folder.

    A shell expands ``~`` at the beginning of a word only: ``--out=~/x`` arrives as it was typed.
    """
    import cyclopts

    value = cyclopts.convert(kind, tokens)
    return Path(os.path.expanduser(value)) if isinstance(value, Path) else value


def print_json(value: Any) -> None:
    """Print ``value`` as JSON, the only output on stdout with ``--json``."""
    text = json.dumps(value, indent=2, ensure_ascii=False, default=str)
    try:
        text.encode(getattr(sys.stdout, "encoding", None) or "utf-8", "surrogatepass")
    except UnicodeEncodeError:  # the terminal's encoding lacks a character
        text = json.dumps(value, indent=2, default=str)
    print(printable_json(text))


def console(as_json: bool = False):  # type: ignore[no-untyped-def]
    """Return a rich console on stdout, or on stderr where stdout is kept for JSON.

    Text is printed literally: [brackets] and :colons: are no markup, and control characters are escaped.
    ``markup=True`` is for text without names in it. In a pipe nothing is wrapped or cut to a terminal's width.
    """
    from rich.console import Console

    class Literal(Console):
        def render_str(self, text: str, **options: Any) -> Any:
            return super().render_str(printable(text, keep_lines=True), **options)

        def print_line(self, line: str) -> None:
            """Print one line; line breaks in names are escaped, too."""
            self.print(printable(line))

    drawn = Literal(
        file=sys.stderr if as_json else None, highlight=False, soft_wrap=True, markup=False, emoji=False
    )
    if not drawn.is_terminal:
        drawn.width = WIDE
    return drawn


def accuracy_in_words(top1: float, top5: float, what: str) -> str:
    """Return the top-1 and top-5 accuracy as one phrase; ``what`` was evaluated, for instance ``"40 images"``.

    A top-5 accuracy of 100% is left out, because with five classes or fewer it always is.
    """
    five = "" if top5 == 1 else f" (top-5 {100 * top5:.2f}%)"
    return f"accuracy [bold]{100 * top1:.2f}%[/bold] on {what}{five}"


def table(rows: list[dict[str, Any]], *, right: tuple[str, ...] = ()) -> None:
    """Print rows of equal keys as a plain table; columns named in ``right`` hold numbers."""
    from rich import box
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for name in rows[0]:
        drawn.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*("" if value is None else printable(str(value)) for value in row.values()))
    console().print(drawn)


def clock(seconds: float) -> str:
    """Format seconds as 42 s, 3:05 or 2:10:00."""
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"
