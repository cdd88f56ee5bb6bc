"""The softmax cross-entropy loss."""

import numpy as np

from decanet.convolution.reference.layer import Array
from decanet.core.errors import DataError


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
