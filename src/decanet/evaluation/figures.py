"""Figures of a finished training: its curves, its confusion matrix, its most confident predictions and errors."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from decanet.core.facts import reference_run
from decanet.core.plotting import (
    COLORS,
    class_labels,
    literal,
    needs_legend,
    new_figure,
    save_class_legend,
    save_figure,
    show_image,
    styled,
)
from decanet.core.recipe import Selection
from decanet.data import ImageData
from decanet.evaluation.metrics import Predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure, SubFigure

THUMBNAIL_SIZE = 96  # pixels of an image file in a figure
MOST_NAMES = 30  # more class names than this cannot be read on one axis


@styled
def curves(lines: Sequence[dict[str, Any]], result: dict[str, Any]) -> "Figure":
    """Draw loss, accuracy and learning rate over the epochs, from the entries of metrics.jsonl and a result."""
    steps = [line for line in lines if "loss" in line]
    validations = [line for line in lines if "validation_error" in line]
    figure = new_figure(12, 4)
    loss, accuracy, lr = figure.subplots(1, 3, width_ratios=(4, 4, 3))
    epochs = [line["epoch"] for line in steps]
    style: dict[str, Any] = {"color": COLORS[0], "marker": "o" if len(steps) < 40 else "", "markersize": 3}
    if (reference := reference_run(result["recipe"], result["model"])) is not None:
        loss.plot(
            reference.epochs, reference.losses, color="#888888", linestyle="--", marker="s", markersize=3,
            label=f"{reference.label}, test {reference.test_top1_pct:.2f}%",
        )  # fmt: skip
    loss.plot(epochs, [line["loss"] for line in steps], **style, label="this run")
    if reference is not None:
        loss.legend(loc="upper right")
    loss.set(title="Training loss", xlabel="epoch", ylabel="cross-entropy (nats)")
    accuracies = [100 * line["accuracy"] for line in steps]
    accuracy.plot(epochs, accuracies, **style, label="training set, augmented")
    if validations:
        accuracy.plot(
            [line["epoch"] for line in validations],
            [100 * (1 - line["validation_error"]) for line in validations],
            COLORS[1],
            linestyle="--",
            label="validation set",
        )
    split = "test" if "test_top1" in result else "validation"
    top1 = 100 * result[f"{split}_top1"]
    accuracy.axhline(top1, color=COLORS[6], linestyle=":", linewidth=1.4)
    accuracy.annotate(
        f"{split} {top1:.2f}%", (0.01, top1), xycoords=("axes fraction", "data"), xytext=(0, 4),
        textcoords="offset points", fontsize=9, fontweight="bold",
    )  # fmt: skip
    accuracy.set(title="Accuracy", xlabel="epoch", ylabel="accuracy (%)")
    highest = min(102.0, max([*accuracies, top1]) + 7)  # 102: markers at 100 are not cut
    accuracy.set_ylim(max(0.0, min([*accuracies, top1]) - 6), highest)
    accuracy.legend(loc="lower right")
    lr.plot(epochs, [line["lr"] for line in steps], **style)
    lr.set(title="Learning rate", xlabel="epoch", ylabel="learning rate")
    lr.set_ylim(bottom=0)
    note = "Training accuracy is measured on augmented images, before each step's update"
    selection = Selection(**result["settings"]["selection"])
    if selection.keep < 1 and epochs:
        begin = selection.full_epochs(epochs[-1])
        for axes in figure.axes:
            axes.axvline(begin, color="#888888", linestyle="--", linewidth=1)
        loss.annotate(
            f" from here on, only the {selection.keep:.0%}\n with the largest loss", (begin, 0.98),
            xycoords=("data", "axes fraction"), va="top", fontsize=8, color="#555555",
        )  # fmt: skip
        note += (
            f"; after epoch {begin:g}, only on the {selection.keep:.0%} with the largest loss, "
            f"so that the {split} accuracy can lie above it"
        )
    for axes in figure.axes:
        axes.set_xlim(left=0)
    figure.supxlabel(f"{note}.", fontsize=8.5, color="#555555")
    figure.suptitle(
        literal(
            f"{result['model']}, recipe {result['recipe']}, {result['data']}: "
            f"{result['train_seconds']:.0f} s of training"
        ),
        fontsize=11,
    )
    return figure


@styled
def confusion(predictions: Predictions, classes: Sequence[str]) -> "Figure":
    """Draw the confusion matrix as a figure of its own, see :func:`draw_confusion`."""
    size = max(5.0, 0.52 * len(classes) + 1.8) if len(classes) <= MOST_NAMES else 8.0
    figure = new_figure(size + 1.25, size)
    draw_confusion(figure, predictions, classes)
    return figure


def draw_confusion(figure: "Figure | SubFigure", predictions: Predictions, classes: Sequence[str]) -> None:
    """Draw the confusion matrix in percent of each true class.

    Classes that are often confused are neighbors. Correct predictions are blue; errors have a color scale of their own,
    from white to the largest of them, to be visible beside the diagonal. The row of a class without images is empty.
    """
    counts = predictions.confusion_matrix().double().numpy()
    percent = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    order = similar_order(percent)
    percent = percent[np.ix_(order, order)]
    absent = counts.sum(axis=1)[order] == 0
    diagonal = np.eye(len(classes), dtype=bool)
    largest = max(1.0, percent[~diagonal].max())
    named = len(classes) <= MOST_NAMES
    axes = figure.subplots()
    correct = axes.imshow(
        np.ma.array(percent, mask=~diagonal | absent[:, None]), cmap="Blues", vmin=0, vmax=100
    )
    errors = axes.imshow(
        np.ma.array(percent, mask=diagonal | absent[:, None]), cmap="Oranges", vmin=0, vmax=largest
    )
    for image, label in (
        (errors, "errors (% of the true class)"),
        (correct, "correct (% of the true class)"),
    ):
        bar = figure.colorbar(image, ax=axes, shrink=0.6, aspect=30, pad=0.02)
        bar.set_label(label)
        bar.outline.set_visible(False)
    axes.grid(False)
    if named:
        labels = class_labels(classes)
        names = [literal(labels[k]) for k in order]
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        rows = [f"{name} (no images)" if none else name for name, none in zip(names, absent, strict=True)]
        axes.set_yticks(range(len(names)), rows)
        for row, column in np.ndindex(*percent.shape):
            value = percent[row, column]
            if value >= 0.5:  # Python's format rounds 0.5 to 0
                dark = value > (55 if row == column else 0.6 * largest)
                axes.text(
                    column, row, f"{math.floor(value + 0.5)}", ha="center", va="center", fontsize=8,
                    color="white" if dark else "#222222",
                )  # fmt: skip
    else:  # the rows are sorted, so that their numbers are not those of the classes
        axes.set(xticks=[], yticks=[])
    legend = f" (of {len(classes)}; those often confused are neighbors)"
    if named:
        legend = " (classes.txt names the numbered ones)" if needs_legend(classes) else ""
    axes.set(xlabel=f"predicted class{legend}", ylabel="true class", title="Confusion matrix")


def similar_order(percent: np.ndarray) -> list[int]:
    """Return the order of the classes of (K, K) ``percent`` in which those often confused are neighbors, as indices."""
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    if len(percent) < 3:
        return list(range(len(percent)))
    confused = percent + percent.T
    distance = confused.max() - confused
    np.fill_diagonal(distance, 0)
    # Optimal leaf ordering costs the cube of the number of classes.
    return leaves_list(
        linkage(squareform(distance), "average", optimal_ordering=len(percent) <= 300)
    ).tolist()


@styled
def most_confident(predictions: Predictions, data: ImageData, count: int = 12) -> "Figure":
    """Draw the test images with the most confident predictions: correct ones above, errors below."""
    confidence, predicted = predictions.probabilities.max(dim=1)
    correct = predicted == predictions.labels
    names = class_labels(data.classes, longest=16)
    columns = count // 2
    shown = [min(count, int(wanted.sum())) for wanted in (correct, ~correct)]
    rows = [-(-number // columns) for number in shown]
    heights = [number or 0.4 for number in rows]
    figure = new_figure(1.55 * columns, round(2.15 * sum(heights), 2))
    upper, lower = np.asarray(figure.subfigures(2, 1, hspace=0.02, height_ratios=heights))
    for half, wanted, number, lines, title in (
        (upper, correct, shown[0], rows[0], "Most confident correct predictions"),
        (lower, ~correct, shown[1], rows[1], "Most confident errors"),
    ):
        half.suptitle(title, fontsize=11, fontweight="bold", x=0.01, ha="left")
        order = torch.argsort(confidence.masked_fill(~wanted, -1.0), descending=True)[:number]
        if not lines:
            half.text(0.01, 0.25, "none", ha="left")
            continue
        thumbnails = data.test.pixels(order, THUMBNAIL_SIZE).permute(0, 2, 3, 1).numpy()
        grid = half.subplots(lines, columns, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, index, image in zip(grid, order.tolist(), thumbnails, strict=False):
            axes.set_axis_on()
            name, true = names[int(predicted[index])], names[int(predictions.labels[index])]
            title = f"{name} ({100 * confidence[index]:.1f}%)"
            show_image(axes, image, title if correct[index] else f"{title}\ntrue: {true}")
    return figure


def save_predictions(predictions: Predictions, data: ImageData, folder: Path) -> None:
    """Draw the confusion matrix and the most confident predictions of the test split into ``folder``."""
    save_figure(confusion(predictions, data.classes), folder / "confusion.png")
    save_figure(most_confident(predictions, data), folder / "most_confident.png")
    save_class_legend(data.classes, folder)
