"""Errors: which classes are confused, whether the probabilities can be believed, and which labels may be wrong."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, class_labels, literal, new_figure, show_image, styled
from decanet.core.progress import Report
from decanet.core.runtime import generator
from decanet.data import ImageData
from decanet.evaluation.calibration import (
    Reliability,
    fit_temperature,
    likely_mislabeled,
    reliability,
    with_temperature,
)
from decanet.evaluation.figures import draw_confusion
from decanet.evaluation.metrics import Predictions
from decanet.evaluation.trained import TrainedModel
from decanet.insight.cache import cached, split_digest, weights_digest
from decanet.insight.subject import split_inputs

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

PAIRS, SHOWN = 6, 6  # confused pairs, and images of each
SUSPECTS = 12
THUMBNAIL = 96  # pixels, of images in files


@dataclass(frozen=True)
class Pair:
    """Two classes, of which images of the first are taken for the second.

    Attributes:
        true: number of the first class.
        predicted: number of the second.
        count: number of images.
        share: of the images of the first class.
        images: those of them with the highest probability of the second class, as indices of the split.
    """

    true: int
    predicted: int
    count: int
    share: float
    images: tuple[int, ...]


@dataclass(frozen=True)
class Errors:
    """The errors of a network on a test split.

    Attributes:
        title: name of the network.
        classes: names of the classes.
        predictions: of all images.
        pairs: the most confused ones, the most frequent first.
        before: calibration on one random half of the images.
        after: the same with the probabilities of the fitted temperature.
        temperature: fitted on the other half.
        suspects: indices of images whose label may be wrong, the largest cross-entropy first.
        suspected: number of images that confident learning suspects.
    """

    title: str
    classes: tuple[str, ...]
    predictions: Predictions
    pairs: tuple[Pair, ...]
    before: Reliability
    after: Reliability
    temperature: float
    suspects: tuple[int, ...]
    suspected: int

    def summary(self) -> dict[str, Any]:
        """Return the numbers of the whole split."""
        return {
            "images": len(self.predictions.labels),
            "accuracy": round(self.predictions.accuracy(), 4),
            "loss": round(self.predictions.loss, 4),
            "calibration_error": round(self.before.error, 4),
            "temperature": round(self.temperature, 3),
            "calibration_error_with_temperature": round(self.after.error, 4),
            "suspected_labels": self.suspected,
        }

    def rows(self) -> list[dict[str, Any]]:
        """Return a row for each confused pair."""
        return [
            {
                "true": self.classes[pair.true],
                "predicted": self.classes[pair.predicted],
                "images": pair.count,
                "of_the_class_pct": round(100 * pair.share, 1),
            }
            for pair in self.pairs
        ]


def predict_split(trained: TrainedModel, data: ImageData, cache: Path, report: Report) -> Predictions:
    """Predict the test split of ``data`` in its order; computed once for each network and data.

    Args:
        trained: the network.
        data: gives the test split.
        cache: folder that keeps results, see :func:`decanet.insight.cache.cached`.
        report: receives progress.
    """

    def run() -> dict[str, Tensor]:
        with torch.inference_mode():
            found = [
                trained.model(x).softmax(1).cpu() for x in split_inputs(trained, data, report, "predicting")
            ]
        return {"probabilities": torch.cat(found)}

    parts = (weights_digest(trained.model), split_digest(data), trained.spec.image_size, trained.resize)
    return Predictions(cached(cache, "predictions", parts, run)["probabilities"], data.test.labels)


def compute(predictions: Predictions, classes: tuple[str, ...], title: str) -> Errors:
    """Analyze the errors of predictions of images that the network was not trained on.

    Args:
        predictions: of a test split.
        classes: names of the classes.
        title: name of the network.

    Raises:
        UsageError: there are too few images for a calibration.
    """
    count = len(predictions.labels)
    if count < 20:
        raise UsageError(
            f"{count} images are too few to measure a calibration; give at least 20, better 1000"
        )
    matrix = predictions.confusion_matrix()
    totals = matrix.sum(1)
    errors = matrix.clone().fill_diagonal_(0).flatten()
    predicted = predictions.probabilities.argmax(1)
    pairs = []
    for place in errors.argsort(descending=True, stable=True)[:PAIRS].tolist():
        if not errors[place]:
            break
        true, taken = divmod(place, len(classes))
        among = torch.nonzero((predictions.labels == true) & (predicted == taken))[:, 0]
        order = predictions.probabilities[among, taken].argsort(descending=True)
        images = tuple(among[order[:SHOWN]].tolist())
        pairs.append(Pair(true, taken, len(among), len(among) / int(totals[true]), images))
    halves = torch.randperm(count, generator=generator("errors", "halves"))
    fitted, measured = (
        Predictions(predictions.probabilities[half], predictions.labels[half])
        for half in (halves[: count // 2], halves[count // 2 :])
    )
    temperature = fit_temperature(fitted)
    order, suspected = likely_mislabeled(predictions)
    return Errors(
        title=title,
        classes=classes,
        predictions=predictions,
        pairs=tuple(pairs),
        before=reliability(measured),
        after=reliability(with_temperature(measured, temperature)),
        temperature=temperature,
        suspects=tuple(order[suspected][:SUSPECTS].tolist()),
        suspected=int(suspected.sum()),
    )


@styled
def draw(errors: Errors, data: ImageData) -> "Figure":
    """Draw the confusion matrix, the reliability diagram, the most confused pairs, and suspected labels.

    ``data`` gives the images of the split that was predicted.
    """
    rows = max(1, len(errors.pairs))
    heights = [5.6, 1.22 * rows + 0.5, 3.9 if errors.suspects else 0.6]
    figure = new_figure(12.5, sum(heights) + 0.4)
    figure.suptitle(
        f"Errors of {literal(errors.title)}: {100 * errors.predictions.accuracy():.2f}% of "
        f"{len(errors.predictions.labels):,} images are correct",
        fontweight="bold",
    )
    upper, middle, lower = np.asarray(figure.subfigures(3, 1, height_ratios=heights))
    left, right = np.asarray(upper.subfigures(1, 2, width_ratios=[1.35, 1]))
    draw_confusion(left, errors.predictions, errors.classes)
    _draw_reliability(right, errors)
    _draw_pairs(middle, errors, data)
    _draw_suspects(lower, errors, data)
    return figure


def _draw_reliability(panel: "SubFigure", errors: Errors) -> None:
    axes, histogram = panel.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    axes.plot([0, 100], [0, 100], color="#666666", linestyle=":", linewidth=1.2, label="perfect")
    for one, name, color, style in (
        (errors.before, "as it is", COLORS[1], "o-"),
        (errors.after, f"with temperature {errors.temperature:.2f}", COLORS[0], "s--"),
    ):
        label = f"{name}: error {100 * one.error:.1f}%"
        axes.plot(100 * one.confidence, 100 * one.accuracy, style, color=color, markersize=4, label=label)
    axes.set(ylabel="accuracy (%)", xlim=(0, 100), ylim=(0, 102))
    axes.set_title("Can the probabilities be believed?")
    axes.legend(loc="upper left")
    edges = np.linspace(0, 100, len(errors.before.counts) + 1)
    histogram.bar(
        edges[:-1],
        errors.before.counts.numpy(),
        np.diff(edges),
        align="edge",
        color=COLORS[1],
        edgecolor="white",
    )
    histogram.set(xlabel="probability of the predicted class (%)", ylabel="images")


def _draw_pairs(panel: "SubFigure", errors: Errors, data: ImageData) -> None:
    panel.suptitle(
        "Most confused pairs, with the most confident errors",
        fontsize=11,
        fontweight="bold",
        x=0.01,
        ha="left",
    )
    if not errors.pairs:
        panel.text(0.01, 0.3, "none")
        return
    names = class_labels(errors.classes, longest=18)
    grid = panel.subplots(len(errors.pairs), SHOWN + 1, squeeze=False, width_ratios=[2.2] + [1] * SHOWN)
    for row, pair in zip(grid, errors.pairs, strict=True):
        for axes in row:
            axes.set_axis_off()
        text = f"{names[pair.true]} taken for {names[pair.predicted]}"
        row[0].text(0, 0.62, text, fontsize=10, va="center", fontweight="bold", transform=row[0].transAxes)
        images = "1 image" if pair.count == 1 else f"{pair.count} images"
        note = f"{images}, {100 * pair.share:.1f}% of its class"
        row[0].text(0, 0.34, note, fontsize=9, va="center", transform=row[0].transAxes)
        for axes, index, image in zip(row[1:], pair.images, _thumbnails(data, pair.images), strict=False):
            axes.set_axis_on()
            percent = 100 * float(errors.predictions.probabilities[index, pair.predicted])
            show_image(axes, image)
            axes.set_xlabel(f"{percent:.0f}%", fontsize=8, labelpad=1)


def _draw_suspects(panel: "SubFigure", errors: Errors, data: ImageData) -> None:
    panel.suptitle(
        f"Labels that may be wrong: {errors.suspected:,} images are suspected by confident learning, the first "
        f"{len(errors.suspects)} by cross-entropy" if errors.suspects else "Labels that may be wrong: none",
        fontsize=11, fontweight="bold", x=0.01, ha="left",
    )  # fmt: skip
    if not errors.suspects:
        return
    names = class_labels(errors.classes, longest=18)
    columns = SUSPECTS // 2
    grid = panel.subplots(2, columns, squeeze=False).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, index, image in zip(grid, errors.suspects, _thumbnails(data, errors.suspects), strict=False):
        axes.set_axis_on()
        label = int(errors.predictions.labels[index])
        percent, likely = errors.predictions.probabilities[index].max(0)
        show_image(axes, image, f"label: {names[label]}\nlikely: {names[int(likely)]} ({100 * percent:.0f}%)")


def _thumbnails(data: ImageData, indices: tuple[int, ...]) -> np.ndarray:
    return data.test.pixels(list(indices), THUMBNAIL).permute(0, 2, 3, 1).numpy()
