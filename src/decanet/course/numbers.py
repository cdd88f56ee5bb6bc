"""Numbers in the chapters, never typed: from committed results, and from what the chapters' commands print.

``{{quick.accuracy}}`` is an entry of ``numbers.json``, which ``python docs/generate.py course`` takes from the results;
``{{image-matrix#1}}`` is the first number with a decimal point in the recorded output of the run ``image-matrix``.
"""

import functools
import json
import re
from importlib import resources

from decanet.course.recorded_runs import outputs

NUMBERS = "numbers.json"


@functools.cache
def numbers() -> dict[str, str]:
    """Return every number by its key, formatted as the text shows it."""
    found: dict[str, str] = json.loads(
        (resources.files("decanet.course") / NUMBERS).read_text(encoding="utf-8")
    )
    return found


def number(key: str) -> str:
    """Return one number. Raises LookupError when no result has it."""
    run, mark, position = key.partition("#")
    if mark:
        return re.findall(r"-?\d+\.\d+", outputs()[run])[int(position) - 1]
    try:
        return numbers()[key]
    except KeyError:
        raise LookupError(f"no committed result has the number {key!r}") from None
