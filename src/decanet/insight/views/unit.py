"""Unit: what one unit responds to, by images of a data set, an image made for it, and pixels drawn back from it."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor, nn

from decanet.anatomy.receptive_fields import Fields
from decanet.anatomy.trace import trace
from decanet.core.plotting import literal, new_figure, show_image, signed_scale, styled
from decanet.core.progress import Report
from decanet.data import ImageData
from decanet.evaluation.trained import TrainedModel
from decanet.insight.attribution.randomization import randomized_networks, rank_correlation
from decanet.insight.capture import plain_network, stage_path
from decanet.insight.sample_images import network_inputs, pixels_of
from decanet.insight.subject import Images, title
from decanet.insight.units import (
    RULES,
    STEPS,
    check_unit,
    crop_box,
    draw_back,
    high_frequency_energy,
    maximize,
    responses,
    stage_output,
    strongest,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TOP = 8  # images of the data set


@dataclass(frozen=True)
class DrawnBack:
    """A map of pixels that one rule draws back from the unit.

    Attributes:
        rule: its name.
        values: (S, S), the sum over the colors.
        after_randomization: rank correlation of its details, inside the receptive field, with those of the same
            network with random parameters: 0 for a map of what was learned, 1 for one of the image alone.
    """

    rule: str
    values: np.ndarray
    after_randomization: float


@dataclass(frozen=True)
class Unit:
    """What one unit of a stage responds to.

    Attributes:
        title: name of the network.
        stage: its name.
        unit: number of the unit.
        field: (height, width) of its receptive field in pixels; None where it is the whole image.
        crops: images (h, w, 3) uint8 of the data set, the parts that the unit sees, the most active first.
        activations: of the crops.
        made: (S, S, 3) in [0, 1], the image made for the unit.
        made_activation: the unit's largest activation in it.
        high_frequencies: fraction of the energy of ``made`` above half the Nyquist frequency.
        pixels: (S, S, 3) uint8, the image from which pixels are drawn back.
        activation: the unit's largest activation in it.
        drawn_back: one map for each rule.
    """

    title: str
    stage: str
    unit: int
    field: tuple[int, int] | None
    crops: tuple[np.ndarray, ...]
    activations: tuple[float, ...]
    made: np.ndarray
    made_activation: float
    high_frequencies: float
    pixels: np.ndarray
    activation: float
    drawn_back: tuple[DrawnBack, ...]

    def summary(self) -> dict[str, Any]:
        """Return the numbers of the unit."""
        return {
            "stage": self.stage,
            "unit": self.unit,
            "receptive_field": "whole image" if self.field is None else f"{self.field[0]} x {self.field[1]}",
            "largest_in_data": round(self.activations[0], 3) if self.activations else None,
            "in_the_made_image": round(self.made_activation, 3),
            "high_frequency_energy_pct": round(100 * self.high_frequencies, 2),
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each rule."""
        return [
            {"rule": one.rule, "correlation_after_randomization": round(one.after_randomization, 3)}
            for one in self.drawn_back
        ]


def compute(
    trained: TrainedModel,
    image: Images,
    stage: str,
    unit: int,
    report: Report,
    *,
    data: ImageData | None = None,
    cache: Path | None = None,
) -> Unit:
    """Look at one unit.

    Args:
        trained: the network.
        image: pixels are drawn back from its first image; from the most activating image where there is ``data``.
        stage: name of the stage.
        unit: number of the unit: of a feature map or of a number.
        report: receives progress.
        data: its test split is searched for the images that activate the unit most.
        cache: folder that keeps the search, see :func:`decanet.insight.cache.cached`.

    Raises:
        UsageError: no such stage or unit, or a network without ReLU.
    """
    network = plain_network(trained.model)
    size = trained.spec.image_size
    with torch.inference_mode():
        output = stage_output(trained.model, image.x[:1], stage)
        check_unit(output, stage, unit)
    fields = trace(network, tuple(image.x.shape[1:])).fields[stage_path(network, stage)]
    crops, activations, seen = [], [], image
    if data is not None and cache is not None:
        values, places = strongest(trained, data, stage, cache, report)
        best = values[:, unit].topk(min(TOP, len(values))).indices
        squares = pixels_of(trained, data, best)
        for index, square in zip(best.tolist(), squares, strict=True):
            box = (0, 0, size - 1, size - 1)
            if fields is not None and output.ndim == 4:
                row, column = divmod(int(places[index, unit]), output.shape[3])
                (top, bottom), (left, right) = fields[0].pixels(row), fields[1].pixels(column)
                if bottom - top < size and right - left < size:
                    box = (top, left, bottom, right)
            crops.append(crop_box(box, square).permute(1, 2, 0).numpy())
            activations.append(float(values[index, unit]))
        first = squares[:1]
        seen = Images(first.permute(0, 2, 3, 1).numpy(), network_inputs(trained, first), image.names[:1])
    made, made_activation = maximize(
        trained.model, trained.spec, stage, unit,
        progress=lambda step: report.progress("making an image", step, STEPS, "steps"),
    )  # fmt: skip
    with torch.inference_mode():
        activation = float(responses(stage_output(trained.model, seen.x[:1], stage), unit).max())
    return Unit(
        title=title(trained),
        stage=stage,
        unit=unit,
        field=None if fields is None else (fields[0].size, fields[1].size),
        crops=tuple(crops),
        activations=tuple(activations),
        made=made.permute(1, 2, 0).numpy(),
        made_activation=made_activation,
        high_frequencies=high_frequency_energy(made),
        pixels=seen.pixels[0],
        activation=activation,
        drawn_back=_draw_back(trained, seen.x[:1], stage, unit, fields),
    )


def _draw_back(
    trained: TrainedModel, x: Tensor, stage: str, unit: int, fields: Fields | None
) -> tuple[DrawnBack, ...]:
    with torch.inference_mode():
        output = stage_output(trained.model, x, stage)
    position = int(responses(output, unit)[0].argmax())
    # Outside of the receptive field all maps are zero, which would make any two of them alike.
    inside: tuple[slice, ...] = (slice(None), slice(None))
    if fields is not None and output.ndim == 4:
        ends = [
            field.pixels(number)
            for field, number in zip(fields, divmod(position, output.shape[3]), strict=True)
        ]
        inside = tuple(slice(max(0, first), last + 1) for first, last in ends)

    def maps_of(network: nn.Module) -> dict[str, Tensor]:
        return {rule: draw_back(network, x, stage, unit, rule, position).sum(0).cpu() for rule in RULES}

    before = maps_of(trained.model)
    for _, network in randomized_networks(trained.model, x):  # to the end: all parameters are random
        random = network
    after = maps_of(random)
    return tuple(
        DrawnBack(
            rule,
            before[rule].numpy(),
            rank_correlation(_details(before[rule][inside]), _details(after[rule][inside])),
        )
        for rule in RULES
    )


def _details(values: Tensor) -> Tensor:
    """Return a map (H, W), relative to its size nearby: all maps fall off from the middle of the field."""
    size = values.abs().numpy()
    nearby = gaussian_filter(size, max(1.5, size.shape[0] / 16))
    return torch.from_numpy(size / np.maximum(nearby, 1e-12 * size.max() + 1e-30))


@styled
def draw(result: Unit) -> "Figure":
    """Draw the image made for the unit, the images that activate it most, and the maps of pixels."""
    figure = new_figure(11.5, 6.4)
    figure.suptitle(
        f"Unit {result.unit} of {literal(result.stage)} in {literal(result.title)}: what does it respond to?",
        fontweight="bold",
    )
    upper, lower = np.asarray(figure.subfigures(2, 1))
    left, right = np.asarray(upper.subfigures(1, 2, width_ratios=[1, 2.6]))
    axes = left.subplots()
    show_image(axes, result.made)
    axes.set_title(f"image made for it\nactivation {result.made_activation:.1f}", fontsize=9.5)
    _draw_crops(right, result)
    grid = lower.subplots(1, len(result.drawn_back) + 1)
    show_image(grid[0], result.pixels)
    name = "most activating image" if result.crops else "image"
    grid[0].set_title(f"{name}\nactivation {result.activation:.1f}", fontsize=9.5)
    for axes, one in zip(grid[1:], result.drawn_back, strict=True):
        limit = float(np.quantile(np.abs(one.values), 0.995)) or 1.0
        show_image(axes, one.values, **signed_scale(limit))
        axes.set_title(f"{one.rule}\ndrawn back to the pixels", fontsize=9.5)
        most = one.after_randomization == max(other.after_randomization for other in result.drawn_back)
        warning = "\nthe most alike: trust it least" if most else ""
        axes.set_xlabel(
            f"correlation of details with those of\na random network {one.after_randomization:.2f}{warning}",
            fontsize=8.5, fontweight="bold" if most else "normal",
        )  # fmt: skip
    return figure


def _draw_crops(panel, result: Unit) -> None:  # type: ignore[no-untyped-def]
    if not result.crops:
        axes = panel.subplots()
        axes.set_axis_off()
        text = "--data NAME or FOLDER shows the images that activate it most,\ncropped to what the unit sees"
        axes.text(
            0.5, 0.5, text, ha="center", va="center", fontsize=10, color="#555555", transform=axes.transAxes
        )
        return
    part = "whole: it sees all of them"
    if result.field is not None and max(result.field) < len(result.pixels):
        part = f"the {result.field[0]} × {result.field[1]} pixels that it sees"
    panel.suptitle(f"test images that activate it most, {part}", fontsize=9.5)
    grid = panel.subplots(2, TOP // 2, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, crop, activation in zip(grid, result.crops, result.activations, strict=False):
        axes.set_axis_on()
        show_image(axes, crop)
        axes.set_xlabel(f"{activation:.1f}", fontsize=8, labelpad=1)
