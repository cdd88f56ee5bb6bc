"""From the spelling of a kernel to its weights, and the words that describe a kernel in a figure."""

from pathlib import Path

import numpy as np

from decanet.convolution._kernel_input import check_kernel, from_csv, from_json, from_npy
from decanet.convolution.kernels import ALIASES, BANKS, KERNELS, Kernel
from decanet.core.errors import UsageError, did_you_mean


def find_kernels(spelling: str) -> dict[str, np.ndarray]:
    """Return the kernels of a spelling by name: one, or several for a bank.

    Args:
        spelling: a name (``sobel_x``, or the tutorial's ``surbo_1``), a name with parameters
            (``gaussian:sigma=2.5``), rows of weights in JSON (``[[0,-1,0],[-1,5,-1],[0,-1,0]]``), or the path of a
            ``.csv`` or ``.npy`` file. No text is evaluated as code.

    Returns:
        Float64 weights by name: a kernel (kh, kw), or from JSON or a file also a filter (C, kh, kw).

    Raises:
        UsageError: the name or a parameter is unknown, or the weights are no kernel.
        DataError: the file cannot be read.
    """
    spelling = spelling.strip()
    if spelling.startswith("["):
        return {"own kernel": check_kernel(from_json(spelling), "the kernel in JSON")}
    path = Path(spelling)
    if path.suffix.lower() in {".csv", ".npy"}:
        values = from_npy(path) if path.suffix.lower() == ".npy" else from_csv(path)
        return {path.name: check_kernel(values, f"kernel file {path}")}
    name, _, text = spelling.partition(":")
    entry = _entry_of(spelling)
    if entry is None:
        hint = did_you_mean(name, [*KERNELS, *BANKS, *ALIASES]) or " (decanet convolve image list shows all)"
        raise UsageError(f"unknown kernel {name!r}{hint}")
    built = entry.build(**_parameters(entry, text))
    several = built if isinstance(built, dict) else {spelling: built}
    return {one: check_kernel(weights, f"kernel {one}") for one, weights in several.items()}


def find_kernel(spelling: str) -> np.ndarray:
    """Return the weights of one kernel; see :func:`find_kernels`. Raises UsageError for a bank as well."""
    found = find_kernels(spelling)
    if len(found) > 1:
        raise UsageError(
            f"{spelling} is a bank of {len(found)} kernels; choose one, for instance {next(iter(found))}"
        )
    return next(iter(found.values()))


def find_single_kernel(spelling: str) -> np.ndarray:
    """Return the weights (kh, kw) of one kernel. Raises UsageError for a bank, and for a filter (C, kh, kw)."""
    weights = find_kernel(spelling)
    if weights.ndim == 3:
        raise UsageError(
            f"{spelling} is a filter of {len(weights)} kernels, one for each channel; give a single kernel (kh, kw)"
        )
    return weights


def describe(spelling: str) -> str:
    """Return the name and the effect of a kernel for the title of a figure; only the name where it is not known."""
    entry = _entry_of(spelling)
    return f"{spelling}: {entry.does.removesuffix('.')}" if entry else spelling


def purpose_of(spelling: str) -> str:
    """Return the group of a kernel, one of ``PURPOSES``; empty where it is not known."""
    entry = _entry_of(spelling)
    return entry.purpose if entry else ""


def describe_sum(weights: np.ndarray) -> str:
    """Return the sum of the weights and its effect on flat areas, in words."""
    total = round(float(weights.sum()), 6) + 0.0
    if total == 0:
        return "sum 0:\nflat areas give 0"
    if total == 1:
        return "sum 1:\nflat areas keep their value"
    return f"sum {total:.3g}:\nflat areas give {total:.3g} × their value".replace("-", "−")


def _entry_of(spelling: str) -> Kernel | None:
    name = spelling.partition(":")[0]
    return (KERNELS | BANKS).get(ALIASES.get(name, name))


def _parameters(entry: Kernel, text: str) -> dict[str, int | float]:
    known = entry.parameters
    given: dict[str, int | float] = {}
    for part in text.split(",") if text else ():
        key, _, value = (piece.strip() for piece in part.partition("="))
        if key not in known:
            example = ",".join(f"{k}={v:g}" for k, v in known.items())
            hint = did_you_mean(key, known) or (f" (it has {example})" if known else " (it has none)")
            raise UsageError(f"kernel {entry.name} has no parameter {key!r}{hint}")
        kind = type(known[key])
        try:
            given[key] = kind(value)
        except ValueError:
            sort = "an integer" if kind is int else "a number"
            raise UsageError(f"kernel {entry.name}: {key} must be {sort}, got {value!r}") from None
    return given
