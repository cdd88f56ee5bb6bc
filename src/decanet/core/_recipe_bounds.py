"""What a value of a recipe may be at most, whatever its key: recipes come from strangers, too.

Each bound is far beyond any sensible value and below what would stop the machine: a recipe is refused in one line
before anything is computed, fetched or written.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 100_000  # of a recipe file: the longest of decanet has 3,000
DEEPEST = 8  # dictionaries and lists in each other: a recipe has 3, options of a network may have some more
MOST_ITEMS = 10_000
LONGEST_TEXT = 4096  # characters: the longest path that Linux takes
LONGEST_KEY = 100
MOST_DOTS = 50  # in one dotted key; TOML's parser needs time and memory of the square of their number
WHOLE = 2**63 - 1  # TOML's whole numbers, and the seeds of generators, have 64 bits
LARGE = 1e9  # rates, epochs, exponents: more is a slip of the keyboard
LARGEST_SIZE = 8192  # pixels: one such image takes 800 MB as float32
MOST_IMAGES = 1_000_000  # in a batch; CIFAR-10 has 50,000
SMALLEST_STD = 1e-6  # on the scale 0..1; float32 cannot tell smaller differences near 1

SMALLEST_ALPHA = 1e-6  # of a Beta distribution; torch draws from it in float32

NAME = re.compile(r"\w[\w.:-]{0,79}")  # becomes the name of a folder below runs/
_KEY = re.compile(r"[A-Za-z0-9_-]+")  # what TOML takes without quotes
_MANY_DOTS = re.compile(rf"(?:[^.,=\n]{{0,40}}\.){{{MOST_DOTS}}}")


def concentration(alpha: float) -> float:
    """``alpha`` of a Beta distribution, or 0 for none. Raises ValueError for what is too small to draw from."""
    if 0 < alpha < SMALLEST_ALPHA:
        raise ValueError(f"must be 0 or at least {SMALLEST_ALPHA:g}")
    return alpha


def too_much(value: Any, where: str = "") -> str | None:
    """What is wrong with a value read from TOML or JSON, in words that follow its key; None where nothing is."""
    waiting = [(where, value, 1)]  # no recursion: the nesting may be deeper than Python's stack
    seen = 0
    while waiting:
        where, value, depth = waiting.pop()
        seen += 1
        if seen > MOST_ITEMS:
            return f"holds more than {MOST_ITEMS} values"
        if isinstance(value, Mapping | list | tuple):
            if depth > DEEPEST:
                return f"{where or 'the recipe'} is nested deeper than {DEEPEST} levels"
            pairs = value.items() if isinstance(value, Mapping) else enumerate(value)
            for key, inner in pairs:
                if len(str(key)) > LONGEST_KEY:
                    return f"has a key of {len(str(key))} characters ({str(key)[:20]}...)"
                waiting.append((f"{where}.{key}".lstrip("."), inner, depth + 1))
        elif wrong := _wrong_scalar(value):
            return f"{where or 'the value'} {wrong}"
    return None


def _wrong_scalar(value: Any) -> str | None:
    if isinstance(value, str):
        if len(value) > LONGEST_TEXT:
            return f"is a text of {len(value)} characters; {LONGEST_TEXT} are the most"
        if "\0" in value or not _can_be_written(value):
            return "is no text that a file could hold"
    elif isinstance(value, int):
        if abs(value) > WHOLE:
            return "is a whole number of more than 64 bits"
    elif isinstance(value, float):
        if not math.isfinite(value):
            return f"must be a finite number, got {value}"
    elif value is not None:  # TOML has dates and times
        return f"is of type {type(value).__name__}, which no key takes"
    return None


def _can_be_written(text: str) -> bool:
    """Whether the text has no half characters but those that stand for a file name's bytes."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def too_many_dots(text: str) -> bool:
    """Whether TOML ``text`` has a dotted key that would stop the parser."""
    return _MANY_DOTS.search(text) is not None


def as_name(stem: str) -> str:
    """A file's name without its ending as the name of a recipe: what is not allowed in one becomes a dash."""
    return re.sub(r"[^\w.:-]+", "-", stem).lstrip(".:-")[:80] or "custom"


def unwritable(value: Any) -> str | None:
    """Why a network's option, at any depth, could not be read back from TOML as it is; None where it could."""
    if value is None:  # TOML has no null, and a run must be read back as the very network that was trained
        return "an option cannot be null; leave it out to take the network's own value"
    if isinstance(value, Mapping):
        strange = next((key for key in value if not _KEY.fullmatch(str(key))), None)
        if strange is not None:
            return f"{strange!r} is no name of an option"
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next(filter(None, map(unwritable, value)), None)
    return None
