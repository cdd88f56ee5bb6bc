"""Bounds on the values of a recipe, which may come from a stranger.

Each bound is far above any sensible value and below what would exhaust the machine: a recipe is refused in one line
before anything is computed, downloaded or written.
"""

import math
import re
from collections.abc import Mapping
from typing import Any

MOST_BYTES = 100_000  # of a recipe file; decanet's longest has 3,000
DEEPEST = 8  # nesting of dictionaries and lists; a recipe has 3 levels, a network's options may have more
MOST_ITEMS = 10_000
LONGEST_TEXT = 4096  # characters: the longest path that Linux takes
LONGEST_KEY = 100
MOST_DOTS = 50  # in one dotted key; the TOML parser's time and memory grow with the square of their number
WHOLE = 2**63 - 1  # integers of TOML and seeds of generators have 64 bits
LARGE = 1e9  # of learning rates, epochs, exponents; more is a typing error
LARGEST_SIZE = 8192  # pixels; one such image takes 800 MB in float32
MOST_IMAGES = 1_000_000  # in a batch; CIFAR-10 has 50,000
SMALLEST_STD = 1e-6  # on the scale 0..1; float32 does not resolve smaller differences near 1
SMALLEST_ALPHA = 1e-6  # of a Beta distribution, from which torch samples in float32

NAME = re.compile(r"\w[\w.:-]{0,79}")  # of a recipe; becomes the name of a folder below runs/
_KEY = re.compile(r"[A-Za-z0-9_-]+")  # keys that TOML takes without quotes
_MANY_DOTS = re.compile(rf"(?:[^.,=\n]{{0,40}}\.){{{MOST_DOTS}}}")


def concentration(alpha: float) -> float:
    """Return ``alpha`` of a Beta distribution, or 0. Raises ValueError when it is too small to sample from."""
    if 0 < alpha < SMALLEST_ALPHA:
        raise ValueError(f"must be 0 or at least {SMALLEST_ALPHA:g}")
    return alpha


def too_much(value: Any, where: str = "") -> str | None:
    """Return what is wrong with a value read from TOML or JSON, as words that follow its key, or None."""
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
            return "is not a text that a file can hold"
    elif isinstance(value, int):
        if abs(value) > WHOLE:
            return "is an integer of more than 64 bits"
    elif isinstance(value, float):
        if not math.isfinite(value):
            return f"must be a finite number, got {value}"
    elif value is not None:  # TOML has dates and times
        return f"is of type {type(value).__name__}, which no key takes"
    return None


def _can_be_written(text: str) -> bool:
    """Return whether all surrogates in the text stand for bytes of a file name."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def too_many_dots(text: str) -> bool:
    """Return whether TOML ``text`` has a dotted key that would stall the parser."""
    return _MANY_DOTS.search(text) is not None


def as_name(stem: str) -> str:
    """Return a file's stem as a recipe's name, with a dash for every character that a name must not have."""
    return re.sub(r"[^\w.:-]+", "-", stem).lstrip(".:-")[:80] or "custom"


def unwritable(value: Any) -> str | None:
    """Return why a network's option could not be read back from TOML unchanged, or None."""
    if value is None:  # TOML has no null, and a run must be read back as the network that was trained
        return "an option cannot be null; leave it out to take the network's own value"
    if isinstance(value, Mapping):
        strange = next((key for key in value if not _KEY.fullmatch(str(key))), None)
        if strange is not None:
            return f"{strange!r} is not a valid name of an option"
        value = list(value.values())
    if isinstance(value, list | tuple):
        return next(filter(None, map(unwritable, value)), None)
    return None
