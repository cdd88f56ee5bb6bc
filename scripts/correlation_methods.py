"""Print the cost of each correlation method by kernel size and stride: the constants of images.cheapest_method.

    python scripts/correlation_methods.py [--height 3000] [--width 4000] [--rounds 7]

Run it on an idle machine.
"""

import argparse
import statistics
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from decanet.benchmarking.timing import take_turns
from decanet.convolution.images import correlate
from decanet.convolution.kernels import find_kernel

SIZES = (3, 5, 7, 9, 11, 15, 25, 31, 61, 101, 201)
LARGEST_DIRECT = 31  # the direct method takes minutes with larger kernels


def costs(image: np.ndarray, rounds: int) -> Iterator[tuple[int, int, dict[str, float]]]:
    """Yield kernel size, stride and the nanoseconds per pixel of each method."""
    for size in SIZES:
        kernel = find_kernel(f"box:size={size}")
        methods = ("direct", "separable", "fft") if size <= LARGEST_DIRECT else ("separable", "fft")
        for stride in (1, 2):
            work: dict[str, Callable[[], object]] = {
                method: partial(correlate, image, kernel, method=method, stride=stride) for method in methods
            }
            take_turns(work, 1)  # warm-up
            seconds = take_turns(work, rounds)
            yield size, stride, {name: statistics.median(s) / image.size * 1e9 for name, s in seconds.items()}


def main() -> None:
    """Measure and print a line for each kernel size and stride."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--height", type=int, default=3000)
    parser.add_argument("--width", type=int, default=4000)
    parser.add_argument("--rounds", type=int, default=7)
    given = parser.parse_args()
    image = np.random.default_rng(0).random((given.height, given.width), dtype=np.float32)
    for size, stride, nanoseconds in costs(image, given.rounds):
        columns = "  ".join(f"{method} {value:6.2f}" for method, value in nanoseconds.items())
        print(f"{size:>3}x{size:<3} stride {stride}  {columns}  ns per pixel", flush=True)


if __name__ == "__main__":
    main()
