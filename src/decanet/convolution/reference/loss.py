"""The softmax cross-entropy loss."""

import numpy as np

from decanet.convolution.reference.layer import Array
from decanet.core.errors import DataError


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
