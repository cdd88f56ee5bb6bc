"""Convolution of a 12-megapixel image beside scipy.ndimage, scipy.signal and torch.

All contenders get the same float32 image and kernel with zero padding, and must agree with scipy.signal's float64
result. Kernels are random (full rank) or Gaussian (rank 1); for a Gaussian the other libraries may also use two passes
of one dimension. Contenders take turns. A ratio is the time of a library's fastest method divided by that of decanet.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage, signal

from decanet.benchmarking.timing import about, conditions, markdown_table, take_turns
from decanet.convolution.images import cheapest_method, correlate
from decanet.core.errors import UsageError
from decanet.core.progress import Report

Contender = Callable[[], np.ndarray]
LIBRARIES = ("scipy.ndimage", "scipy.signal", "torch")
KERNEL_SIZES = (3, 15, 61)
TOLERANCE = 1e-5  # largest difference from the float64 result, as a fraction of the kernel's absolute sum


def measure(
    report: Report,
    *,
    height: int = 3000,
    width: int = 4000,
    rounds: int = 7,
    patience: float = 5.0,
    kernel_sizes: Sequence[int] = KERNEL_SIZES,
) -> dict[str, Any]:
    """Time a random and a Gaussian kernel of each size, in ``rounds`` rounds.

    A contender whose warm-up takes more than ``patience`` seconds is not run again; the time of its warm-up counts.

    Raises:
        UsageError: no round, or an image without pixels.
        ArithmeticError: a contender's result is wrong.
    """
    if min(height, width, rounds) < 1:
        raise UsageError(f"{rounds} rounds on {width}x{height} pixels: each must be at least 1")
    image = np.random.default_rng(0).random((height, width), dtype=np.float32)
    measured: dict[str, Any] = {**conditions(), "shape": [height, width], "kernels": []}
    kernels = [(size, gaussian) for size in kernel_sizes for gaussian in (False, True)]
    for index, (size, gaussian) in enumerate(kernels):
        report.progress("measuring kernels", index, len(kernels), "kernels")
        measured["kernels"].append(_measure_kernel(image, size, gaussian, rounds, patience))
    report.progress("measuring kernels", len(kernels), len(kernels), "kernels")
    return measured


def _measure_kernel(
    image: np.ndarray, size: int, gaussian: bool, rounds: int, patience: float
) -> dict[str, Any]:
    line = None
    if gaussian:
        bell = signal.windows.gaussian(size, size / 6)
        line = (bell / bell.sum()).astype(np.float32)
        kernel = np.outer(line, line)
    else:
        kernel = np.random.default_rng(size).standard_normal((size, size)).astype(np.float32)
    exact = signal.oaconvolve(image.astype(np.float64), kernel[::-1, ::-1].astype(np.float64), mode="same")
    ways, seconds, errors = contenders(image, kernel, line), {}, {}
    for name, convolve in ways.items():
        start = time.perf_counter()
        result = convolve()
        seconds[name] = [time.perf_counter() - start]
        errors[name] = float(abs(result - exact).max() / abs(kernel).sum())
        if errors[name] > TOLERANCE:
            raise ArithmeticError(f"{name} differs by {errors[name]:.2g} of the kernel's absolute sum")
    quick = {name: convolve for name, convolve in ways.items() if seconds[name][0] <= patience}
    seconds |= take_turns(quick, rounds)
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    fastest = {
        library: min(median for name, median in medians.items() if name.startswith(library))
        for library in LIBRARIES
    }
    return {
        "kernel": f"{size}x{size} {'gaussian' if gaussian else 'random'}",
        "method": cheapest_method(kernel),
        "median_seconds": medians,
        "rounds": {name: len(values) for name, values in seconds.items()},
        "relative_error": errors,
        "ratio": {library: median / medians["decanet"] for library, median in fastest.items()},
    }


def contenders(image: np.ndarray, kernel: np.ndarray, line: np.ndarray | None) -> dict[str, Contender]:
    """Return the contenders by name; ``line`` is the one dimension of a Gaussian ``kernel``, else None."""
    flipped = kernel[::-1, ::-1]
    ways: dict[str, Contender] = {
        "decanet": lambda: correlate(image, kernel),
        "scipy.ndimage.correlate": lambda: ndimage.correlate(image, kernel, mode="constant"),
        "scipy.signal.fftconvolve": lambda: signal.fftconvolve(image, flipped, mode="same"),
        "scipy.signal.oaconvolve": lambda: signal.oaconvolve(image, flipped, mode="same"),
        "torch.nn.functional.conv2d": lambda: _conv2d(image, kernel),
    }
    if line is not None:
        ways["scipy.ndimage.correlate1d, two passes"] = lambda: ndimage.correlate1d(
            ndimage.correlate1d(image, line, axis=0, mode="constant"), line, axis=1, mode="constant"
        )
        ways["torch.nn.functional.conv2d, two passes"] = lambda: _conv2d(image, line[:, None], line[None])
    return ways


def _conv2d(image: np.ndarray, *kernels: np.ndarray) -> np.ndarray:
    x = torch.from_numpy(image)[None, None]
    for kernel in kernels:
        x = F.conv2d(x, torch.from_numpy(np.ascontiguousarray(kernel))[None, None], padding="same")
    return x[0, 0].numpy()


def table(measured: dict[str, Any]) -> str:
    """Format the measurements as Markdown."""
    rows = [
        {
            "kernel": row["kernel"],
            "decanet's method": row["method"],
            "decanet, s": f"{row['median_seconds']['decanet']:.3f}",
            **{f"{library}, ratio": f"{row['ratio'][library]:.2f}" for library in LIBRARIES},
        }
        for row in measured["kernels"]
    ]
    height, width = measured["shape"]
    return (
        f"{markdown_table(rows)}\n\nCorrelation of an image of {width}x{height} pixels, float32; medians. A ratio is "
        f"the time of the library's fastest method divided by that of decanet.\n\n{about(measured)}"
    )
