"""Receptive field: which pixels a unit of each stage can see, and which of them matter to it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from decanet.anatomy.trace import trace
from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, grid_shape, literal, new_figure, show_image, styled
from decanet.core.runtime import generator
from decanet.insight.capture import capture, plain_network, spatial_stages, stage_path

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MASS = 0.95  # of the gradient's energy
DRAWS = 8  # of random signs


@dataclass(frozen=True)
class Field:
    """The receptive field of the unit in the middle of a stage's maps.

    Attributes:
        stage: its name.
        size: (height, width) of the theoretical field in pixels, padding included; None where it is the whole image.
        box: (top, left, bottom, right), the first and the last pixel of it inside the image.
        energy: (S, S), mean squared gradient of the unit with respect to each pixel; its sum is 1.
        effective: side of the square with as many pixels as the smallest set that holds 95% of the energy.
    """

    stage: str
    size: tuple[int, int] | None
    box: tuple[int, int, int, int]
    energy: np.ndarray
    effective: float


@dataclass(frozen=True)
class ReceptiveFields:
    """The receptive fields of a network's stages.

    Attributes:
        title: name of the network.
        pixels: (S, S, 3) uint8, the image as the network sees it.
        fields: one for each stage with feature maps, in the order of execution.
    """

    title: str
    pixels: np.ndarray
    fields: tuple[Field, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each stage."""
        return [
            {
                "stage": field.stage,
                "theoretical": "whole image" if field.size is None else f"{field.size[0]} x {field.size[1]}",
                "effective": round(field.effective, 1),
            }
            for field in self.fields
        ]


def compute(
    model: nn.Module, x: Tensor, pixels: np.ndarray, *, title: str, stage: str | None = None
) -> ReceptiveFields:
    """Compute the theoretical and the effective receptive fields.

    The theoretical field follows from kernels, strides and padding; behind squeeze and excitation or attention it is
    the whole image. The effective one is measured on the image: the squared gradient of the unit in the middle, all
    channels added with random signs, so that they do not cancel in the same way each time (W. Luo et al., NeurIPS
    2016, section 2). In a network without training it is close to a Gaussian.

    Args:
        model: the network, in evaluation mode.
        x: (1, C, S, S), its input.
        pixels: (S, S, 3) uint8, the same image for the figure.
        title: name of the network.
        stage: name of the only stage; all stages with feature maps by default.

    Raises:
        UsageError: the network has no such stage, or the stage has no positions.
    """
    network = plain_network(model)
    shapes = spatial_stages(model, x)
    if stage is not None:
        stage_path(network, stage)
    if not shapes or (stage is not None and stage not in shapes):
        name = f"stage {stage!r}" if stage else "the network"
        raise UsageError(f"{name} has no feature maps, whose units would see a part of the image")
    fields = trace(network, tuple(x.shape[1:])).fields
    size = x.shape[-1]
    energies = _energies(model, x, {name: shape for name, shape in shapes.items() if stage in (None, name)})
    found = []
    for name, energy in energies.items():
        theoretical, (_, height, width) = fields[stage_path(network, name)], shapes[name]
        extent, box = None, (0, 0, size - 1, size - 1)
        if theoretical is not None:
            extent = (theoretical[0].size, theoretical[1].size)
            ends = [
                field.pixels(unit) for field, unit in zip(theoretical, (height // 2, width // 2), strict=True)
            ]
            (top, bottom), (left, right) = [(max(0, first), min(size - 1, last)) for first, last in ends]
            box = (top, left, bottom, right)
        found.append(Field(name, extent, box, energy, _side(energy)))
    return ReceptiveFields(title, pixels, tuple(found))


def _energies(model: nn.Module, x: Tensor, shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """Return the squared gradient of the middle unit of each stage, mean of random signs of its channels: (S, S)."""
    found = {}
    with torch.enable_grad(), capture(model, list(shapes)) as captured:
        copies = x.repeat(DRAWS, 1, 1, 1).requires_grad_()
        model(copies)
        for stage, (_, height, width) in shapes.items():
            unit = captured.outputs[stage][:, :, height // 2, width // 2]
            signs = torch.randint(0, 2, unit.shape, generator=generator("receptive field", stage)) * 2 - 1
            (gradient,) = torch.autograd.grad((signs.to(unit) * unit).sum(), copies, retain_graph=True)
            energy = gradient.double().square().sum((0, 1)).cpu()
            found[stage] = (energy / energy.sum().clamp_min(1e-300)).numpy()
    return found


def _side(energy: np.ndarray) -> float:
    ordered = np.sort(energy.ravel())[::-1].cumsum()
    return float(np.sqrt(np.searchsorted(ordered, MASS * ordered[-1]) + 1)) if ordered[-1] > 0 else 0.0


@styled
def draw(result: ReceptiveFields) -> "Figure":
    """Draw the field of each stage on the image, and the sizes of all stages."""
    count = len(result.fields)
    rows, columns = grid_shape(count + (count > 1), 5)
    figure = new_figure(max(2.5 * columns, 7.0), 2.75 * rows + 0.9)
    figure.suptitle(
        f"{literal(result.title)}: what the unit in the middle can see (frame) and what matters to it (bright)",
        fontweight="bold", fontsize=11,
    )  # fmt: skip
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid[count:]:
        axes.set_axis_off()
    gray = result.pixels.mean(2) / 255
    for axes, field in zip(grid, result.fields, strict=False):
        # A square root makes the faint surroundings of a peak visible; the image is seen through it.
        heat = np.sqrt(field.energy / max(field.energy.max(), 1e-300))
        warm = np.stack([heat, 0.55 * heat, np.zeros_like(heat)], 2)
        show_image(axes, (0.4 * gray[..., None] + 0.8 * warm).clip(0, 1))
        top, left, bottom, right = field.box
        axes.add_patch(
            _frame((left - 0.5, top - 0.5), right - left + 1, bottom - top + 1, color=COLORS[5], linewidth=2)
        )
        size = "whole image" if field.size is None else f"{field.size[0]} × {field.size[1]}"
        axes.set_title(f"{literal(field.stage)}\n{size}, effective {field.effective:.0f}", fontsize=9)
    if count > 1:
        _draw_sizes(grid[count], result)
    return figure


def _frame(corner: tuple[float, float], width: float, height: float, **options):  # type: ignore[no-untyped-def]
    from matplotlib.patches import Rectangle

    return Rectangle(corner, width, height, fill=False, **options)


def _draw_sizes(axes, result: ReceptiveFields) -> None:  # type: ignore[no-untyped-def]
    axes.set_axis_on()
    side = len(result.pixels)
    places = np.arange(len(result.fields))
    theoretical = [min(side, max(field.size)) if field.size else side for field in result.fields]
    axes.plot(places, theoretical, "-o", color=COLORS[5], markersize=4, label="can see")
    axes.plot(
        places,
        [field.effective for field in result.fields],
        "--s",
        color=COLORS[1],
        markersize=4,
        label="95%",
    )
    axes.axhline(side, color="#888888", linewidth=0.8, linestyle=":")
    axes.set(ylim=(0, 1.08 * side), ylabel="pixels (image: dotted)")
    axes.set_xticks(places, [literal(field.stage) for field in result.fields], rotation=90, fontsize=7)
    axes.legend(fontsize=8, loc="lower right")
    axes.set_title("side of the field", fontsize=9)
