"""A kernel at one position on an image: the patch beneath it, the products and their sum.

Gray values are rounded to hundredths, so that each printed number follows from those before it.
"""

from collections.abc import Sequence

import numpy as np

from decanet.convolution.filtering import Convolved, Setting
from decanet.core.errors import UsageError

Position = tuple[int, int]  # row and column of the result
FRAMES = 36


class SlidingWindow:
    """Kernel on an image, in rounded numbers that are consistent as printed."""

    def __init__(self, image: np.ndarray, weights: np.ndarray, setting: Setting) -> None:
        flipped = weights if setting.correlated else weights[::-1, ::-1]
        self.weights = flipped.round(3)
        integer = np.array_equal(self.weights, self.weights.round())
        self.decimals = 2 if integer else 3  # of the products and their sum
        self.weight_decimals = None if np.array_equal(self.weights, self.weights.round(2)) else 3
        self._setting = setting
        self._spans = setting.spans(weights)
        self._padded = setting.pad(image.astype(np.float64).round(2), weights)

    def patch(self, row: int, column: int) -> np.ndarray:
        """Return the pixels beneath the kernel, (kh, kw)."""
        rows, columns = (
            slice(number * stride, number * stride + span + 1, apart)
            for number, stride, span, apart in zip(
                (row, column), self._setting.strides, self._spans, self._setting.dilations
            )
        )
        return self._padded[rows, columns]

    def products(self, row: int, column: int) -> np.ndarray:
        """Return the products of patch and kernel as printed, (kh, kw); for integer weights they are exact."""
        return (self.patch(row, column) * self.weights).round(self.decimals)


def check_positions(positions: Sequence[Position], done: Convolved) -> None:
    """Raise UsageError for a position outside the result."""
    rows, columns = done.values.shape
    for row, column in positions:
        if not (0 <= row < rows and 0 <= column < columns):
            raise UsageError(
                f"position {row},{column} lies outside the result, which has {rows} rows and {columns} columns"
            )


def default_positions(done: Convolved) -> dict[Position, str]:
    """Return the greatest and the least response inside the image, a corner and the center, each with a description."""
    height, width = done.values.shape
    top, left = done.inner[0].indices(height)[0], done.inner[1].indices(width)[0]
    peaks = (np.unravel_index(i, done.inside.shape) for i in (done.inside.argmax(), done.inside.argmin()))
    greatest, least = [(int(row) + top, int(column) + left) for row, column in peaks]
    chosen = {(height // 2, width // 2): "in the center"}
    if (top, left) != (0, 0):
        chosen = {(0, 0): "in the corner, over the padding"} | chosen
    return {greatest: "at the greatest response", least: "at the least response"} | chosen


def scan_positions(done: Convolved) -> list[Position]:
    """Return the strongest response of each of ``FRAMES`` bands of rows, without padding, from top to bottom."""
    strength = np.full(done.values.shape, -1.0)
    strength[done.inner] = abs(done.inside)
    bands = np.array_split(np.arange(len(strength)), min(FRAMES, len(strength)))
    strongest = [(band[0], np.unravel_index(strength[band].argmax(), strength[band].shape)) for band in bands]
    return [(int(top + row), int(column)) for top, (row, column) in strongest]
