"""Random numbers that are easy to check, and arrays of numbers as aligned text."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from decanet.convolution.reference import Array
from decanet.core.errors import UsageError


def generator(seed: int) -> np.random.Generator:
    """Return the random generator of an example. Raises UsageError for a negative seed."""
    if seed < 0:
        raise UsageError(f"a seed is an integer of at least 0, got {seed}")
    return np.random.default_rng(seed)


def integers(random: np.random.Generator, largest: int, *shape: int) -> Array:
    """Return integers from -largest to largest but 0, as floats of ``shape``; all differ where there are enough."""
    values = [float(v) for v in range(-largest, largest + 1) if v]
    return random.choice(values, shape, replace=math.prod(shape) > len(values))


def number(value: float, decimals: int | None = None) -> str:
    """Format a number with exactly ``decimals``, or with at most four; minus infinity and NaN stay words."""
    if not np.isfinite(value):
        return str(float(value))
    text = f"{value:.4f}".rstrip("0").rstrip(".") if decimals is None else f"{value:.{decimals}f}"
    return text.removeprefix("-") if float(text) == 0 else text


def decimals_of(values: Array, most: int = 4) -> int:
    """Return the number of decimals that show all values exactly, and at most ``most``."""
    finite = values[np.isfinite(values)]
    return next((d for d in range(most) if np.allclose(finite, finite.round(d), rtol=0, atol=1e-9)), most)


def matrix(values: Array, decimals: int | None = None) -> list[str]:
    """Return the lines of an array (columns,) or (rows, columns), aligned, with equally many decimals everywhere."""
    shown = decimals_of(values) if decimals is None else decimals
    rows = [[number(float(v), shown) for v in row] for row in np.atleast_2d(values)]
    width = max(len(text) for row in rows for text in row)
    return ["  ".join(text.rjust(width) for text in row) for row in rows]


def beside(
    blocks: Mapping[str, Array | Sequence[str]], decimals: int | None = None, gap: int = 5
) -> list[str]:
    """Return the lines of arrays or of ready lines next to each other, each below its title."""
    columns = [
        [title, *(matrix(block, decimals) if isinstance(block, np.ndarray) else block)]
        for title, block in blocks.items()
    ]
    widths = [max(map(len, column)) for column in columns]
    lines = []
    for index in range(max(map(len, columns))):
        parts = [column[index] if index < len(column) else "" for column in columns]
        lines.append((" " * gap).join(part.ljust(width) for part, width in zip(parts, widths)).rstrip())
    return lines


def table(header: Sequence[str], rows: Sequence[Sequence[str]], gap: int = 3) -> list[str]:
    """Return a table as lines: the first column left-aligned, all others right-aligned."""
    lines = [list(header), *map(list, rows)]
    widths = [max(len(line[k]) for line in lines) for k in range(len(header))]
    return [
        (" " * gap)
        .join(
            cell.ljust(width) if k == 0 else cell.rjust(width)
            for k, (cell, width) in enumerate(zip(line, widths))
        )
        .rstrip()
        for line in lines
    ]
