"""The layers of a convolutional network in NumPy, forward and backward: what a framework does inside.

Training needs the derivative of one number, the loss L, by every weight. Each layer is a function y = f(x,
weights), and the chain rule lets each do its part alone: given dL/dy from the layer above, it computes

    dL/dx        = sum over all y of  dL/dy * dy/dx            handed down to the layer below
    dL/dweights  = sum over all y of  dL/dy * dy/dweights      kept, for the optimizer

So a layer here is a ``forward`` that remembers what it will need, and a ``backward`` that takes dL/dy (called
``grad``, of y's shape) and returns dL/dx (of x's). The docstrings say how the gradient flows through each.

Convolution and pooling share one idea. ``unfold`` lays the windows of an image side by side, so that the
layer is a matrix product, or a maximum along an axis. It only copies pixels; so its derivative, ``fold``,
adds what arrives at the copies back to the pixel they came from.

Images are (N, C, H, W) floats; every layer keeps their precision. As everywhere in deep learning,
"convolution" is the cross-correlation: the kernel is not flipped.
"""

import math
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from decanet.convolution.arithmetic import Window, check_groups, output_size
from decanet.core.errors import DataError, UsageError

Array = NDArray[Any]
Windows = tuple[Window, Window]  # one for the rows, one for the columns
Pair = int | tuple[int, int]  # one number for both, or (rows, columns)


class Layer:
    """A function that can be run backwards.

    Attributes:
        params: the learned arrays by name; an optimizer changes them in place.
        grads: dL/dparam for each, of the last ``backward``.
        training: dropout and batch normalization behave differently when it is False.
    """

    def __init__(self, **params: Array) -> None:
        self.params = params
        self.grads: dict[str, Array] = {}
        self.training = True

    def forward(self, x: Array) -> Array:
        """y = f(x). Raises DataError where the shape of x does not fit."""
        raise NotImplementedError

    def backward(self, grad: Array) -> Array:
        """dL/dx from ``grad`` = dL/dy, for the x of the last ``forward``; fills ``grads``."""
        raise NotImplementedError


def unfold(x: Array, windows: Windows, fill: float = 0.0) -> Array:
    """All windows of an image side by side: (N, C, H, W) -> (N, C, KH, KW, OH, OW); ``fill`` is the padding.

    The result is a view in which many windows show the same memory: nothing is copied yet.
    """
    rows, columns = windows
    ends = [max(0, _reach(size, w) - size - w.padding) for size, w in zip(x.shape[2:], windows)]
    sides = [(w.padding, end) for w, end in zip(windows, ends)]  # the end is padded as far as a window reads
    padded = np.pad(x, [(0, 0), (0, 0), *sides], constant_values=fill)
    view = sliding_window_view(padded, (rows.span, columns.span), axis=(2, 3))
    view = view[:, :, :: rows.stride, :: columns.stride, :: rows.dilation, :: columns.dilation]
    return view.transpose(0, 1, 4, 5, 2, 3)


def fold(patches: Array, size: tuple[int, int], windows: Windows) -> Array:
    """The transpose of ``unfold``: (N, C, KH, KW, OH, OW) -> (N, C, H, W), where ``size`` is (H, W).

    A pixel that k windows read receives the sum of k values; one that no window read receives 0.
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
    """Places from the start of the padding to the end of the last window."""
    return (output_size(size, window) - 1) * window.stride + window.span


class Convolution(Layer):
    """y[n, o, u, v] = bias[o] + sum over c, i, j of weight[o, c, i, j] * x[n, c, row(u, i), column(v, j)].

    There row(u, i) = u * stride - padding + i * dilation; likewise the columns.

    Forward: each window is one column of a matrix (``im2col``), each kernel one row of another, and their
    product holds all sums. With groups, the channels fall into equal parts that each have their own product.

    Backward: y is linear in both factors, so each gradient is dL/dy times the other factor.

    - A weight was used in every window: it gathers grad * pixel over all of them (grad @ patches^T).
    - A window's pixels receive grad * weight (weight^T @ grad), and ``fold`` sums over the windows that
      share a pixel; for stride 1 this is again a convolution, with the kernel flipped.
    - The bias was added to every place: it gathers the sum of grad.

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
            raise UsageError(f"bias must have the shape ({len(weight)},), one a kernel, got {bias.shape}")
        super().__init__(weight=weight, **({} if bias is None else {"bias": bias}))
        self.groups = groups
        self.in_channels = weight.shape[1] * groups
        check_groups(self.in_channels, weight.shape[0], groups)
        settings = zip(weight.shape[2:], _pair(stride), _pair(padding), _pair(dilation))
        rows, columns = (Window(*axis) for axis in settings)
        self.windows = rows, columns

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, O, OH, OW)
        _check_images(x, self.in_channels)
        self.size = x.shape[2:]
        patches = unfold(x, self.windows)
        self.unfolded = patches.shape
        # The reshape makes the copy: for each group a matrix with one window a column.
        self.patches = patches.reshape(len(x), self.groups, -1, math.prod(patches.shape[4:]))
        y = (self._kernels() @ self.patches).reshape(len(x), -1, *patches.shape[4:])
        return y + self.params["bias"][:, None, None] if "bias" in self.params else y

    def backward(self, grad: Array) -> Array:  # (N, O, OH, OW) -> (N, C, H, W)
        if "bias" in self.params:
            self.grads["bias"] = grad.sum(axis=(0, 2, 3))
        grad = grad.reshape(len(grad), self.groups, -1, self.patches.shape[3])  # (N, G, O/G, OH*OW)
        weight_grad = (grad @ self.patches.swapaxes(2, 3)).sum(axis=0)
        self.grads["weight"] = weight_grad.reshape(self.params["weight"].shape)
        patches = self._kernels().swapaxes(1, 2) @ grad  # (N, G, C/G*KH*KW, OH*OW)
        return fold(patches.reshape(self.unfolded), self.size, self.windows)

    def _kernels(self) -> Array:
        """For each group a matrix with one kernel a row: (G, O/G, C/G*KH*KW)."""
        weight = self.params["weight"]
        return weight.reshape(self.groups, len(weight) // self.groups, -1)


class _Pooling(Layer):
    """A window over each channel alone, without weights."""

    def __init__(self, kernel: Pair, stride: Pair | None = None, padding: Pair = 0, ceil_mode: bool = False):
        super().__init__()
        settings = zip(_pair(kernel), _pair(kernel if stride is None else stride), _pair(padding))
        rows, columns = (Window.pooling(k, s, p, ceil_mode=ceil_mode) for k, s, p in settings)
        self.windows = rows, columns


class MaxPooling(_Pooling):
    """y = the largest pixel of the window; the padding counts as minus infinity, so it never wins.

    Backward: a small change of the largest pixel changes y by as much, a small change of any other changes
    nothing: dy/dx is 1 for the winner and 0 for the rest. The winner takes all of grad (of equals, the first
    does). A pixel that wins in several overlapping windows gets the sum.
    """

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, C, OH, OW)
        _check_images(x)
        self.size = x.shape[2:]
        patches = unfold(x, self.windows, fill=-np.inf)
        self.unfolded = patches.shape
        patches = self._flat(patches)
        self.winner = patches.argmax(axis=2, keepdims=True)
        return np.take_along_axis(patches, self.winner, axis=2).squeeze(2)

    def backward(self, grad: Array) -> Array:  # (N, C, OH, OW) -> (N, C, H, W)
        patches = np.zeros(self.unfolded, grad.dtype)
        np.put_along_axis(self._flat(patches), self.winner, grad[:, :, None], axis=2)
        return fold(patches, self.size, self.windows)

    @staticmethod
    def _flat(patches: Array) -> Array:
        """(N, C, KH, KW, OH, OW) -> (N, C, KH*KW, OH, OW)."""
        n, channels, _, _, out_h, out_w = patches.shape
        return patches.reshape(n, channels, -1, out_h, out_w)


class AveragePooling(_Pooling):
    """y = the mean of the window; the padding counts as zeros, as it does in PyTorch.

    Backward: y = sum / count, so dy/dx is 1 / count for each pixel of the window: they share grad equally.
    """

    def forward(self, x: Array) -> Array:  # (N, C, H, W) -> (N, C, OH, OW)
        _check_images(x)
        self.size = x.shape[2:]
        patches = unfold(x, self.windows)
        self.unfolded = patches.shape
        # What a last window has beyond the padding (ceil_mode) is no place at all and does not count.
        height, width = (self._count(n, w) for n, w in zip(self.size, self.windows))
        self.count = np.outer(height, width).astype(x.dtype)  # (OH, OW)
        return patches.sum(axis=(2, 3)) / self.count

    def backward(self, grad: Array) -> Array:  # (N, C, OH, OW) -> (N, C, H, W)
        shares = np.broadcast_to((grad / self.count)[:, :, None, None], self.unfolded)
        return fold(shares, self.size, self.windows)

    @staticmethod
    def _count(size: int, window: Window) -> Array:
        first = np.arange(output_size(size, window)) * window.stride - window.padding
        return np.minimum(first + window.kernel, size + window.padding) - first


class ReLU(Layer):
    """y = max(x, 0). Backward: grad passes where x > 0 and stops elsewhere; it never shrinks on the way."""

    def forward(self, x: Array) -> Array:  # same shape
        self.positive = x > 0
        return np.maximum(x, 0)

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * self.positive


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)), written with tanh, which cannot overflow.

    Backward: dy/dx = y (1 - y), at most 1/4: each sigmoid layer weakens the gradient, the reason why deep
    networks left it.
    """

    def forward(self, x: Array) -> Array:  # same shape
        self.y = 0.5 * (1 + np.tanh(0.5 * x))
        return self.y

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * self.y * (1 - self.y)


class Tanh(Layer):
    """y = tanh(x). Backward: dy/dx = 1 - y^2, which vanishes where the unit saturates."""

    def forward(self, x: Array) -> Array:  # same shape
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * (1 - self.y**2)


class Flatten(Layer):
    """(N, C, H, W) -> (N, C*H*W): only the shape changes, so the gradient only changes back."""

    def forward(self, x: Array) -> Array:  # (N, ...) -> (N, product of the rest)
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, grad: Array) -> Array:  # (N, product of the rest) -> (N, ...)
        return grad.reshape(self.shape)


class Linear(Layer):
    """y = x @ weight^T + bias; weight is (O, F), bias (O,).

    Backward: dL/dx = grad @ weight, dL/dweight = grad^T @ x, and dL/dbias is the sum of grad over the batch.
    """

    def __init__(self, weight: Array, bias: Array) -> None:
        if weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise UsageError(f"weight and bias must be (O, F) and (O,), got {weight.shape} and {bias.shape}")
        super().__init__(weight=weight, bias=bias)

    def forward(self, x: Array) -> Array:  # (N, F) -> (N, O)
        features = self.params["weight"].shape[1]
        if x.ndim != 2 or x.shape[1] != features:
            raise DataError(f"this linear layer takes (N, {features}), got {x.shape}; flatten images first")
        self.x = x
        return x @ self.params["weight"].T + self.params["bias"]

    def backward(self, grad: Array) -> Array:  # (N, O) -> (N, F)
        self.grads = {"weight": grad.T @ self.x, "bias": grad.sum(axis=0)}
        return grad @ self.params["weight"]


class Dropout(Layer):
    """In training, y = x * mask / (1 - p), with a mask of 0 (probability p) or 1 drawn anew each time.

    The division keeps the expected value of y at x, so that evaluation is y = x. Backward: y is x times a
    constant, so grad is multiplied by the same constant: a dropped unit neither speaks nor learns.
    """

    def __init__(self, p: float, seed: int) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise UsageError(f"the probability of dropout must be at least 0 and below 1, got {p}")
        self.p = p
        self.random = np.random.default_rng(seed)

    def forward(self, x: Array) -> Array:  # same shape
        self.scale = np.ones_like(x)
        if self.training:
            self.scale *= (self.random.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.scale

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * self.scale


class LocalResponseNorm(Layer):
    """y_i = x_i / s_i^beta with s_i = k + alpha * (sum of x_j^2 over the n channels j around i).

    A. Krizhevsky, I. Sutskever, G. E. Hinton, NIPS 2012, section 3.3, as printed: the sum is not divided by n
    (PyTorch divides it, so there alpha must be n times as large). Beyond the first and last channel are none.

    Backward: x_i is in its own numerator and in the s_j of each neighbor j. With ds_j/dx_i = 2 alpha x_i,

        dL/dx_i = grad_i / s_i^beta - 2 alpha beta x_i * (sum over j around i of grad_j x_j / s_j^(beta + 1))

    A channel is pushed down where its neighbors would like to be larger: they compete.
    """

    def __init__(self, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75) -> None:
        super().__init__()
        if n < 1 or n % 2 == 0:
            raise UsageError(f"n must be odd, so that a channel has as many neighbors on each side, got {n}")
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def forward(self, x: Array) -> Array:  # (N, C, H, W), same shape
        _check_images(x)
        self.x = x
        self.s = self.k + self.alpha * self._sum_around(x**2)
        return x / self.s**self.beta

    def backward(self, grad: Array) -> Array:  # (N, C, H, W), same shape
        shared = self._sum_around(grad * self.x / self.s ** (self.beta + 1))
        return grad / self.s**self.beta - 2 * self.alpha * self.beta * self.x * shared

    def _sum_around(self, x: Array) -> Array:
        padded = np.pad(x, [(0, 0), (self.n // 2, self.n // 2), (0, 0), (0, 0)])
        return sliding_window_view(padded, self.n, axis=1).sum(axis=-1)


class BatchNorm(Layer):
    """y = weight * z + bias with z = (x - mean) / sqrt(var + eps) in each channel; weight and bias are (C,).

    S. Ioffe, C. Szegedy, arXiv:1502.03167. In training, mean and var are the batch's own (var divided by the
    count m), and running averages are kept (with var divided by m - 1, unbiased); evaluation uses those.

    Backward in evaluation: y is linear in x, dL/dx = grad * weight / sqrt(var + eps). In training each x also
    moves the mean and the variance, and so all others of its channel; worked through the chain rule,

        dL/dx = weight / sqrt(var + eps) * (grad - mean(grad) - z * mean(grad * z))

    So the gradient loses its own mean and its part along z: shifting or scaling x changes nothing.
    """

    def __init__(self, weight: Array, bias: Array, momentum: float = 0.1, eps: float = 1e-5) -> None:
        if weight.ndim != 1 or bias.shape != weight.shape:
            raise UsageError(f"weight and bias must both be (C,), got {weight.shape} and {bias.shape}")
        super().__init__(weight=weight, bias=bias)
        self.momentum, self.eps = momentum, eps
        self.running_mean, self.running_var = np.zeros_like(weight), np.ones_like(weight)

    def forward(self, x: Array) -> Array:  # (N, C, H, W) or (N, C), same shape
        channels = len(self.params["weight"])
        if x.ndim not in (2, 4) or x.shape[1] != channels:
            raise DataError(f"batch normalization of (N, {channels}, ...) images cannot take {x.shape}")
        self.axes = (0, 2, 3)[: x.ndim - 1]
        mean, var = self.running_mean, self.running_var
        if self.training:
            count = x.size // channels
            if count < 2:
                raise DataError("batch normalization cannot train on one value a channel; use a larger batch")
            mean, var = x.mean(axis=self.axes), x.var(axis=self.axes)
            self.running_mean += self.momentum * (mean - self.running_mean)
            self.running_var += self.momentum * (var * count / (count - 1) - self.running_var)
        self.inverse = 1 / np.sqrt(var + self.eps)
        self.z = (x - self._spread(mean)) * self._spread(self.inverse)
        return self.z * self._spread(self.params["weight"]) + self._spread(self.params["bias"])

    def backward(self, grad: Array) -> Array:  # (N, C, H, W) or (N, C), same shape
        self.grads = {"weight": (grad * self.z).sum(axis=self.axes), "bias": grad.sum(axis=self.axes)}
        scale = self._spread(self.params["weight"] * self.inverse)
        if not self.training:
            return grad * scale
        count = grad.size // len(self.inverse)
        mean, along_z = self._spread(self.grads["bias"] / count), self._spread(self.grads["weight"] / count)
        return scale * (grad - mean - self.z * along_z)

    def _spread(self, values: Array) -> Array:
        """(C,) -> a shape that broadcasts over the batch and the places."""
        return values.reshape(1, -1, *[1] * (len(self.axes) - 1))


class SoftmaxCrossEntropy:
    """The loss: the mean over the batch of -log p[label], p = exp(x) / sum(exp(x)) over the classes.

    Written as log(sum(exp(x))) - x[label], with the largest x subtracted first: p does not change, and exp
    cannot overflow. This is why the softmax belongs into the loss and not into the network.

    Backward: d/dx log(sum(exp(x))) is p itself, so dL/dx = (p - one_hot(label)) / N: what the network said
    minus what was right.
    """

    def forward(self, x: Array, labels: Array) -> float:
        """(N, classes) and whole-numbered labels (N,) -> the loss. Raises DataError where they do not fit."""
        if x.ndim != 2 or not len(x) or labels.shape != x.shape[:1] or labels.dtype.kind not in "iu":
            raise DataError(
                f"the loss takes (N, classes) and N whole labels, got {x.shape} and {labels.shape}"
            )
        if not 0 <= labels.min() <= labels.max() < x.shape[1]:
            raise DataError(f"labels go from 0 to {x.shape[1] - 1}, got {labels.min()} to {labels.max()}")
        shifted = x - x.max(axis=1, keepdims=True)
        log_sum = np.log(np.exp(shifted).sum(axis=1, keepdims=True))
        log_p = shifted - log_sum
        self.p, self.labels = np.exp(log_p), labels
        return float(-log_p[np.arange(len(x)), labels].mean())

    def backward(self) -> Array:  # dL/dx, (N, classes)
        grad = self.p.copy()
        grad[np.arange(len(grad)), self.labels] -= 1
        return grad / len(grad)


def _pair(value: Pair) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def _check_images(x: Array, channels: int | None = None) -> None:
    wanted = "C" if channels is None else channels
    if x.ndim != 4 or 0 in x.shape or channels not in (None, x.shape[1]):
        raise DataError(f"this layer takes images of shape (N, {wanted}, H, W), got {x.shape}")
    if x.dtype.kind != "f":
        raise DataError(f"this layer takes floats, got {x.dtype}; convert the images, for instance / 255")
