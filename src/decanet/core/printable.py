"""Text that decanet does not control (names of files and classes), shown to the letter and without effects.

A name may hold whatever a file system allows: an escape sequence that clears the screen, a line break, marks that turn
the writing direction, bytes that are no UTF-8. Such characters are shown as Python writes them: ``\\x1b``, ``\\u202e``.
"""

import json
import os
import re
import shlex
import shutil
import sys
from pathlib import Path

# Control characters, marks and overrides of the writing direction, line separators, halves of characters (Python's
# stand-ins for bytes that are no UTF-8 among them), and tags, which are invisible.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def printable(text: str, *, keep_lines: bool = False) -> str:
    """``text`` with everything escaped that a terminal would obey, or could not write.

    Args:
        text: any text.
        keep_lines: leave line breaks as they are, for text whose lines are decanet's own.
    """

    return "\n".join(map(printable, text.split("\n"))) if keep_lines else _UNPRINTABLE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if "\udc80" <= character <= "\udcff":  # a byte that was no UTF-8
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character.encode("unicode_escape").decode()


def printable_json(text: str) -> str:
    """JSON ``text`` with the same characters as JSON's own escapes, so that it still means the same."""
    lines = (_UNPRINTABLE.sub(lambda found: json.dumps(found[0])[1:-1], line) for line in text.split("\n"))
    return "\n".join(lines)


def shell_line(*words: object) -> str:
    """A command to copy: each word quoted as a POSIX shell needs it, on one line whatever it holds."""
    return " ".join(_quoted(str(word)) for word in words)


def decanet_line(*words: object) -> str:
    """A decanet command to copy, that works in the shell in which this one was started.

    Where no ``decanet`` is on the shell's path, the program is called as it was this time: ``.venv/bin/decanet``.
    """
    called = Path(sys.argv[0])
    if called.name == "decanet" and shutil.which("decanet") is None:
        return shell_line(called, *words)
    return shell_line("decanet", *words)


def _quoted(word: str) -> str:
    if printable(word) == word:
        return shlex.quote(word)
    # What cannot be printed, bash and zsh take as $'\xe9'.
    safe = (
        chr(byte) if 32 <= byte < 127 and byte not in b"\\'" else f"\\x{byte:02x}"
        for byte in os.fsencode(word)
    )
    return f"$'{''.join(safe)}'"
