"""Insertion and deletion: does the network need the pixels that an attribution calls important?

(V. Petsiuk et al., BMVC 2018, section 3.2.)
"""

import numpy as np
import torch
from torch import Tensor, nn
from torchvision.transforms.v2.functional import gaussian_blur

from decanet.insight.attribution.passes import evaluate_probabilities

STEPS = 32


def deletion_curve(
    model: nn.Module, x: Tensor, target: int, importance: Tensor, steps: int = STEPS
) -> Tensor:
    """Return the probability of the class while the most important pixels become the mean color, (steps + 1,).

    An attribution that finds what the network uses makes it fall early: its mean is low.

    Args:
        model: the network, in evaluation mode.
        x: a normalized image, (1, C, S, S).
        target: number of the class.
        importance: of each pixel, (S, S).
        steps: number of equal portions of the pixels.
    """
    return _curve(model, x, torch.zeros_like(x), target, importance, steps)


def insertion_curve(
    model: nn.Module, x: Tensor, target: int, importance: Tensor, steps: int = STEPS
) -> Tensor:
    """Return the probability of the class while the most important pixels appear in a blurred image, (steps + 1,).

    An attribution that finds what the network uses makes it rise early: its mean is high. The arguments are those of
    :func:`deletion_curve`. The blur's standard deviation is a tenth of the image's side: its shape is gone.
    """
    sigma = x.shape[-1] / 10
    kernel = min(2 * round(2 * sigma) + 1, 2 * (x.shape[-1] - 1) - 1)
    return _curve(model, gaussian_blur(x, [kernel, kernel], [sigma, sigma]), x, target, importance, steps)


def area(curve: Tensor) -> float:
    """Return the area under a curve over the fraction of pixels from 0 to 1, by the trapezoidal rule."""
    return float(torch.trapezoid(curve.double(), dx=1 / (len(curve) - 1)))


def bootstrap_interval(values: np.ndarray, seed: int = 0, resamples: int = 10_000) -> tuple[float, float]:
    """Return the 95% interval of the mean of ``values`` (N,) by the percentile bootstrap."""
    draws = np.random.default_rng(seed).integers(0, len(values), (resamples, len(values)))
    low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
    return float(low), float(high)


def _curve(
    model: nn.Module, before: Tensor, after: Tensor, target: int, importance: Tensor, steps: int
) -> Tensor:
    """Return the probability of ``target`` while pixels go from ``before`` to ``after``, the most important first."""
    size = before.shape[-1]
    order = importance.flatten().argsort(descending=True, stable=True)
    rank = torch.empty_like(order)
    rank[order] = torch.arange(len(order), device=order.device)
    changed = torch.linspace(0, len(order), steps + 1, device=order.device).round()
    replaced = (
        (rank[None] < changed[:, None]).view(-1, 1, size, size).to(before.device)
    )  # (steps + 1, 1, S, S)
    return evaluate_probabilities(model, torch.where(replaced, after, before))[:, target]
