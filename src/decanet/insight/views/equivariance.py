"""Equivariance: do the feature maps of each stage move with the image?"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.anatomy.trace import trace
from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, LINES, literal, new_figure, styled
from decanet.core.progress import Report
from decanet.data.shifts import translate
from decanet.evaluation.trained import TrainedModel
from decanet.insight.capture import capture, plain_network, spatial_stages, stage_path
from decanet.insight.sample_images import network_inputs
from decanet.insight.subject import title

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LEAST = 4  # positions of a map along one side, so that some are left when it moves
MOST_STAGES = len(COLORS) * len(LINES)


@dataclass(frozen=True)
class Equivariance:
    """By how much the feature maps of a moved image differ from the moved feature maps of the image.

    Attributes:
        title: name of the network.
        stages: names, in the order of execution.
        strides: of each stage: pixels of the image from one position of its maps to the next.
        shifts: (T,) pixels to the right.
        error: (L, T) root mean square of the difference, relative to the standard deviation of the maps.
        images: number of images.
    """

    title: str
    stages: tuple[str, ...]
    strides: tuple[int, ...]
    shifts: np.ndarray
    error: np.ndarray
    images: int

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each stage."""
        return [
            {"stage": stage, "stride": stride}
            | {
                f"shift_{shift}": round(float(value), 3)
                for shift, value in zip(self.shifts, error, strict=True)
            }
            for stage, stride, error in zip(self.stages, self.strides, self.error, strict=True)
        ]


def compute(trained: TrainedModel, images: Tensor, report: Report) -> Equivariance:
    """Compare feature maps of moved images with moved feature maps, for every stage that has maps of several positions.

    The maps move by the shift divided by their stride, with linear interpolation where that is no whole number. A strip
    at both sides, as wide as the shift, is left out: something else comes in there.

    Args:
        trained: the network.
        images: uint8 (N, 3, S, S).
        report: receives progress.

    Raises:
        UsageError: no stage has maps of several positions.
    """
    size = images.shape[-1]
    step = 1 if size <= 64 else size // 32
    shifts = np.arange(0, 9) * step
    x = network_inputs(trained, images)
    network = plain_network(trained.model)
    traced = trace(network, tuple(x.shape[1:]))
    strides: dict[str, int] = {}
    for stage, shape in spatial_stages(network, x[:1]).items():
        fields = traced.fields[stage_path(network, stage)]
        if fields is not None and shape[-1] >= LEAST:
            strides[stage] = fields[1].jump
    if not strides:
        raise UsageError(f"{title(trained)} has no stage with maps of several positions")
    stages = list(strides)[:MOST_STAGES]
    error = np.zeros((len(stages), len(shifts)))
    with torch.inference_mode(), capture(trained.model, stages) as captured:
        trained.model(x)
        still = dict(captured.outputs)
        for column, shift in enumerate(shifts.tolist()):
            trained.model(network_inputs(trained, translate(images, 0, shift)))
            for row, stage in enumerate(stages):
                error[row, column] = _moved_error(
                    still[stage], captured.outputs[stage], shift / strides[stage]
                )
            report.progress("moving images", column + 1, len(shifts), "shifts")
    return Equivariance(
        title(trained), tuple(stages), tuple(strides[stage] for stage in stages), shifts, error, len(images)
    )


@styled
def draw(result: Equivariance) -> "Figure":
    """Draw the error of each stage against the shift."""
    figure = new_figure(8.6, 4.6)
    axes = figure.subplots()
    count = len(result.stages)
    for k, (stage, stride, error) in enumerate(zip(result.stages, result.strides, result.error, strict=True)):
        axes.plot(
            result.shifts, error, LINES[k // len(COLORS) % len(LINES)], color=COLORS[k % len(COLORS)], marker="o",
            markersize=3.5, label=f"{literal(stage)} (stride {stride})",
        )  # fmt: skip
    axes.set(
        xlabel="shift of the image (pixels)",
        ylabel="difference of the feature maps\n(standard deviations)",
        ylim=(0, None),
        title=f"{literal(result.title)}: do feature maps move with the image? ({result.images} images)",
    )
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8 if count > 12 else 9)
    return figure


def _moved_error(still: Tensor, moved: Tensor, step: float) -> float:
    """Return the difference of ``moved`` (N, C, h, w) from ``still`` moved to the right by ``step`` positions."""
    width = still.shape[-1]
    whole, fraction = int(step), step - int(step)
    # Position p of the moved maps is position p - step of the still ones.
    expected = (1 - fraction) * still.roll(whole, -1) + fraction * still.roll(whole + 1, -1)
    border = int(np.ceil(step)) + 1
    inside = slice(border, width - 1) if border < width - 1 else slice(width // 2, width // 2 + 1)
    difference = F.mse_loss(moved[..., inside], expected[..., inside]).sqrt()
    return float(difference / still.std().clamp_min(1e-12))
