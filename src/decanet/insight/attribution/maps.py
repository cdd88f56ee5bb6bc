"""The five methods as maps of an image: one number for each pixel."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor, nn

from decanet.core.progress import Report
from decanet.insight.attribution.grad_cam import grad_cam, resize_map
from decanet.insight.attribution.gradients import input_x_gradient, integrated_gradients, smooth_grad
from decanet.insight.attribution.occlusion import occlusion

METHODS = ("gradient x input", "integrated gradients", "SmoothGrad", "Grad-CAM", "occlusion")
SIGNED = ("gradient x input", "integrated gradients", "occlusion")  # below zero: against the class


@dataclass(frozen=True)
class Maps:
    """Maps of one image by each method.

    Attributes:
        values: name of a method -> (S, S) importance of each pixel. Those of ``SIGNED`` are negative where a pixel
            speaks against the class.
        steps: number of gradients that integrated gradients took.
        residual: by how much the sum of integrated gradients misses the difference of the logits, absolute.
        difference: the logit of the image minus that of an image of the mean color.
    """

    values: dict[str, np.ndarray]
    steps: int
    residual: float
    difference: float


def attribution_maps(
    model: nn.Module,
    x: Tensor,
    target: int,
    stage: str | None,
    methods: Sequence[str] = METHODS,
    steps: int | None = None,
    report: Report | None = None,
) -> Maps:
    """Compute the maps of one image.

    Args:
        model: the network, in evaluation mode.
        x: the normalized image, (1, C, S, S).
        target: number of the class.
        stage: the stage of Grad-CAM; None leaves Grad-CAM out.
        methods: names from ``METHODS``.
        steps: of integrated gradients; as many as completeness needs by default.
        report: receives progress.
    """
    found: dict[str, Tensor] = {}
    taken, residual, difference = 0, 0.0, 0.0
    for number, method in enumerate(methods):
        if report is not None:
            report.progress("attributing", number, len(methods), "methods")
        if method == "gradient x input":
            found[method] = input_x_gradient(model, x, target).sum(1)
        elif method == "integrated gradients":
            integrated = integrated_gradients(model, x, target, steps=steps)
            taken, residual = integrated.steps, float(integrated.residual)
            difference = float(integrated.difference)
            found[method] = integrated.attribution.sum(1)
        elif (
            method == "SmoothGrad"
        ):  # of a gradient, the size matters: its sign is that of a change of brightness
            found[method] = smooth_grad(model, x, target).abs().sum(1)
        elif method == "Grad-CAM" and stage is not None:
            found[method] = resize_map(grad_cam(model, x, target, stage), x.shape[-1])[:, 0]
        elif method == "occlusion":
            found[method] = occlusion(model, x, target)[:, 0]
    return Maps(
        {name: values[0].cpu().numpy() for name, values in found.items()}, taken, residual, difference
    )
