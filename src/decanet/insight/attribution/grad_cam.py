"""Grad-CAM: which places of the last feature maps speak for a class."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from decanet.core.errors import UsageError
from decanet.insight.attribution.passes import class_scores
from decanet.insight.capture import capture


def grad_cam(model: nn.Module, x: Tensor, target: int | Tensor, stage: str) -> Tensor:
    """Return the positive part of the stage's feature maps, weighted by their mean gradients: (N, 1, h, w).

    (R. R. Selvaraju et al., ICCV 2017, equations 1 and 2.) :func:`resize_map` brings it to the size of the image.

    Args:
        model: the network, in evaluation mode.
        x: normalized images, (N, C, S, S).
        target: number of the class, one for all images or (N,).
        stage: name of a stage with feature maps, (N, K, h, w).

    Raises:
        UsageError: the network has no such stage, or its output has no positions.
    """
    with torch.enable_grad(), capture(model, [stage]) as captured:
        # The input asks for gradients, so that a network whose parameters are frozen has them too.
        scores = class_scores(model, x.detach().requires_grad_(), target)
        maps = captured.outputs[stage]
        if maps.ndim != 4:
            raise UsageError(
                f"Grad-CAM needs feature maps with positions, and stage {stage!r} has none; choose a convolutional one"
            )
        (gradients,) = torch.autograd.grad(scores.sum(), maps)
    weights = gradients.mean((2, 3), keepdim=True)
    return (weights * maps.detach()).sum(1, keepdim=True).relu()


def resize_map(attribution: Tensor, size: int) -> Tensor:
    """Return a map (N, 1, h, w) interpolated to (N, 1, size, size)."""
    return F.interpolate(attribution, size=(size, size), mode="bilinear", align_corners=False)
