"""Layers of a sliding window: convolution, maximum pooling and average pooling.

They share one idea. :func:`unfold` lays the windows of an image side by side, so that a layer is a matrix product, or a
maximum or mean along an axis. Unfolding only copies pixels; its derivative, :func:`fold`, adds the gradients of all
copies of a pixel.
"""

import math

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from decanet.convolution.arithmetic import Window, check_groups, output_size
from decanet.convolution.reference.layer import Array, Layer, Pair, check_images, pair
from decanet.core.errors import UsageError

Windows = tuple[Window, Window]  # one for the rows, one for the columns


def unfold(x: Array, windows: Windows, fill: float = 0.0) -> Array:
    """Extract all windows of an image: (N, C, H, W) -> (N, C, KH, KW, OH, OW); ``fill`` is the padding value.

    The result is a view in which windows overlap in memory.
    """
    rows, columns = windows
    ends = [max(0, _reach(size, w) - size - w.padding) for size, w in zip(x.shape[2:], windows)]
    widths = [(w.padding, end) for w, end in zip(windows, ends)]  # padded as far as the last window reads
    padded = np.pad(x, [(0, 0), (0, 0), *widths], constant_values=fill)
    view = sliding_window_view(padded, (rows.span, columns.span), axis=(2, 3))
    view = view[:, :, :: rows.stride, :: columns.stride, :: rows.dilation, :: columns.dilation]
    return view.transpose(0, 1, 4, 5, 2, 3)


def fold(patches: Array, size: tuple[int, int], windows: Windows) -> Array:
    """Sum windows to an image, the transpose of ``unfold``: (N, C, KH, KW, OH, OW) -> (N, C, H, W); ``size`` is (H, W).

    A pixel in k windows is the sum of k values; a pixel in no window is 0.
    """
    rows, columns = windows
    n, channels, kernel_h, kernel_w, out_h, out_w = patches.shape
    height, width = (max(w.padding + s, _reach(s, w)) for s, w in zip(size, windows))
    x = np.zeros((n, channels, height, width), patches.dtype)
    for i in range(kernel_h):
        for j in range(kernel_w):
            top, left = i * rows.dilation, j * columns.dilation
            bottom, right = top + rows.stride * out_h, left + columns.stride * out_w
            x[:, :, top : bottom : rows.stride, left : right : columns.stride] += patches[:, :, i, j]
    return x[:, :, rows.padding : rows.padding + size[0], columns.padding : columns.padding + size[1]]


def _reach(size: int, window: Window) -> int:
    """Return the number of positions from the start of the padding to the end of the last window."""
    return (output_size(size, window) - 1) * window.stride + window.span


class Convolution(Layer):
    """y[n, o, u, v] = bias[o] + sum over c, i, j of weight[o, c, i, j] * x[n, c, row(u, i), column(v, j)].

    Here row(u, i) = u * stride - padding + i * dilation; likewise for the columns.

    Forward: each window is one column of a matrix (``im2col``), each filter one row of another, and their product holds
    all sums. With groups, the channels are divided into equal parts, each with a product of its own.

    Backward: y is linear in both factors, so each gradient is dL/dy times the other factor.

    - A weight is used in every window: its gradient is the sum of grad * pixel over all of them (grad @ patches^T).
    - The gradient of the pixels of a window is grad * weight (weight^T @ grad), and ``fold`` sums over the windows that
      contain a pixel; for stride 1 this is again a convolution, with the kernel flipped.
    - The bias is added to every output pixel: its gradient is the sum of grad.

    ``weight`` is (O, C/groups, KH, KW), ``bias`` (O,) or None; the rest is a number or (rows, columns).
    Raises UsageError for impossible settings, DataError in ``forward`` for images that do not fit.
    """

    def __init__(
        self, weight: Array, bias: Array | None = None,
        stride: Pair = 1, padding: Pair = 0, dilation: Pair = 1, groups: int = 1,
    ) -> None:  # fmt: skip
        if weight.ndim != 4:
            raise UsageError(f"weight must have the shape (O, C/groups, KH, KW), got {weight.shape}")
        if bias is not None and bias.shape != weight.shape[:1]:
            raise UsageError(
                f"bias must have the shape ({len(weight)},), one for each filter, got {bias.shape}"
            )
        super().__init__(weight=weight, **({} if bias is None else {"bias": bias}))
        self.groups = groups
        self.in_channels = weight.shape[1] * groups
        check_groups(self.in_channels, weight.shape[0], groups)
        settings = zip(weight.shape[2:], pair(stride), pair(padding), pair(dilation))
        rows, columns = (Window(*axis) for axis in settings)
        self.windows = rows, columns

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, O, OH, OW)
        check_images(x, self.in_channels)
        self.size = x.shape[2:]
        patches = unfold(x, self.windows)
        self.unfolded = patches.shape
        # The reshape copies: for each group, a matrix with one window in each column.
        self.patches = patches.reshape(len(x), self.groups, -1, math.prod(patches.shape[4:]))
        y = (self._filters() @ self.patches).reshape(len(x), -1, *patches.shape[4:])
        return y + self.params["bias"][:, None, None] if "bias" in self.params else y

    def backward(self, grad: Array) -> Array:  # (N, O, OH, OW) -> (N, C, H, W)
        if "bias" in self.params:
            self.grads["bias"] = grad.sum(axis=(0, 2, 3))
        grad = grad.reshape(len(grad), self.groups, -1, self.patches.shape[3])  # (N, G, O/G, OH*OW)
        weight_grad = (grad @ self.patches.swapaxes(2, 3)).sum(axis=0)
        self.grads["weight"] = weight_grad.reshape(self.params["weight"].shape)
        patches = self._filters().swapaxes(1, 2) @ grad  # (N, G, C/G*KH*KW, OH*OW)
        return fold(patches.reshape(self.unfolded), self.size, self.windows)

    def _filters(self) -> Array:
        """Return for each group a matrix with one filter in each row: (G, O/G, C/G*KH*KW)."""
        weight = self.params["weight"]
        return weight.reshape(self.groups, len(weight) // self.groups, -1)


class _Pooling(Layer):
    """Pooling of each channel separately, without weights."""

    def __init__(
        self, kernel: Pair, stride: Pair | None = None, padding: Pair = 0, ceil_mode: bool = False, dilation: Pair = 1
    ) -> None:  # fmt: skip
        super().__init__()
        steps = pair(kernel if stride is None else stride)
        settings = zip(pair(kernel), steps, pair(padding), pair(dilation))
        rows, columns = (Window.pooling(*axis, ceil_mode=ceil_mode) for axis in settings)
        self.windows = rows, columns


class MaxPooling(_Pooling):
    """y = the maximum of the window; the padding is minus infinity.

    Backward: dy/dx is 1 for the maximum and 0 for all other pixels, so the maximum receives all of grad (the first of
    several equal ones). A pixel that is the maximum of several overlapping windows receives the sum.
    """

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, C, OH, OW)
        check_images(x)
        self.size = x.shape[2:]
        patches = unfold(x, self.windows, fill=-np.inf)
        self.unfolded = patches.shape
        patches = self._flat(patches)
        self.maximum = patches.argmax(axis=2, keepdims=True)
        return np.take_along_axis(patches, self.maximum, axis=2).squeeze(2)

    def backward(self, grad: Array) -> Array:  # (N, C, OH, OW) -> (N, C, H, W)
        patches = np.zeros(self.unfolded, grad.dtype)
        np.put_along_axis(self._flat(patches), self.maximum, grad[:, :, None], axis=2)
        return fold(patches, self.size, self.windows)

    @staticmethod
    def _flat(patches: Array) -> Array:
        """(N, C, KH, KW, OH, OW) -> (N, C, KH*KW, OH, OW)."""
        n, channels, _, _, out_h, out_w = patches.shape
        return patches.reshape(n, channels, -1, out_h, out_w)


class AveragePooling(_Pooling):
    """y = the mean of the window; the padding counts as zeros, as in PyTorch, which has no dilation here.

    Backward: y = sum / count, so dy/dx is 1 / count for each pixel of the window.
    """

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, C, OH, OW)
        check_images(x)
        self.size = x.shape[2:]
        patches = unfold(x, self.windows)
        self.unfolded = patches.shape
        # Positions of a last window beyond the padding (ceil_mode) do not count.
        height, width = (self._count(n, w) for n, w in zip(self.size, self.windows))
        self.count = np.outer(height, width).astype(x.dtype)  # (OH, OW)
        return patches.sum(axis=(2, 3)) / self.count

    def backward(self, grad: Array) -> Array:  # (N, C, OH, OW) -> (N, C, H, W)
        patches = np.broadcast_to((grad / self.count)[:, :, None, None], self.unfolded)
        return fold(patches, self.size, self.windows)

    @staticmethod
    def _count(size: int, window: Window) -> Array:
        first = np.arange(output_size(size, window)) * window.stride - window.padding
        inside = first[:, None] + np.arange(window.kernel) * window.dilation < size + window.padding
        return inside.sum(axis=1)
