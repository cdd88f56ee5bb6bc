"""Calibration: is a network right as often as its probabilities say? And labels that are likely to be wrong."""

from dataclasses import dataclass

import torch
from torch import Tensor

from decanet.evaluation.metrics import Predictions

BINS = 15  # of confidence, as C. Guo et al. use


@dataclass(frozen=True)
class Reliability:
    """Accuracy against confidence, the probability of the predicted class.

    Attributes:
        confidence: (B,) mean of each bin; NaN for one without images.
        accuracy: (B,) fraction of correct predictions; NaN for one without images.
        counts: (B,) number of images.
        error: the expected calibration error: the mean of |accuracy - confidence| over all images.
    """

    confidence: Tensor
    accuracy: Tensor
    counts: Tensor
    error: float


def reliability(predictions: Predictions, bins: int = BINS) -> Reliability:
    """Measure accuracy in ``bins`` equal intervals of confidence (C. Guo et al., ICML 2017, equations 2 to 5)."""
    confidence, predicted = predictions.probabilities.double().max(dim=1)
    correct = (predicted == predictions.labels).double()
    # The bins are open below and closed above.
    which = (confidence * bins).ceil().long().clamp(1, bins) - 1
    counts = torch.bincount(which, minlength=bins)
    means = [
        torch.zeros(bins, dtype=torch.float64).scatter_add_(0, which, values) / counts
        for values in (confidence, correct)
    ]
    gaps = (means[1] - means[0]).abs().nan_to_num(0.0)
    return Reliability(means[0], means[1], counts, float((gaps * counts).sum() / counts.sum()))


def fit_temperature(predictions: Predictions) -> float:
    """Return the temperature by which the logits are divided for the smallest loss (C. Guo et al., section 4.2).

    Above 1 the network is too confident, below 1 too cautious. It has to be fitted on other images than those on which
    the calibration is measured.
    """
    from scipy.optimize import minimize_scalar

    def loss(logarithm: float) -> float:
        return with_temperature(predictions, float(torch.tensor(logarithm).exp())).loss

    return float(torch.tensor(minimize_scalar(loss, bounds=(-3.0, 3.0), method="bounded").x).exp())


def with_temperature(predictions: Predictions, temperature: float) -> Predictions:
    """Return the predictions with logits divided by ``temperature``; the predicted classes stay the same."""
    logits = predictions.probabilities.double().clamp_min(1e-30).log() / temperature
    return Predictions(logits.softmax(1), predictions.labels)


def likely_mislabeled(predictions: Predictions) -> tuple[Tensor, Tensor]:
    """Return the images that disagree most with their label, and whether confident learning suspects each.

    Suspected is an image that reaches the confidence of another class but not that of its label: the confidence of a
    class is the mean probability of it among the images that bear its label (C. G. Northcutt et al., J. Artif. Intell.
    Res. 70, 2021, equations 1 and 2). The predictions must not be of images that the network was trained on: it learned
    their labels.

    Returns:
        indices (N,), the largest cross-entropy first, and a bool for each of them (N,).
    """
    probabilities, labels = predictions.probabilities.double(), predictions.labels
    classes = probabilities.shape[1]
    own = probabilities.gather(1, labels[:, None])[:, 0]
    counts = torch.bincount(labels, minlength=classes)
    totals = torch.zeros(classes, dtype=torch.float64).scatter_add_(0, labels, own)
    threshold = torch.where(counts > 0, totals / counts.clamp_min(1), torch.inf)
    reached = probabilities.masked_fill(probabilities < threshold, -1.0)
    highest, likely = reached.max(dim=1)
    suspected = (highest >= 0) & (likely != labels)
    order = own.argsort(stable=True)
    return order, suspected[order]
