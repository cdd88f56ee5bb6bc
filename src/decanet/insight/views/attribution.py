"""Attribution: which pixels of an image speak for a class, by five methods, and how far each can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, LINES, literal, new_figure, show_image, signed_scale, styled
from decanet.core.progress import Report, Silent
from decanet.core.runtime import generator
from decanet.data import ImageData
from decanet.evaluation.trained import TrainedModel
from decanet.insight.attribution.faithfulness import area, bootstrap_interval, deletion_curve, insertion_curve
from decanet.insight.attribution.gradients import FIRST_STEPS
from decanet.insight.attribution.maps import METHODS, SIGNED, attribution_maps
from decanet.insight.attribution.randomization import randomized_networks, rank_correlation
from decanet.insight.cache import cached, split_digest, weights_digest
from decanet.insight.capture import spatial_stages, stage_path
from decanet.insight.subject import split_inputs

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 0.2  # fraction of the pixels that stay bright in the second row
RANDOM = "random order"
_EXPLANATION = f"""\
Above: orange speaks for the
class, blue against it; in maps
without sign, bright matters.

Here: the most important
{100 * SHOWN:.0f}% of the pixels.

Below: probability while the
most important pixels are
deleted, or inserted into a
blurred image."""
_AREAS = """\
Areas under the curves are for
this one image. A faithful map
has a small area of deletion and
a large one of insertion."""


@dataclass(frozen=True)
class MethodMap:
    """What one method says about an image.

    Attributes:
        method: its name.
        values: (S, S) importance of each pixel.
        deletion: (steps + 1,) probability of the class while the most important pixels become the mean color.
        insertion: (steps + 1,) the same while they appear in a blurred image.
    """

    method: str
    values: np.ndarray
    deletion: np.ndarray
    insertion: np.ndarray


@dataclass(frozen=True)
class Scores:
    """Areas under the curves of deletion and insertion for several images.

    Attributes:
        methods: names, with "random order" last.
        deletion: (M, N) for each method and image; low is good.
        insertion: (M, N); high is good.
    """

    methods: tuple[str, ...]
    deletion: np.ndarray
    insertion: np.ndarray

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each method: means with their 95% bootstrap intervals."""
        found = []
        for method, deletion, insertion in zip(self.methods, self.deletion, self.insertion, strict=True):
            row: dict[str, Any] = {"method": method, "images": len(deletion)}
            for name, values in (("deletion", deletion), ("insertion", insertion)):
                low, high = bootstrap_interval(values)
                row |= {name: round(float(values.mean()), 4), f"{name}_95": f"{low:.3f} to {high:.3f}"}
            found.append(row)
        return found


@dataclass(frozen=True)
class Attribution:
    """The maps of an image by several methods.

    Attributes:
        title: name of the network.
        pixels: (S, S, 3) uint8, the image as the network sees it.
        label: name of the class that the maps are about.
        probability: of this class.
        stage: stage of Grad-CAM; empty where the network has no feature maps.
        maps: one for each method.
        steps: number of gradients of integrated gradients.
        residual: what their sum misses of ``difference``, absolute.
        difference: the logit of the image minus that of an image of the mean color.
        scores: of several images, where they were measured.
    """

    title: str
    pixels: np.ndarray
    label: str
    probability: float
    stage: str
    maps: tuple[MethodMap, ...]
    steps: int
    residual: float
    difference: float
    scores: Scores | None = None

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each method: the areas under its curves, for this image alone."""
        return [
            {
                "method": one.method,
                "deletion": round(area(torch.from_numpy(one.deletion)), 4),
                "insertion": round(area(torch.from_numpy(one.insertion)), 4),
            }
            for one in self.maps
        ]


@dataclass(frozen=True)
class Randomization:
    """How similar the maps remain while the network loses its learned parameters.

    Attributes:
        title: name of the network.
        layers: the lowest layer that is random, from the classifier down; "" first, for the network as it is.
        methods: names.
        similarity: (M, L) Spearman's correlation of the absolute maps with those of the network as it is, the mean of
            ``images`` images.
        images: number of images.
    """

    title: str
    layers: tuple[str, ...]
    methods: tuple[str, ...]
    similarity: np.ndarray
    images: int

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each layer."""
        return [
            {"random_from": layer or "nothing"}
            | {method: round(float(value), 3) for method, value in zip(self.methods, column, strict=True)}
            for layer, column in zip(self.layers, self.similarity.T, strict=True)
        ]


def compute(
    model: nn.Module,
    x: Tensor,
    pixels: np.ndarray,
    *,
    target: int,
    label: str,
    title: str,
    stage: str | None = None,
    report: Report | None = None,
) -> Attribution:
    """Compute the maps of one image, and their curves of deletion and insertion.

    Args:
        model: the network, in evaluation mode.
        x: (1, C, S, S), its input.
        pixels: (S, S, 3) uint8, the same image for the figure.
        target: number of the class.
        label: its name.
        title: name of the network.
        stage: the stage of Grad-CAM; the last one with feature maps by default.
        report: receives progress.

    Raises:
        UsageError: the network has no such stage, or the stage has no positions.
    """
    stage = grad_cam_stage(model, x, stage)
    with torch.inference_mode():
        probability = float(model(x).softmax(1)[0, target])
    found = attribution_maps(model, x, target, stage, report=report)
    maps = []
    for method, values in found.values.items():
        importance = torch.from_numpy(values).to(x.device)
        deletion = deletion_curve(model, x, target, importance).cpu().numpy()
        insertion = insertion_curve(model, x, target, importance).cpu().numpy()
        maps.append(MethodMap(method, values, deletion, insertion))
    return Attribution(
        title, pixels, label, probability, stage or "", tuple(maps), found.steps, found.residual, found.difference
    )  # fmt: skip


def grad_cam_stage(model: nn.Module, x: Tensor, stage: str | None) -> str | None:
    """Return the stage of Grad-CAM: ``stage``, or the last one with feature maps larger than one position, if any.

    Raises:
        UsageError: the network has no such stage, or the stage has no positions.
    """
    if stage is not None:
        stage_path(model, stage)
    shapes = spatial_stages(model, x[:1])
    if stage is None:
        return next((name for name, shape in reversed(shapes.items()) if shape[-1] > 1), None)
    if stage not in shapes:
        raise UsageError(f"stage {stage!r} has no positions for Grad-CAM; choose one of {', '.join(shapes)}")
    return stage


def measure_scores(
    trained: TrainedModel, data: ImageData, count: int, cache: Path, report: Report, stage: str | None = None
) -> Scores:
    """Measure deletion and insertion for ``count`` images of the test split, each for the class that is predicted.

    The images are the same random ones for every network. Each image's result is kept at once, so an interrupted
    measurement goes on where it stopped.

    Args:
        trained: the network.
        data: gives the test split.
        count: number of images.
        cache: folder that keeps results, see :func:`decanet.insight.cache.cached`.
        report: receives progress.
        stage: as for :func:`compute`.
    """
    chosen = torch.randperm(len(data.test), generator=generator("attribution", "images"))[:count]
    some = replace(data, test=data.test[chosen.sort().values])
    model, digest = trained.model, weights_digest(trained.model)
    x = torch.cat(list(split_inputs(trained, some, Silent(), "")))
    stage = grad_cam_stage(model, x, stage)
    methods = tuple(m for m in METHODS if stage or m != "Grad-CAM")
    results = []
    for index in range(len(x)):
        image = x[index : index + 1]

        def score(image: Tensor = image, index: int = index) -> dict[str, Tensor]:
            with torch.inference_mode():
                target = int(model(image).argmax())
            maps = attribution_maps(model, image, target, stage, methods).values
            maps[RANDOM] = np.random.default_rng(index).random(image.shape[-2:])
            orders = [torch.from_numpy(values).to(image.device) for values in maps.values()]
            return {
                "deletion": torch.tensor([area(deletion_curve(model, image, target, one)) for one in orders]),
                "insertion": torch.tensor(
                    [area(insertion_curve(model, image, target, one)) for one in orders]
                ),
            }

        parts = (digest, split_digest(some), index, trained.spec.image_size, stage)
        results.append(cached(cache, "attribution", parts, score))
        report.progress("scoring the attributions", index + 1, len(x), "images")
    deletion = torch.stack([result["deletion"] for result in results], 1)
    insertion = torch.stack([result["insertion"] for result in results], 1)
    return Scores((*methods, RANDOM), deletion.numpy(), insertion.numpy())


def compute_randomization(
    model: nn.Module, x: Tensor, targets: Sequence[int], *, title: str, stage: str | None, report: Report
) -> Randomization:
    """Compare the maps of images with those of the same network with random parameters, layer by layer.

    Args:
        model: the network, in evaluation mode.
        x: (N, C, S, S), images.
        targets: number of the class for each.
        title: name of the network.
        stage: as for :func:`compute`.
        report: receives progress.
    """
    stage = grad_cam_stage(model, x, stage)

    def maps_of(network: nn.Module, k: int) -> dict[str, np.ndarray]:
        # The differences of a random network's logits are so small that completeness would need a thousand steps.
        return attribution_maps(network, x[k : k + 1], targets[k], stage, steps=FIRST_STEPS).values

    before = [maps_of(model, k) for k in range(len(targets))]
    methods = tuple(before[0])
    layers, columns = [""], [np.ones(len(methods))]
    total = len(list(randomized_networks(model, x)))
    for number, (layer, network) in enumerate(randomized_networks(model, x)):
        column = np.zeros(len(methods))
        for k in range(len(targets)):
            after = maps_of(network, k)
            column += [
                rank_correlation(torch.from_numpy(before[k][name]), torch.from_numpy(after[name]))
                for name in methods
            ]
        layers.append(layer)
        columns.append(column / len(targets))
        report.progress("randomizing layers", number + 1, total, "layers")
    return Randomization(title, tuple(layers), methods, np.stack(columns, 1), len(targets))


@styled
def draw(result: Attribution) -> "Figure":
    """Draw the maps, the most important pixels by each, and the curves of deletion and insertion."""
    columns = len(result.maps) + 1
    figure = new_figure(2.05 * columns, 6.9)
    figure.suptitle(
        f"{literal(result.title)}: which pixels speak for “{literal(result.label)}”? "
        f"(probability {100 * result.probability:.0f}%)",
        fontweight="bold",
    )
    grid = figure.subplots(3, columns, squeeze=False, height_ratios=[1, 1, 0.95])
    show_image(grid[0, 0], result.pixels, "image\n")
    _note(grid[1, 0], _EXPLANATION)
    _note(grid[2, 0], _scores_note(result))
    for column, one in zip(grid[:, 1:].T, result.maps, strict=True):
        note = {"integrated gradients": f"\n{result.steps} steps", "Grad-CAM": f"\n{literal(result.stage)}"}
        _draw_map(column[0], one)
        column[0].set_title(one.method.replace(" x ", " × ") + note.get(one.method, "\n"), fontsize=9.5)
        threshold = np.quantile(one.values, 1 - SHOWN)
        bright = np.where(one.values > threshold, 1.0, 0.18)[..., None]
        show_image(column[1], (result.pixels / 255 * bright + 0.82 * (1 - bright)).clip(0, 1))
        _draw_curves(column[2], one, first=column[2] is grid[2, 1])
        if result.scores is not None:
            column[2].set_xlabel("pixels (%)\n" + _mean_areas(result.scores, one.method), fontsize=8.5)
    return figure


@styled
def draw_randomization(result: Randomization) -> "Figure":
    """Draw the similarity of the maps against the layers that are random."""
    figure = new_figure(8.2, 4.4)
    axes = figure.subplots()
    places = np.arange(len(result.layers))
    for k, (method, values) in enumerate(zip(result.methods, result.similarity, strict=True)):
        axes.plot(
            places, values, LINES[k % len(LINES)], color=COLORS[k], marker="o", markersize=4,
            label=method.replace(" x ", " × "),
        )  # fmt: skip
    axes.axhline(0, color="#666666", linewidth=0.8)
    axes.set(
        xlabel="random parameters from here to the output",
        ylabel="rank correlation with the\nmaps of the trained network",
        ylim=(min(-0.15, float(result.similarity.min()) - 0.05), 1.05),
    )
    names = ["none", *(literal(layer) for layer in result.layers[1:])]
    axes.set_xticks(
        places, names, rotation=45 if len(names) > 7 else 0, ha="right" if len(names) > 7 else "center"
    )
    images = "one image" if result.images == 1 else f"{result.images} images"
    axes.set_title(f"{literal(result.title)}: do the maps depend on what was learned? ({images})")
    axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))
    return figure


def _note(axes: "Axes", text: str) -> None:
    axes.set_axis_off()
    axes.text(0.0, 1.0, text, va="top", fontsize=8.5, linespacing=1.25, transform=axes.transAxes)


def _scores_note(result: Attribution) -> str:
    if result.scores is None:
        return _AREAS
    number = result.scores.deletion.shape[1]
    return (
        f"{_AREAS}\n\nBelow them the means of {number}\ntest images, with 95%\nbootstrap intervals. Pixels in\n"
        f"random order:\n{_mean_areas(result.scores, RANDOM)}"
    )


def _mean_areas(scores: Scores, method: str) -> str:
    row = scores.rows()[scores.methods.index(method)]
    return "\n".join(f"{name} {row[name]:.2f} ({row[f'{name}_95']})" for name in ("deletion", "insertion"))


def _draw_map(axes: "Axes", one: MethodMap) -> None:
    limit = float(np.quantile(np.abs(one.values), 0.99)) or 1.0  # a few pixels are far larger than all others
    scale = signed_scale(limit) if one.method in SIGNED else {"cmap": "magma", "vmin": 0, "vmax": limit}
    show_image(axes, one.values, **scale)


def _draw_curves(axes: "Axes", one: MethodMap, first: bool) -> None:
    fraction = 100 * np.linspace(0, 1, len(one.deletion))
    for curve, name, color, line in (
        (one.deletion, "deletion", COLORS[1], "--"),
        (one.insertion, "insertion", COLORS[0], "-"),
    ):
        size = area(torch.from_numpy(curve))
        axes.plot(fraction, 100 * curve, line, color=color, label=f"{name} {size:.2f}", linewidth=1.4)
    axes.set(ylim=(0, 105), xlim=(0, 100), xlabel="pixels (%)")
    axes.legend(fontsize=7.5, loc="upper center", bbox_to_anchor=(0.5, 1.3), ncols=1, handlelength=1.6)
    if first:
        axes.set_ylabel("probability (%)")
    else:
        axes.set_yticklabels([])
