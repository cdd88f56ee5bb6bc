"""Metrics of a classifier, computed from the predicted probabilities."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Predictions:
    """The output of a classifier for N images and K classes.

    Attributes:
        probabilities: (N, K) float32 on the CPU; each row sums to 1.
        labels: (N,) int64 on the CPU, the true classes.
    """

    probabilities: Tensor
    labels: Tensor

    def accuracy(self, k: int = 1) -> float:
        """Return the top-``k`` accuracy: the fraction of images whose class is among the ``k`` most probable ones.

        It is 1.0 where there are no more than ``k`` classes.
        """
        k = min(k, self.probabilities.shape[1])
        best = self.probabilities.topk(k, dim=1).indices  # (N, k)
        return (best == self.labels.unsqueeze(1)).any(dim=1).double().mean().item()

    @property
    def loss(self) -> float:
        """Mean cross-entropy in nats. Probabilities below 1e-12 count as 1e-12, so that it stays finite."""
        own = self.probabilities.gather(1, self.labels.unsqueeze(1)).double()
        return -own.clamp_min(1e-12).log().mean().item()

    def confusion_matrix(self) -> Tensor:
        """Return (K, K) int64, whose entry (i, j) counts the images of class i that were predicted as class j."""
        classes = self.probabilities.shape[1]
        predicted = self.probabilities.argmax(dim=1)
        return torch.bincount(self.labels * classes + predicted, minlength=classes**2).view(classes, classes)
