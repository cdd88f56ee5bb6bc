"""Local response normalization and batch normalization."""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from decanet.convolution.reference.layer import Array, Layer, check_images
from decanet.core.errors import DataError, UsageError


class LocalResponseNorm(Layer):
    """y_i = x_i / s_i^beta with s_i = k + alpha * (sum of x_j^2 over the n channels j around i).

    A. Krizhevsky, I. Sutskever, G. E. Hinton, NIPS 2012, section 3.3, as printed: the sum is not divided by n
    (PyTorch divides it, so its alpha is n times as large). Channels beyond the first and the last do not exist.

    Backward: x_i is the numerator of y_i, and part of the s_j of each neighbor j. With ds_j/dx_i = 2 alpha x_i,

        dL/dx_i = grad_i / s_i^beta - 2 alpha beta x_i * (sum over j around i of grad_j x_j / s_j^(beta + 1))

    The second term makes neighboring channels compete.
    """

    def __init__(self, n: int = 5, k: float = 2.0, alpha: float = 1e-4, beta: float = 0.75) -> None:
        super().__init__()
        if n < 1 or n % 2 == 0:
            raise UsageError(
                f"n must be odd, so that a channel has equally many neighbors before and after it, got {n}"
            )
        self.n, self.k, self.alpha, self.beta = n, k, alpha, beta

    def forward(self, x: Array) -> Array:  # (N, C, H, W), same shape
        check_images(x)
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

    S. Ioffe, C. Szegedy, arXiv:1502.03167. In training, mean and var are those of the batch (var divided by the
    count m), and running averages are updated (with var divided by m - 1, unbiased); evaluation uses the averages.

    Backward in evaluation: y is linear in x, dL/dx = grad * weight / sqrt(var + eps). In training the mean and
    the variance depend on each x as well; by the chain rule,

        dL/dx = weight / sqrt(var + eps) * (grad - mean(grad) - z * mean(grad * z))

    So the gradient has no mean and no component along z, since y does not change when x is shifted or scaled.
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
                raise DataError(
                    "batch normalization cannot train on one value for each channel; use a larger batch"
                )
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
        """Reshape (C,) to broadcast over the batch and the pixels."""
        return values.reshape(1, -1, *[1] * (len(self.axes) - 1))
