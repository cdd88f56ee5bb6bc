"""What an example prints and draws: sums to check again, and the numbers in cells."""

import itertools
import re
from typing import Any

import numpy as np
import pytest

ARITHMETIC = re.compile(r"[-+*/^(). 0-9]*\d[-+*/^(). 0-9]*")


def check_sums(text: str, tolerance: float = 1e-9) -> int:
    """Demand that both sides of every printed "3*(-2) + 1 = -5" are equal; return how many there were."""
    count = 0
    for statement in text.replace(": ", "\n").splitlines():
        parts = [part.strip() for part in statement.split(" = ")]
        for left, right in itertools.pairwise(parts):
            if ARITHMETIC.fullmatch(left) and ARITHMETIC.fullmatch(right):
                values = [eval(side.replace("^", "**")) for side in (left, right)]
                assert values[0] == pytest.approx(values[1], abs=tolerance), statement
                count += 1
    return count


def numbers(line: str) -> list[float]:
    """All numbers of a line."""
    return [float(found) for found in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", line.replace("−", "-"))]


def rows(text: str, start: str) -> list[list[float]]:
    """The numbers of every line that begins with ``start``."""
    return [numbers(line.removeprefix(start)) for line in text.splitlines() if line.startswith(start)]


def cells(figure: Any, title: str) -> np.ndarray:
    """The numbers in the cells of all blocks with ``title``, one after the other."""
    found = [text for text in texts(figure) if text.get_gid() == title]
    return np.array([float(text.get_text().replace("−", "-")) for text in found])


def texts(figure: Any) -> list[Any]:
    """All texts in the axes of a figure and its subfigures."""
    return [text for axes in all_axes(figure) for text in axes.texts]


def all_axes(figure: Any) -> list[Any]:
    """All axes of a figure and its subfigures."""
    return [*figure.axes, *(axes for part in figure.subfigs for axes in part.axes if axes not in figure.axes)]


def all_words(figure: Any) -> str:
    """Everything written in the axes of a figure."""
    return "\n".join(text.get_text() for text in texts(figure))
