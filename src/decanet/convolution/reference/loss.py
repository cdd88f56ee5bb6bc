"""The softmax, and the softmax cross-entropy loss."""

import numpy as np

from decanet.convolution.reference.layer import Array, Layer
from decanet.core.errors import DataError, UsageError


class Softmax(Layer):
    """p = exp(x / T) / sum(exp(x / T)) over the classes, with the temperature T, which is 1 in networks.

    The largest x is subtracted first, which does not change p and prevents overflow.

    Backward: dp_i/dx_j = p_i ((i == j) - p_j) / T, so dL/dx = p * (grad - sum(grad * p)) / T.
    """

    def __init__(self, temperature: float = 1.0) -> None:
        super().__init__()
        if not 0 < temperature < np.inf:
            raise UsageError(f"the temperature of a softmax is above 0, got {temperature}")
        self.temperature = temperature

    def forward(self, x: Array) -> Array:  # (N, classes), same shape
        if x.ndim != 2 or not x.shape[1]:
            raise DataError(f"the softmax takes (N, classes), got {x.shape}")
        powers = np.exp((x - x.max(axis=1, keepdims=True)) / self.temperature)
        self.p = powers / powers.sum(axis=1, keepdims=True)
        return self.p

    def backward(self, grad: Array) -> Array:  # (N, classes), same shape
        return self.p * (grad - (grad * self.p).sum(axis=1, keepdims=True)) / self.temperature


class SoftmaxCrossEntropy:
    """Cross-entropy: the mean over the batch of -log p[label], with p = exp(x) / sum(exp(x)) over the classes.

    It is computed as log(sum(exp(x))) - x[label] after subtraction of the largest x, which does not change p and
    prevents overflow. For this numerical stability the softmax is part of the loss and not of the network.

    Backward: d/dx log(sum(exp(x))) = p, so dL/dx = (p - one_hot(label)) / N.
    """

    def forward(self, x: Array, labels: Array) -> float:
        """Compute the loss of logits (N, classes) and integer labels (N,). Raises DataError where they do not fit."""
        if x.ndim != 2 or not len(x) or labels.shape != x.shape[:1] or labels.dtype.kind not in "iu":
            raise DataError(
                f"the loss takes (N, classes) and N integer labels, got {x.shape} and {labels.shape}"
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
