"""Validation of kernels, and reading them from JSON, CSV and NumPy files."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from decanet.core.errors import DataError, UsageError

MAX_FILE_BYTES = 2**26  # of a kernel file: more than the largest kernel needs
MAX_SIZE = 1023  # of a kernel, in pixels
MAX_WEIGHT = 1e12  # sum of the absolute weights: sums of products stay within the range of float32


def check_kernel(values: Any, what: str = "the kernel") -> np.ndarray:
    """Return ``values`` as float64 weights (kh, kw) or (C, kh, kw). Raises UsageError where they are no kernel."""
    try:
        weights = np.asarray(values)
    except ValueError:
        raise UsageError(f"{what} is ragged: give every row the same number of weights") from None
    if weights.dtype.kind not in "biuf":
        raise UsageError(f"{what} holds values that are not real numbers; give rows of numbers")
    if weights.ndim not in (2, 3):
        raise UsageError(
            f"{what} has {weights.ndim} dimensions; give rows of weights, or a kernel of rows for each channel"
        )
    if weights.size == 0:
        raise UsageError(f"{what} is empty ({_by(weights.shape)}); give at least one weight")
    if max(weights.shape) > MAX_SIZE:
        raise UsageError(f"{what} is {_by(weights.shape)}; the largest kernel size is {MAX_SIZE}")
    weights = weights.astype(np.float64)
    if not np.isfinite(weights).all():
        raise UsageError(f"{what} holds NaN or infinity; give finite weights")
    if (total := abs(weights).max() * weights.size) > MAX_WEIGHT:
        raise UsageError(f"{what} has weights of up to {total / weights.size:.3g}; scale them down")
    return weights


def from_json(text: str) -> Any:
    """Parse rows of weights. Raises UsageError for invalid JSON."""
    try:
        values = json.loads(text)
    except (ValueError, RecursionError):
        example = "[[0,-1,0],[-1,5,-1],[0,-1,0]]"
        raise UsageError(f"the kernel is not valid JSON; write it as {example}") from None
    return values


def from_csv(path: Path) -> list[list[float]]:
    """Read rows of weights. Raises DataError where the file cannot be read."""
    _check_file(path)
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
        return [[float(cell) for cell in row] for row in rows] or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"cannot read kernel file {path}: {error}; give rows of numbers with commas"
        ) from None
    except ValueError as error:
        raise DataError(
            f"kernel file {path}: {error}; give rows of numbers with commas between them"
        ) from None


def from_npy(path: Path) -> np.ndarray:
    """Read one array. Raises DataError where the file cannot be read, or holds pickled objects."""
    _check_file(path)
    try:
        # Memory-mapped, because a false header could state any size; never unpickled.
        values = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError, SyntaxError, OverflowError) as error:
        raise DataError(f"cannot read kernel file {path}: {error}; save it with numpy.save") from None
    if not isinstance(values, np.ndarray):
        raise DataError(f"kernel file {path} is an archive; save one array with numpy.save")
    return values


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise DataError(f"there is no kernel file {path}; check the path")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise DataError(f"kernel file {path} has {path.stat().st_size:,} bytes, too many for a kernel")


def _by(shape: Sequence[int]) -> str:
    return "-by-".join(map(str, shape))
