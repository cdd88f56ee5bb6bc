"""How similar two networks are: linear centered kernel alignment of stages, and agreement of their errors."""

import torch
from torch import Tensor, nn

from decanet.core.progress import Report
from decanet.evaluation.metrics import Predictions
from decanet.insight.attribution.passes import batches
from decanet.insight.capture import capture


def centered_gram(features: Tensor) -> Tensor:
    """Return the inner products of all pairs of rows of ``features`` (N, D), after centering: (N, N) float64."""
    centered = features - features.mean(0)
    # In float32: the products are added over many features, the means of both sides are gone.
    return (centered @ centered.T).double()


def linear_cka(first: Tensor, second: Tensor) -> float:
    """Return the linear centered kernel alignment of two :func:`centered_gram` of the same images.

    It is 1 for features that are equal up to rotation and scale, near 0 for unrelated ones of few dimensions
    (S. Kornblith et al., ICML 2019, equation 4).
    """
    return float((first * second).sum() / (first.norm() * second.norm()).clamp_min(1e-300))


def stage_grams(model: nn.Module, x: Tensor, stages: list[str], report: Report, task: str) -> list[Tensor]:
    """Return the :func:`centered_gram` of each stage's outputs for images (N, C, S, S).

    The stages are captured one after the other: the outputs of one stage for all images are what has to fit into the
    memory.
    """
    grams = []
    for number, stage in enumerate(stages):
        with torch.inference_mode(), capture(model, [stage]) as captured:
            parts = []
            for part in batches(x):
                model(x[part])
                parts.append(captured.outputs[stage].flatten(1).float())
            grams.append(centered_gram(torch.cat(parts)).cpu())
        report.progress(task, number + 1, len(stages), "stages")
    return grams


def error_agreement(first: Predictions, second: Predictions) -> dict[str, float]:
    """Compare the errors of two networks on the same images.

    Returns:
        Fractions of all images: "both_wrong", "same_wrong" (both wrong with the same class), "only_first" and
        "only_second" wrong; and "kappa", Cohen's kappa of being right: 0 for independent errors, 1 for the same ones.
    """
    labels = first.labels
    one, two = first.probabilities.argmax(1), second.probabilities.argmax(1)
    wrong_one, wrong_two = one != labels, two != labels
    observed = (wrong_one == wrong_two).double().mean()
    rates = wrong_one.double().mean(), wrong_two.double().mean()
    expected = rates[0] * rates[1] + (1 - rates[0]) * (1 - rates[1])
    kappa = 1.0 if expected == 1 else float((observed - expected) / (1 - expected))
    both = wrong_one & wrong_two
    return {
        "both_wrong": float(both.double().mean()),
        "same_wrong": float((both & (one == two)).double().mean()),
        "only_first": float((wrong_one & ~wrong_two).double().mean()),
        "only_second": float((~wrong_one & wrong_two).double().mean()),
        "kappa": kappa,
    }
