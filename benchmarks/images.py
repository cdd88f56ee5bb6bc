"""Convolution of a 12-megapixel image, beside scipy.ndimage, scipy.signal and torch, in one run.

    python benchmarks/images.py            # the comparison, written to benchmarks/results/images.json
    python benchmarks/images.py --methods  # each method's cost by kernel size, for images.cheapest_method

All contenders get the same float32 image and kernel, zero padding, and must agree with scipy.signal's
float64 result. Kernels are random (full rank) or a Gaussian (rank 1); for a Gaussian the other libraries may
also use their own two passes. They take turns: after a warm-up, each runs once a round, and the medians are
compared. A ratio is how many times as long as decanet a library's fastest way takes. Contenders slower than
``--patience`` seconds in the warm-up are not run again; that one time counts. For honest numbers the machine
must be idle.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from scipy import ndimage, signal

from decanet.convolution.images import cheapest_method, correlate
from decanet.convolution.kernel_lookup import find_kernel
from decanet.core.files import write_json
from decanet.core.runtime import environment

Work = Callable[[], np.ndarray]


def conv2d(image: np.ndarray, *kernels: np.ndarray) -> np.ndarray:
    """torch's convolution with each of the kernels in turn."""
    x = torch.from_numpy(image)[None, None]
    for kernel in kernels:
        x = F.conv2d(x, torch.from_numpy(np.ascontiguousarray(kernel))[None, None], padding="same")
    return x[0, 0].numpy()


def contenders(image: np.ndarray, kernel: np.ndarray, line: np.ndarray | None) -> dict[str, Work]:
    """What is compared; ``line`` is the Gaussian's one dimension, None for a kernel of full rank."""
    flipped = kernel[::-1, ::-1]
    ways: dict[str, Work] = {
        "decanet": lambda: correlate(image, kernel),
        "scipy.ndimage.correlate": lambda: ndimage.correlate(image, kernel, mode="constant"),
        "scipy.signal.fftconvolve": lambda: signal.fftconvolve(image, flipped, mode="same"),
        "scipy.signal.oaconvolve": lambda: signal.oaconvolve(image, flipped, mode="same"),
        "torch.nn.functional.conv2d": lambda: conv2d(image, kernel),
    }
    if line is not None:
        down = {"axis": 0, "mode": "constant"}
        right = {"axis": 1, "mode": "constant"}
        ways["scipy.ndimage.correlate1d, two passes"] = lambda: ndimage.correlate1d(
            ndimage.correlate1d(image, line, **down), line, **right
        )
        ways["torch.nn.functional.conv2d, two passes"] = lambda: conv2d(image, line[:, None], line[None])
    return ways


def seconds(work: Work) -> float:
    """Wall-clock time of one run."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def compare(image: np.ndarray, image_size: int, separable: bool, repetitions: int, patience: float) -> dict:
    """Times of all contenders for one kernel."""
    line = None
    if separable:
        bell = signal.windows.gaussian(image_size, image_size / 6)
        line = (bell / bell.sum()).astype(np.float32)
        kernel = np.outer(line, line)
    else:
        kernel = (
            np.random.default_rng(image_size).standard_normal((image_size, image_size)).astype(np.float32)
        )
    exact = signal.oaconvolve(image.astype(np.float64), kernel[::-1, ::-1].astype(np.float64), mode="same")
    ways = contenders(image, kernel, line)
    times: dict[str, list[float]] = {}
    errors = {}
    for name, work in ways.items():
        start = time.perf_counter()
        result = work()
        times[name] = [time.perf_counter() - start]
        errors[name] = float(abs(result - exact).max() / abs(kernel).sum())
        if errors[name] > 1e-5:
            raise SystemExit(f"{name} is wrong by {errors[name]:.2g} of the kernel's absolute sum")
    quick = [name for name in ways if times[name][0] <= patience]
    for name in quick:
        times[name] = []  # the first run was the warm-up
    for _ in range(repetitions):
        for name in quick:
            times[name].append(seconds(ways[name]))
    medians = {name: statistics.median(values) for name, values in times.items()}
    libraries = {
        library: min(median for name, median in medians.items() if name.startswith(library))
        for library in ("scipy.ndimage", "scipy.signal", "torch")
    }
    return {
        "kernel": f"{image_size}x{image_size} {'gaussian' if separable else 'random'}",
        "method": cheapest_method(kernel),
        "median_seconds": medians,
        "repetitions": {name: len(values) for name, values in times.items()},
        "relative_error": errors,
        "times_as_long_as_decanet": {name: value / medians["decanet"] for name, value in libraries.items()},
    }


def methods(image: np.ndarray, repetitions: int) -> None:
    """Print nanoseconds a pixel of each method, by kernel size and stride."""
    for image_size in (3, 5, 7, 9, 11, 15, 25, 31, 61, 101, 201):
        for stride in (1, 2):
            kernel = find_kernel(f"box:size={image_size}")
            times = {}
            for method in ("direct", "separable", "fft"):
                if method == "direct" and image_size > 31:
                    continue

                def work(method: str = method) -> np.ndarray:
                    return correlate(image, kernel, method=method, stride=stride)  # noqa: B023

                work()
                times[method] = (
                    statistics.median(seconds(work) for _ in range(repetitions)) / image.size * 1e9
                )
            shown = "  ".join(f"{name} {value:6.2f}" for name, value in times.items())
            print(f"{image_size:>3}x{image_size:<3} stride {stride}  {shown}  ns a pixel", flush=True)


def main() -> None:
    """Run the comparison, or the methods' costs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--methods", action="store_true", help="costs of the methods, not the comparison")
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument(
        "--patience", type=float, default=5.0, help="seconds; slower contenders run once only"
    )
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "images.json")
    options = parser.parse_args()
    image = np.random.default_rng(0).random((options.height, options.width), dtype=np.float32)
    if options.methods:
        methods(image, options.repetitions)
        return
    results = []
    for image_size in (3, 15, 61):
        for separable in (False, True):
            result = compare(image, image_size, separable, options.repetitions, options.patience)
            results.append(result)
            ratios = ", ".join(f"{k} {v:.2f}" for k, v in result["times_as_long_as_decanet"].items())
            ours = result["median_seconds"]["decanet"]
            print(
                f"{result['kernel']:<16} {result['method']:<10} {ours:.3f} s; times as long: {ratios}",
                flush=True,
            )
    report = {
        "date": time.strftime("%Y-%m-%d"),
        "shape": image.shape,
        "results": results,
        "environment": environment(),
    }
    write_json(options.out, report)
    print(f"wrote {options.out}")


if __name__ == "__main__":
    main()
