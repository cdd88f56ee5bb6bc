"""Chapters as they are written: Markdown, with blocks that the site fills in.

A block is fenced code whose first word is its kind:

``run NAME``
    a command, its recorded output and its figure. The first lines are the command, ``{figure}`` stands for the
    figure's file; then ``lines: 3-9`` (which lines of the output are shown, or none), ``alt:`` and ``caption:``.
``predict``
    a question, its options (``- ...``), and after a line ``---`` what is shown when the reader has chosen.
``quote MODULE:NAME``
    the source of a function or class.
``widget PAGE``
    a page of the explorer, alive in the chapter; the lines are its caption.
``exercise NAME``
    a task, which ``decanet course check NAME ANSWER`` checks.

``{{key}}`` in the text is a number from :mod:`decanet.course.numbers`. The file begins with two lines: ``# title``, and
the question of the chapter as a quotation (``> ...``).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources

from decanet.core.errors import UsageError, did_you_mean
from decanet.core.texts import LANGUAGES

KINDS = ("run", "predict", "quote", "widget", "exercise")
_FENCE = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of a chapter.

    Attributes:
        kind: one of :data:`KINDS`.
        name: what follows it on the first line.
        lines: its contents.
        fields: of a run: "lines", "alt" and "caption".
    """

    kind: str
    name: str
    lines: tuple[str, ...]
    fields: dict[str, str]


@dataclass(frozen=True)
class Chapter:
    """One chapter in one language.

    Attributes:
        number: from 1.
        name: of its file, without the number: for addresses and commands.
        title: its heading.
        question: that it answers.
        body: the Markdown below.
        language: "en" or "zh".
    """

    number: int
    name: str
    title: str
    question: str
    body: str
    language: str

    @property
    def file(self) -> str:
        """Name of its page."""
        return f"{self.number:02d}-{self.name}.html"

    def blocks(self) -> list[Block]:
        """Return its blocks in order."""
        return [parse_block(*match.groups()) for match in _FENCE.finditer(self.body) if match[1] in KINDS]

    def formulas(self) -> list[str]:
        """Return its formulas in order."""
        prose = _FENCE.sub("", self.body)
        return [a or b for a, b in re.findall(r"\$\$(.+?)\$\$|\$(.+?)\$", prose, re.DOTALL)]

    def headings(self) -> list[str]:
        """Return the titles of its sections."""
        return re.findall(r"^## (.+)$", _FENCE.sub("", self.body), re.MULTILINE)


def parse_block(kind: str, name: str, text: str) -> Block:
    """Return a block from its parts."""
    lines, fields = [], {}
    for line in text.splitlines():
        key, colon, value = line.partition(": ")
        if kind == "run" and colon and key in {"lines", "alt", "caption"}:
            fields[key] = value
        else:
            lines.append(line)
    return Block(kind, name, tuple(lines), fields)


def load_chapters(language: str) -> list[Chapter]:
    """Return all chapters in order. Raises UsageError for an unknown language."""
    if language not in LANGUAGES:
        raise UsageError(f"unknown language {language!r} (known: {', '.join(LANGUAGES)})")
    return list(_read(language))


def load_chapter(wanted: str, language: str) -> Chapter:
    """Return a chapter by its number or name. Raises UsageError with the nearest names."""
    chapters = load_chapters(language)
    for chapter in chapters:
        if wanted in {str(chapter.number), chapter.name}:
            return chapter
    names = [chapter.name for chapter in chapters]
    hint = did_you_mean(wanted, names) or f" (known: 1 to {len(names)}, {', '.join(names)})"
    raise UsageError(f"unknown chapter {wanted!r}{hint}")


def _read(language: str) -> Iterator[Chapter]:
    folder = resources.files("decanet.course") / "chapters" / language
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        number, _, name = file.name.removesuffix(".md").partition("-")
        title, question, body = file.read_text(encoding="utf-8").split("\n", 2)
        yield Chapter(
            int(number), name, title.removeprefix("# "), question.removeprefix("> "), body, language
        )
