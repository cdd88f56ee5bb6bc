"""Pictures of a finished training: its curves, what is confused with what, where it is sure and wrong."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from decanet.core.plotting import COLOURS, new_figure, show_picture, styled, wrap_names
from decanet.core.recipe import Selection
from decanet.data import FolderData, ImageData
from decanet.data.folder import fit_square
from decanet.evaluation.protocol import Predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_NAMES = 30  # more class names than this cannot be read on one axis


@styled
def curves(lines: Sequence[dict[str, Any]], result: dict[str, Any]) -> "Figure":
    """Loss and accuracy over the passes, from the entries of metrics.jsonl and a result."""
    steps = [line for line in lines if "loss" in line]
    judged = [line for line in lines if "validation_error" in line]
    figure = new_figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    epochs = [line["epoch"] for line in steps]
    mark = "o" if len(steps) < 40 else ""
    left.plot(epochs, [line["loss"] for line in steps], COLOURS[0], marker=mark, markersize=3)
    left.set(title="Training loss", xlabel="passes over the training pictures", ylabel="cross-entropy, nats")
    accuracies = [100 * line["accuracy"] for line in steps]
    right.plot(
        epochs, accuracies, COLOURS[0], marker=mark, markersize=3, label="training pictures, as varied"
    )
    if judged:
        errors = [100 * (1 - line["validation_error"]) for line in judged]
        right.plot(
            [line["epoch"] for line in judged],
            errors,
            COLOURS[1],
            linestyle="--",
            label="validation pictures",
        )
    split = "test" if "test_top1" in result else "validation"
    top1 = 100 * result[f"{split}_top1"]
    right.axhline(top1, color=COLOURS[6], linestyle=":", linewidth=1.4)
    right.annotate(
        f"{split} {top1:.2f}%", (0.01, top1), xycoords=("axes fraction", "data"), xytext=(0, 4),
        textcoords="offset points", fontsize=9, fontweight="bold",
    )  # fmt: skip
    low = min([*accuracies, top1])
    right.set(title="Accuracy", xlabel="passes over the training pictures", ylabel="right, %")
    right.set_ylim(max(0.0, low - 6), min(100.0, max([*accuracies, top1]) + 7))
    right.legend(loc="lower right")
    selection = Selection(**result["settings"]["selection"])
    if selection.keep < 1 and epochs:
        begin = selection.whole_passes(epochs[-1])
        for axes in (left, right):
            axes.axvline(begin, color="#888888", linestyle="--", linewidth=1)
        left.annotate(
            f" from here only the {selection.keep:.0%}\n with the largest loss", (begin, 0.98),
            xycoords=("data", "axes fraction"), va="top", fontsize=8, color="#555555",
        )  # fmt: skip
    figure.suptitle(
        f"{result['model']}, recipe {result['recipe']}, {result['data']}: "
        f"{result['train_seconds']:.0f} s of training",
        fontsize=11,
    )
    return figure


@styled
def confusion(predictions: Predictions, classes: Sequence[str]) -> "Figure":
    """Of each true class (row) the share that was called each class (column), in percent."""
    counts = predictions.confusion().double().numpy()
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    named = len(classes) <= MOST_NAMES
    size = max(5.0, 0.52 * len(classes) + 1.8) if named else 8.0
    figure = new_figure(size, size)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=100)
    axes.grid(False)
    if named:
        names = wrap_names(classes)
        axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(len(names)), names)
        for row, column in np.ndindex(*shares.shape):
            if shares[row, column] >= 0.5:
                axes.text(
                    column, row, f"{shares[row, column]:.0f}", ha="center", va="center", fontsize=8,
                    color="white" if shares[row, column] > 55 else "#222222",
                )  # fmt: skip
    axes.set(xlabel="called", ylabel="is", title="What is called what, % of each class")
    return figure


@styled
def most_confident(predictions: Predictions, data: ImageData | FolderData, count: int = 12) -> "Figure":
    """The test pictures of which the network was surest: those it got right, and those it got wrong."""
    sureness, called = predictions.probabilities.max(dim=1)
    right = called == predictions.labels
    figure = new_figure(10, 5.4)
    upper, lower = np.asarray(figure.subfigures(2, 1))
    for half, wanted, title in (
        (upper, right, "Surest and right"),
        (lower, ~right, "Surest and wrong"),
    ):
        half.suptitle(title, fontsize=11, fontweight="bold", x=0.01, ha="left")
        order = torch.argsort(sureness.masked_fill(~wanted, -1.0), descending=True)[
            : min(count, int(wanted.sum()))
        ]
        grid = half.subplots(2, count // 2, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        if not len(order):
            half.text(0.5, 0.5, "none", ha="center")
        for axes, index, picture in zip(grid, order.tolist(), thumbnails(data, order.tolist()), strict=False):
            axes.set_axis_on()
            name = data.classes[int(called[index])]
            true = data.classes[int(predictions.labels[index])]
            title = name if name == true else f"{name}, is {true}"
            show_picture(axes, picture, f"{title}\n{100 * sureness[index]:.1f}%")
    return figure


def thumbnails(data: ImageData | FolderData, indices: Sequence[int], side: int = 96) -> list[np.ndarray]:
    """Test pictures as (H, W, 3) uint8."""
    if isinstance(data, ImageData):
        return [data.test.images[index].permute(1, 2, 0).numpy() for index in indices]
    from decanet.convolution.pictures import read_rgb

    return [fit_square(read_rgb(data.test[index][0]), side) for index in indices]
