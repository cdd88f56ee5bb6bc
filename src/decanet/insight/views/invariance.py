"""Invariance: what happens to the predictions when an image moves, turns, grows, darkens or loses quality."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, LINES, literal, new_figure, show_image, styled
from decanet.core.progress import Report
from decanet.evaluation.trained import TrainedModel
from decanet.insight.cache import cached, weights_digest
from decanet.insight.changes import MIRRORED, Change, list_changes
from decanet.insight.sample_images import images_digest, predict_images
from decanet.insight.subject import title

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Curve:
    """How a network fares under one change.

    Attributes:
        change: its name.
        unit: of the amounts.
        neutral: the amount that changes nothing.
        amounts: (A,).
        accuracy: (A,) fraction of the images whose prediction is correct.
        low, high: (A,) ends of the 95% interval of the accuracy (Wilson).
        similarity: (A,) 1 minus half the sum of the absolute differences of the probabilities from those of the image
            as it is, mean of all images: 1 where nothing changes, 0 where no probability is shared.
    """

    change: str
    unit: str
    neutral: float
    amounts: np.ndarray
    accuracy: np.ndarray
    low: np.ndarray
    high: np.ndarray
    similarity: np.ndarray

    @property
    def kept(self) -> float:
        """Mean accuracy under all amounts that change something, divided by the accuracy without."""
        changed = self.amounts != self.neutral
        whole = float(self.accuracy[~changed].mean())
        return float(self.accuracy[changed].mean()) / whole if whole else 0.0


@dataclass(frozen=True)
class Invariance:
    """The curves of one network.

    Attributes:
        title: name of the network.
        images: number of test images.
        curves: one for each change.
        examples: name of a change -> (5, S, S, 3) uint8, one image under five amounts from the first to the last.
    """

    title: str
    images: int
    curves: tuple[Curve, ...]
    examples: dict[str, np.ndarray]

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each change."""
        return [
            {
                "network": self.title,
                "change": curve.change,
                "accuracy_pct": round(100 * float(curve.accuracy[curve.amounts == curve.neutral][0]), 2),
                "worst_pct": round(100 * float(curve.accuracy.min()), 2),
                "at": f"{curve.amounts[curve.accuracy.argmin()]:g}",
                "kept_pct": round(100 * curve.kept, 1),
                "mean_similarity": round(float(curve.similarity.mean()), 3),
            }
            for curve in self.curves
        ]


def wilson_interval(correct: np.ndarray, count: int, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    """Return the ends of the 95% interval of a fraction (E. B. Wilson, J. Am. Stat. Assoc. 22, 1927)."""
    fraction = correct / count
    center = (fraction + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(fraction * (1 - fraction) / count + z**2 / (4 * count**2))
    return center - half, center + half


def compute(trained: TrainedModel, images: Tensor, labels: Tensor, cache: Path, report: Report) -> Invariance:
    """Measure the accuracy of a network under every change; each is kept as soon as it is measured.

    Args:
        trained: the network.
        images: uint8 (N, 3, S, S), as :func:`choose_images` returns them.
        labels: (N,).
        cache: folder that keeps results, see :func:`decanet.insight.cache.cached`.
        report: receives progress.

    Raises:
        UsageError: there are no images.
    """
    if not len(images):
        raise UsageError("an accuracy needs at least one image")
    changes = list_changes(images.shape[-1])
    total = sum(len(change.amounts) for change in changes)
    digest, seen = weights_digest(trained.model), images_digest(images, labels)
    as_is: list[Tensor] = []  # probabilities, computed once and only where something has to be measured
    curves, done = [], 0
    for change in changes:

        def follow(change: Change = change, before: int = done) -> dict[str, Tensor]:
            if not as_is:
                as_is.append(predict_images(trained, images))
            correct, similarity = [], []
            for number, amount in enumerate(change.amounts, 1):
                found = predict_images(trained, change.apply(images, amount))
                correct.append((found.argmax(1) == labels).sum())
                similarity.append(1 - 0.5 * (found - as_is[0]).abs().sum(1).mean())
                report.progress("changing images", before + number, total, "changes")
            return {"correct": torch.stack(correct), "similarity": torch.stack(similarity)}

        parts = (digest, seen, change.name, change.amounts)
        kept = cached(cache, "invariance", parts, follow)
        correct = kept["correct"].numpy()
        low, high = wilson_interval(correct, len(images))
        fraction = correct / len(images)
        curves.append(
            Curve(
                change=change.name,
                unit=change.unit,
                neutral=change.neutral,
                amounts=np.array(change.amounts),
                accuracy=fraction,
                low=low,
                high=high,
                similarity=kept["similarity"].numpy(),
            )
        )
        done += len(change.amounts)
    examples = {change.name: _examples(change, images[:1]) for change in changes}
    return Invariance(title(trained), len(images), tuple(curves), examples)


@styled
def draw(results: Sequence[Invariance]) -> "Figure":
    """Draw a panel for each change with a line for each network, examples below, and a summary of all changes."""
    columns = 3
    names = [curve.change for curve in results[0].curves]
    rows = -(-(len(names) + 1) // columns)
    figure = new_figure(12.0, 3.35 * rows + 0.6)
    number = results[0].images
    figure.suptitle(
        "What changes of an image does the network ignore? "
        + (literal(results[0].title) + ", " if len(results) == 1 else "")
        + f"{number:,} test images",
        fontweight="bold",
    )
    panels = np.asarray(figure.subfigures(rows, columns, squeeze=False)).ravel()
    for k, name in enumerate(names):
        axes, strip = panels[k].subplots(2, 1, height_ratios=[3.1, 1])
        _draw_change(axes, [result.curves[k] for result in results])
        if k % columns == 0:
            axes.set_ylabel("%")
        examples = results[0].examples[name]
        gap = np.full((examples.shape[1], max(1, examples.shape[1] // 16), 3), 255, np.uint8)
        parts = [part for example in examples for part in (gap, example)][1:]
        show_image(strip, np.concatenate(parts, axis=1))
    _draw_summary(panels[len(names)].subplots(), results)
    return figure


def _draw_change(axes: "Axes", curves: Sequence[Curve]) -> None:
    first = curves[0]
    from matplotlib.ticker import MaxNLocator

    single = len(curves) == 1
    for k, curve in enumerate(curves):
        color = COLORS[k % len(COLORS)]
        axes.fill_between(
            curve.amounts, 100 * curve.low, 100 * curve.high, color=color, alpha=0.2, linewidth=0
        )
        axes.plot(
            curve.amounts, 100 * curve.accuracy, LINES[k % len(LINES)], color=color, marker="o", markersize=3,
            label="accuracy, with its 95% interval" if single else None,
        )  # fmt: skip
    if single:
        axes.plot(
            first.amounts, 100 * first.similarity, "--", color=COLORS[1], linewidth=1.3,
            label="similarity of the output",
        )  # fmt: skip
    axes.axvline(first.neutral, color="#888888", linewidth=0.8, linestyle=":")
    axes.set(ylim=(0, 102), xlabel=first.unit)
    if first.unit == "pixels":
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    if first.unit == MIRRORED:
        axes.set_xticks(first.amounts, MIRRORED.split(", "))
        axes.set_xlabel("")
    axes.set_title(first.change, fontsize=10)
    if single and first.change == "horizontal translation":
        axes.legend(fontsize=7.5, loc="lower center")


def _draw_summary(axes: "Axes", results: Sequence[Invariance]) -> None:
    names = [curve.change for curve in results[0].curves]
    places = np.arange(len(names))
    markers = "osD^vPX"
    for k, result in enumerate(results):
        kept = [100 * curve.kept for curve in result.curves]
        shift = 0.0 if len(results) == 1 else 0.4 * (k / (len(results) - 1) - 0.5)
        axes.plot(
            kept, places + shift, markers[k % len(markers)], color=COLORS[k % len(COLORS)], markersize=6,
            label=literal(result.title),
        )  # fmt: skip
    axes.set_yticks(places, names, fontsize=8)
    axes.set(
        ylim=(len(names) - 0.5, -0.5),
        xlim=(0, 105),
        xlabel="accuracy that is kept (%)",
    )
    axes.set_title("summary", fontsize=10)
    axes.legend(loc="upper left", fontsize=8, frameon=True, framealpha=0.9)


def _examples(change: Change, image: Tensor) -> np.ndarray:
    chosen = np.linspace(0, len(change.amounts) - 1, min(5, len(change.amounts))).round().astype(int)
    return np.concatenate(
        [change.apply(image, change.amounts[k]).permute(0, 2, 3, 1).numpy() for k in chosen]
    )
