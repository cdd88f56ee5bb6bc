"""Filtering of images with kernels of the collection or of one's own: settings, results and their summary."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from decanet.convolution.images import Padding, Steps, cheapest_method, convolve, correlate, pad_planes, pair
from decanet.convolution.kernel_lookup import find_kernels


@dataclass(frozen=True)
class Convolved:
    """Result of an image and one kernel.

    Attributes:
        name: of the kernel.
        weights: a kernel (kh, kw), or a filter (C, kh, kw) with one kernel for each channel.
        values: (H, W) or (H, W, 3).
        inner: rows and columns of ``values`` for which the kernel lies inside the image.
    """

    name: str
    weights: np.ndarray
    values: np.ndarray
    inner: tuple[slice, slice] = (slice(None), slice(None))

    @property
    def inside(self) -> np.ndarray:
        """The values that do not depend on the padding."""
        return self.values[self.inner]


@dataclass(frozen=True)
class Setting:
    """Operation, padding, stride and dilation, as in :func:`~decanet.convolution.images.correlate`."""

    padding: Padding = "zero"
    stride: int | Steps = 1
    dilation: int | Steps = 1
    correlated: bool = True

    @property
    def word(self) -> str:
        """The name of the operation."""
        return "cross-correlation" if self.correlated else "convolution"

    @property
    def strides(self) -> Steps:
        """The stride (down, right)."""
        return pair(self.stride, "stride")

    @property
    def dilations(self) -> Steps:
        """The dilation (down, right)."""
        return pair(self.dilation, "dilation")

    @property
    def options(self) -> str:
        """Padding, stride and dilation in words."""
        steps = f"stride {_in_words(self.strides)}, dilation {_in_words(self.dilations)}"
        return f"padding {self.padding}, {steps}"

    @property
    def caption(self) -> str:
        """The operation and its options as a sentence."""
        how = "as conv2d in CNN libraries" if self.correlated else "the kernel is flipped"
        return f"{self.word.capitalize()} ({how}), {self.options}."

    def apply(self, image: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return the values of the convolution, or of the cross-correlation."""
        operation = correlate if self.correlated else convolve
        return operation(image, weights, padding=self.padding, stride=self.stride, dilation=self.dilation)

    def result(self, name: str, image: np.ndarray, weights: np.ndarray) -> Convolved:
        """Convolve or cross-correlate ``image`` with the kernel ``weights`` of that name."""
        values = self.apply(image, weights)
        sizes = zip(image.shape, values.shape, self.spans(weights), self.before(weights), self.strides)
        rows, columns = (_inner(*size) for size in sizes)
        return Convolved(name, weights, values, (rows, columns))

    def spans(self, weights: np.ndarray) -> list[int]:
        """Return the distance in pixels from the first weight of a kernel to the last, down and across."""
        return [apart * (n - 1) for apart, n in zip(self.dilations, weights.shape[-2:])]

    def before(self, weights: np.ndarray) -> list[int]:
        """Return the padding above and to the left of the image."""
        if self.padding == "none":
            return [0, 0]
        return [(span + (not self.correlated)) // 2 for span in self.spans(weights)]

    def pad(self, image: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Return an image (H, W) with the padding that ``weights`` need."""
        return pad_planes(image[None], self.spans(weights), self.padding, not self.correlated)[0]


def _inner(pixels: int, results: int, span: int, before: int, stride: int) -> slice:
    """Return the results along one axis for which the kernel lies inside the image."""
    first = -(-before // stride)
    stop = min(results, (pixels - 1 - span + before) // stride + 1)
    # A kernel as large as the image reaches into the padding everywhere.
    return slice(first, stop) if first < stop else slice(0, results)


def _in_words(steps: Steps) -> str:
    return str(steps[0]) if steps[0] == steps[1] else f"{steps[0]} down and {steps[1]} right"


def filter_image(image: np.ndarray, spellings: Sequence[str], setting: Setting) -> list[Convolved]:
    """Apply the kernels that ``spellings`` mean (see :func:`find_kernels`), each to the image itself.

    Args:
        image: (H, W) or (H, W, 3).
        spellings: names of kernels or of banks, kernels in JSON, or paths of kernel files.
        setting: how the kernels are moved.
    """
    kernels = {name: weights for spelling in spellings for name, weights in find_kernels(spelling).items()}
    return [setting.result(name, image, weights) for name, weights in kernels.items()]


def stacked_values(results: Sequence[Convolved]) -> np.ndarray:
    """Return the values of one result, (H, W) or (H, W, 3), or of K results along a new first axis."""
    return results[0].values if len(results) == 1 else np.stack([done.values for done in results])


def summarize(done: Convolved, setting: Setting) -> dict[str, Any]:
    """Return a result's kernel, operation, method of computation, shape and statistics, ready for JSON."""
    weights = done.weights if done.weights.ndim == 2 else done.weights[0]
    return {
        "kernel": done.name,
        "weights": done.weights.tolist(),
        "operation": setting.word,
        "padding": setting.padding,
        "stride": setting.stride,
        "dilation": setting.dilation,
        "method": cheapest_method(weights, stride=setting.stride, dilation=setting.dilation),
        "shape": [*done.values.shape],
        "minimum": float(done.values.min()),
        "maximum": float(done.values.max()),
        "mean": float(done.values.mean(dtype="float64")),
        "std": float(done.values.std(dtype="float64")),
    }
