"""Images as matrices: the numbers of a small crop, its three channels, and what is left when pixels change places.

A gray image is a matrix of brightnesses, a color image three of them. The order of the numbers makes the image: the
same pixels shuffled have the same histogram, and look like a random matrix, like snow.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decanet.core.errors import UsageError

Array = NDArray[np.float64]
SIZE = 8  # rows and columns of the crop
LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True, eq=False)
class Matrices:
    """An image as numbers.

    Attributes:
        image: (H, W, 3) in 0..1.
        at: row and column of the crop's first pixel.
        crop: (8, 8, 3), integers 0..255.
        crop_gray: (8, 8), the brightness of the crop, integers 0..255.
        shuffled: (H, W, 3), the same pixels in random order.
        noise: (H, W), independent uniform numbers in 0..1.
        neighbors: correlation of horizontal neighbors in the brightness of the image, of the shuffled one and of the
            noise.
    """

    image: Array
    at: tuple[int, int]
    crop: NDArray[np.int64]
    crop_gray: NDArray[np.int64]
    shuffled: Array
    noise: Array
    neighbors: tuple[float, float, float]


def as_matrices(image: Array, at: tuple[int, int] | None = None, seed: int = 0) -> Matrices:
    """Show an image as numbers.

    Args:
        image: (H, W, 3) in 0..1, at least 8x8 pixels.
        at: row and column of the crop's first pixel; by default where the brightness varies most.
        seed: of the order and of the noise.

    Raises:
        UsageError: the image is too small, or the crop does not lie inside it.
    """
    height, width = image.shape[:2]
    if min(height, width) < SIZE:
        raise UsageError(f"the image has {height}x{width} pixels; the crop needs {SIZE}x{SIZE}")
    gray = image @ LUMA
    top, left = _most_varied(gray) if at is None else at
    if not (0 <= top <= height - SIZE and 0 <= left <= width - SIZE):
        raise UsageError(
            f"a crop of {SIZE}x{SIZE} pixels at row {top}, column {left} does not lie inside {height}x{width} pixels"
        )
    random = np.random.default_rng(seed)
    shuffled = random.permutation(image.reshape(-1, 3)).reshape(image.shape)
    noise = random.random((height, width))
    window = (slice(top, top + SIZE), slice(left, left + SIZE))
    return Matrices(
        image,
        (top, left),
        np.rint(255 * image[window]).astype(int),
        np.rint(255 * gray[window]).astype(int),
        shuffled,
        noise,
        (neighbors(gray), neighbors(shuffled @ LUMA), neighbors(noise)),
    )


def neighbors(gray: Array) -> float:
    """Return the correlation of horizontally neighboring pixels of a gray image (H, W)."""
    one, other = gray[:, :-1].ravel(), gray[:, 1:].ravel()
    return float(np.corrcoef(one, other)[0, 1]) if one.std() > 0 and other.std() > 0 else 1.0


def _most_varied(gray: Array) -> tuple[int, int]:
    """The window of largest variance, on a grid of half its size."""
    from numpy.lib.stride_tricks import sliding_window_view

    step = SIZE // 2
    windows = sliding_window_view(gray, (SIZE, SIZE))[::step, ::step]
    row, column = np.unravel_index(windows.var(axis=(2, 3)).argmax(), windows.shape[:2])
    return int(row) * step, int(column) * step
