"""Do the network's doubts agree with people's? CIFAR-10H has some fifty answers of people to every test image.

J. C. Peterson, R. M. Battleday, T. L. Griffiths, O. Russakovsky, "Human Uncertainty Makes Classification More Robust",
ICCV 2019, arXiv:1908.07086. The file, ``cifar10h-counts.npy`` of the authors' repository
(github.com/jcpeterson/cifar-10h), is licensed for noncommercial use and is not part of decanet: only means over all
images leave this module.
"""

from pathlib import Path

import numpy as np
import torch
from scipy import stats
from torch import Tensor

from decanet.core.errors import DataError
from decanet.evaluation.calibration import fit_temperature, with_temperature
from decanet.evaluation.metrics import Predictions

DOUBTED, CERTAIN = (
    0.5,
    0.95,
)  # people's largest share of answers below the first, the network's above the second


def load_people(path: Path, images: int, classes: int) -> np.ndarray:
    """Return the share of people's answers for each class, (images, classes), in the order of the test set.

    Raises:
        DataError: the file cannot be read, or is not of these images and classes.
    """
    try:
        counts = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read as an array of counts: {error}") from None
    if counts.shape != (images, classes) or not np.all(counts.sum(axis=1) > 0):
        raise DataError(
            f"{path} holds {counts.shape}; people's answers to the test set are ({images}, {classes}) counts"
        )
    return counts / counts.sum(axis=1, keepdims=True)


def compare_with_people(predictions: Predictions, path: Path) -> dict[str, float | None]:
    """Return how well the predicted distributions agree with people's, over the whole test set.

    ``human_loss``
        cross-entropy of the predictions to people's distribution, in nats; ``human_loss_calibrated`` after the
        temperature that is fitted on the other half of the test set.
    ``human_correlation``
        Spearman's correlation of the two entropies over the images.
    ``people_doubt_network_does_not``
        number of images on which no class has half of people's answers and the network gives one 95% or more.
    """
    people = load_people(path, *predictions.probabilities.shape)
    probabilities = predictions.probabilities.double().numpy()
    calibrated = calibrated_by_halves(predictions).numpy()
    alone = (people.max(axis=1) < DOUBTED) & (probabilities.max(axis=1) >= CERTAIN)
    return {
        "human_loss": cross_entropy(people, probabilities),
        "human_loss_calibrated": cross_entropy(people, calibrated),
        "human_correlation": float(stats.spearmanr(entropy(people), entropy(probabilities)).statistic),
        "human_correlation_calibrated": float(
            stats.spearmanr(entropy(people), entropy(calibrated)).statistic
        ),
        "people_doubt_network_does_not": float(alone.sum()),
    }


def calibrated_by_halves(predictions: Predictions) -> Tensor:
    """Return the probabilities (N, K) of each half of the images at the temperature fitted on the other half."""
    halves = torch.arange(len(predictions.labels)) % 2 == 0
    calibrated = torch.empty_like(predictions.probabilities, dtype=torch.float64)
    for mine in (halves, ~halves):
        here, other = (
            Predictions(predictions.probabilities[which], predictions.labels[which])
            for which in (mine, ~mine)
        )
        calibrated[mine] = with_temperature(here, fit_temperature(other)).probabilities.double()
    return calibrated


def entropy(distribution: np.ndarray) -> np.ndarray:
    """Entropy in nats of each row of (N, K)."""
    return -(distribution * np.log(np.maximum(distribution, 1e-12))).sum(axis=1)


def cross_entropy(people: np.ndarray, predicted: np.ndarray) -> float:
    """Mean over the rows of -sum(people * log(predicted)), in nats."""
    return float(-(people * np.log(np.maximum(predicted, 1e-12))).sum(axis=1).mean())
