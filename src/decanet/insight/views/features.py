"""Feature maps: what each stage of a network makes of an image, and how many of its numbers are zero."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, grid_shape, literal, new_figure, show_image, signed_scale, styled
from decanet.core.progress import Report
from decanet.data import ImageData
from decanet.evaluation.trained import TrainedModel
from decanet.insight.activations import record_rectified, stage_outputs
from decanet.insight.cache import cached, split_digest, weights_digest
from decanet.insight.capture import stage_path
from decanet.insight.subject import split_inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MAPS = 8  # feature maps of each stage on the sheet of all stages
MOST = 96  # feature maps on the sheet of one stage


@dataclass(frozen=True)
class StageMaps:
    """The feature maps of one stage, the most active first.

    Attributes:
        stage: its name.
        shape: (C, H, W) of all its maps.
        units: (n,) numbers of the maps that are kept.
        maps: (n, H, W) float32, after the stage's activation.
        zero_fraction: fraction of exact zeros among all C * H * W numbers.
    """

    stage: str
    shape: tuple[int, int, int]
    units: np.ndarray
    maps: np.ndarray
    zero_fraction: float


@dataclass(frozen=True)
class Features:
    """The feature maps of an image.

    Attributes:
        title: name of the network.
        pixels: (S, S, 3) uint8, the image as the network sees it.
        stages: the stages with feature maps, in the order of execution.
    """

    title: str
    pixels: np.ndarray
    stages: tuple[StageMaps, ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row of numbers for each stage."""
        return [
            {
                "stage": one.stage,
                "shape": " x ".join(map(str, one.shape)),
                "zeros_pct": round(100 * one.zero_fraction, 2),
            }
            for one in self.stages
        ]


@dataclass(frozen=True)
class Sparsity:
    """How many numbers a ReLU sets to zero, over a data set.

    Attributes:
        names: of the calls of a ReLU, in the order of execution.
        stages: the stage of each.
        zero_fraction: (L,) fraction of zeros among all numbers of all images.
        dead_units: (L,) number of channels that are zero at every position of every image.
        units: (L,) number of channels.
        images: number of images.
    """

    names: tuple[str, ...]
    stages: tuple[str, ...]
    zero_fraction: np.ndarray
    dead_units: np.ndarray
    units: np.ndarray
    images: int

    def rows(self) -> list[dict[str, Any]]:
        """Return a row of numbers for each call of a ReLU."""
        columns = zip(self.stages, self.names, self.zero_fraction, self.dead_units, self.units, strict=True)
        return [
            {
                "stage": stage,
                "relu": name,
                "zeros_pct": round(100 * float(zero), 2),
                "dead_units": int(dead),
                "units": int(units),
            }
            for stage, name, zero, dead, units in columns
        ]


def compute(
    model: nn.Module, x: Tensor, pixels: np.ndarray, *, title: str, stage: str | None = None
) -> Features:
    """Compute the feature maps of one image.

    Args:
        model: the network, in evaluation mode.
        x: (1, C, S, S), its input.
        pixels: (S, S, 3) uint8, the same image for the figure.
        title: name of the network.
        stage: name of the only stage to show, with many more of its maps; all stages by default.

    Raises:
        UsageError: no such stage, or one whose output has no positions.
    """
    if stage is not None:
        stage_path(model, stage)
    found = []
    for name, output in stage_outputs(model, x, None if stage is None else [stage]).items():
        if output.ndim != 4 or output.shape[2:] == (1, 1):
            continue
        maps = output[0].float().cpu()  # (C, H, W)
        most = MAPS if stage is None else MOST
        order = maps.abs().mean(dim=(1, 2)).argsort(descending=True, stable=True)[:most]
        found.append(
            StageMaps(
                name,
                (maps.shape[0], maps.shape[1], maps.shape[2]),
                order.numpy(),
                maps[order].numpy(),
                (maps == 0).float().mean().item(),
            )
        )
    if not found:
        what = f"stage {stage!r}" if stage else "the network"
        raise UsageError(
            f"{what} has no feature maps: its output has no positions; choose a convolutional stage"
        )
    return Features(title, pixels, tuple(found))


def compute_sparsity(model: nn.Module, batches: Iterable[Tensor]) -> Sparsity:
    """Count the zeros behind every ReLU over a data set.

    Args:
        model: the network, in evaluation mode.
        batches: inputs of the network, (N, C, S, S) each.

    Raises:
        UsageError: the network has no ReLU, or there are no images.
    """
    zeros: dict[str, float] = {}
    numbers: dict[str, int] = {}
    alive: dict[str, Tensor] = {}
    stages: dict[str, str] = {}
    images = 0
    with torch.inference_mode(), record_rectified(model) as calls:
        for x in batches:
            model(x)
            images += len(x)
            for call in calls:
                output = call.output if call.output.ndim > 2 else call.output[..., None]
                positive = (output > 0).transpose(0, 1).flatten(1)  # (C, N * positions)
                stages[call.name] = call.stage
                zeros[call.name] = zeros.get(call.name, 0.0) + (~positive).sum().item()
                numbers[call.name] = numbers.get(call.name, 0) + positive.numel()
                seen = positive.any(dim=1)
                alive[call.name] = alive[call.name] | seen if call.name in alive else seen
            calls.clear()
    if not stages:
        raise UsageError("the network has no ReLU, and other activations are never exactly zero over a range")
    return Sparsity(
        tuple(stages),
        tuple(stages.values()),
        np.array([zeros[name] / numbers[name] for name in stages]),
        np.array([int((~alive[name]).sum()) for name in stages]),
        np.array([len(alive[name]) for name in stages]),
        images,
    )


def measure_sparsity(trained: TrainedModel, data: ImageData, cache: Path, report: Report) -> Sparsity:
    """Count the zeros behind every ReLU over the test set of ``data``; computed once for each network and data.

    Args:
        trained: the network.
        data: gives the test split.
        cache: folder that keeps results, see :func:`decanet.insight.cache.cached`.
        report: receives progress.

    Raises:
        UsageError: as :func:`compute_sparsity`.
    """

    def count() -> dict[str, Tensor]:
        found = compute_sparsity(trained.model, split_inputs(trained, data, report, "counting zeros"))
        text = "\n".join(f"{name}\t{stage}" for name, stage in zip(found.names, found.stages, strict=True))
        return {
            "zero_fraction": torch.from_numpy(found.zero_fraction),
            "dead_units": torch.from_numpy(found.dead_units),
            "units": torch.from_numpy(found.units),
            "images": torch.tensor([found.images]),
            "names": torch.tensor(list(text.encode()), dtype=torch.uint8),
        }

    parts = (weights_digest(trained.model), split_digest(data), trained.spec.image_size)
    kept = cached(cache, "sparsity", parts, count)
    lines = [line.split("\t") for line in bytes(kept["names"].tolist()).decode().split("\n")]
    return Sparsity(
        tuple(name for name, _ in lines),
        tuple(stage for _, stage in lines),
        kept["zero_fraction"].numpy(),
        kept["dead_units"].numpy(),
        kept["units"].numpy(),
        int(kept["images"]),
    )


@styled
def draw(features: Features) -> "Figure":
    """Draw the image and its feature maps: a row for each stage, or one stage as a contact sheet.

    Each map has its own scale: black is zero and bright its largest value. In a stage with negative values these are
    blue, zero is white, and positive values are orange.
    """
    if len(features.stages) == 1:
        return _draw_stage(features)
    rows = len(features.stages) + 1
    figure = new_figure(1.1 * MAPS + 1.7, 1.16 * rows + 0.5)
    figure.suptitle(
        f"Feature maps of {literal(features.title)}: the most active of each stage", fontweight="bold"
    )
    grid = figure.subplots(rows, MAPS + 1, squeeze=False, width_ratios=[1.35] + [1] * MAPS)
    for axes in grid.ravel():
        axes.set_axis_off()
    size = features.pixels.shape[0]
    _label(grid[0, 0], f"image\n3 × {size} × {size}\nand red, green, blue")
    show_image(grid[0, 1], features.pixels)
    for axes, channel in zip(grid[0, 2:5], np.moveaxis(features.pixels, 2, 0), strict=True):
        show_image(axes, channel, cmap="gray", vmin=0, vmax=255)
    for row, stage in zip(grid[1:], features.stages, strict=True):
        channels, height, width = stage.shape
        zeros = f"\n{100 * stage.zero_fraction:.0f}% zeros" if stage.zero_fraction else ""
        _label(row[0], f"{literal(stage.stage)}\n{channels} × {height} × {width}{zeros}")
        _draw_maps(row[1:], stage)
    return figure


def _draw_stage(features: Features) -> "Figure":
    (stage,) = features.stages
    rows, columns = grid_shape(len(stage.units) + 1, 12)
    figure = new_figure(0.9 * max(columns, 8), 1.04 * rows + 0.5)
    channels, height, width = stage.shape
    kept = (
        f", the {len(stage.units)} most active" if len(stage.units) < channels else ", the most active first"
    )
    zeros = f", {100 * stage.zero_fraction:.0f}% zeros" if stage.zero_fraction else ""
    figure.suptitle(
        f"{literal(stage.stage)} of {literal(features.title)}: {channels} maps of {height} × {width}{kept}{zeros}",
        fontweight="bold", fontsize=10,
    )  # fmt: skip
    grid = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    show_image(grid[0], features.pixels)
    grid[0].set_title("image", fontsize=7, fontweight="normal", pad=2)
    _draw_maps(grid[1:], stage)
    for axes, unit in zip(grid[1:], stage.units, strict=False):
        axes.set_title(str(unit), fontsize=7, fontweight="normal", pad=2)
    return figure


def _label(axes: "Axes", text: str) -> None:
    axes.text(0.0, 0.5, text, va="center", fontsize=9, transform=axes.transAxes)


def _draw_maps(grid: "Iterable[Axes]", stage: StageMaps) -> None:
    signed = stage.maps.min() < 0
    for axes, values in zip(grid, stage.maps, strict=False):
        highest = float(np.abs(values).max()) or 1.0
        scale = signed_scale(highest) if signed else {"cmap": "magma", "vmin": 0, "vmax": highest}
        show_image(axes, values, **scale)


@styled
def draw_sparsity(sparsity: Sparsity, title: str) -> "Figure":
    """Draw the fraction of zeros behind each ReLU, and the number of dead units."""
    count = len(sparsity.names)
    figure = new_figure(max(6.0, min(14.0, 0.42 * count + 2.5)), 3.9)
    axes = figure.subplots()
    places = np.arange(count)
    axes.bar(places, 100 * sparsity.zero_fraction, width=0.7, color=COLORS[0])
    for place, (zero, dead) in enumerate(zip(sparsity.zero_fraction, sparsity.dead_units, strict=True)):
        if dead:
            axes.text(
                place, 100 * zero + 1, f"{dead} dead", ha="center", fontsize=7, rotation=90 * (count > 14)
            )
    axes.axhline(50, color="#666666", linestyle="--", linewidth=1)
    axes.set(ylim=(0, 105), ylabel="zeros (%)", xlabel="ReLU, by its stage, in the order of execution")
    axes.set_xticks(
        places, [literal(stage) for stage in sparsity.stages], rotation=60 if count > 8 else 0, fontsize=8
    )
    axes.grid(axis="x", visible=False)
    axes.set_title(f"{literal(title)}: fraction of zeros after each ReLU, {sparsity.images:,} images")
    return figure
