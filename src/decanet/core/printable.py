"""Printing of untrusted text, such as names of files and classes, without side effects on the terminal.

A name may hold whatever a file system allows: an escape sequence that clears the screen, a line break, marks that
reverse the writing direction, bytes that are not UTF-8. Such characters are printed as Python's escapes: ``\\x1b``,
``\\u202e``.
"""

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

# Control characters, marks and overrides of the writing direction, line separators, surrogates (which also stand for
# bytes that are not UTF-8), and tags, which are invisible.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def printable(text: str, *, keep_lines: bool = False) -> str:
    """Return ``text`` with all characters escaped that a terminal would interpret or could not print.

    Args:
        text: any text.
        keep_lines: whether line breaks are kept, for text of several lines.
    """
    return "\n".join(map(printable, text.split("\n"))) if keep_lines else _UNPRINTABLE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if "\udc80" <= character <= "\udcff":  # a byte that was not UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def printable_json(text: str) -> str:
    """Return JSON ``text`` with the same characters as JSON escapes, which leaves its value unchanged."""
    lines = (_UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], line) for line in text.split("\n"))
    return "\n".join(lines)


def shell_line(*words: object) -> str:
    """Return a command to copy: one line, each word quoted for a POSIX shell."""
    return " ".join(_quoted(str(word)) for word in words)


def decanet_line(*words: object) -> str:
    """Return a decanet command to copy into the shell that started this process.

    Where no ``decanet`` is on the search path, the command starts with the path of this program: ``.venv/bin/decanet``.
    """
    program = Path(sys.argv[0])
    if program.name == "decanet" and shutil.which("decanet") is None:
        return shell_line(program, *words)
    return shell_line("decanet", *words)


def _quoted(word: str) -> str:
    if printable(word) == word:
        return shlex.quote(word)
    # bash and zsh accept bytes that cannot be printed as $'\xe9'.
    safe = (
        chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}"
        for byte in os.fsencode(word)
    )
    return f"$'{''.join(safe)}'"
