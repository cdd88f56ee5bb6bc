"""Figure of a training: loss, accuracy, learned kernels and misclassified images."""

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.numpy_network import Digits, Epoch, Network, predict
from decanet.convolution.reference import Array
from decanet.core.plotting import COLORS, new_figure, show_image, signed_scale, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MOST_ERRORS = 9


@styled
def draw_training(network: Network, digits: Digits, history: list[Epoch]) -> "Figure":
    """Draw the loss and the test accuracy by epoch, the kernels of the first layer, and misclassified test images."""
    figure = new_figure(11, 8.6)
    panels: Any = figure.subfigures(2, 2, height_ratios=(1, 1.6))
    top1_pct = [100 * epoch.test_top1 for epoch in history]
    loss, accuracy = panels[0, 0].subplots(), panels[0, 1].subplots()
    numbers = [epoch.number for epoch in history]
    loss.plot(numbers, [epoch.train_loss for epoch in history], color=COLORS[0], marker="o", markersize=4)
    loss.set(title="Training loss", xlabel="epoch", ylabel="cross-entropy (log scale)", yscale="log")
    accuracy.plot(numbers, top1_pct, color=COLORS[1], marker="s", markersize=4)
    accuracy.set(
        title=f"Test accuracy: {top1_pct[-1]:.1f}% after training", xlabel="epoch", ylabel="accuracy (%)"
    )
    for axes in (loss, accuracy):
        axes.set_xlim(0.5, len(history) + 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    draw_kernels(panels[1, 0], network.layers[0].params["weight"][:, 0])
    draw_misclassified(panels[1, 1], digits, predict(network, digits.test_images))
    return figure


def draw_kernels(panel: Any, kernels: Array) -> None:
    """Draw the 16 kernels of the first layer, (16, 3, 3), with their weights."""
    scale = signed_scale(float(abs(kernels).max()))
    panel.suptitle("Learned kernels of the first layer", fontsize=11, fontweight="bold")
    cells = panel.subplots(4, 4)
    for axes, kernel in zip(cells.flat, kernels):
        show_image(axes, kernel, **scale)
        axes.spines[:].set(visible=True, color="#999999")
        for (row, column), weight in np.ndenumerate(kernel):
            ink = "white" if abs(weight) > 0.6 * scale["vmax"] else "black"
            text = f"{weight:+z.1f}".replace("-", "−")
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    bar = panel.colorbar(cells[0, 0].images[0], ax=cells, shrink=0.6, label="weight")
    bar.ax.tick_params(labelsize=8)


def draw_misclassified(panel: Any, digits: Digits, predicted: Array) -> None:
    """Draw the first misclassified test images with their true and predicted classes, (N,)."""
    wrong = np.flatnonzero(predicted != digits.test_labels)
    shown = wrong[:MOST_ERRORS]
    title = f"Misclassified test images: {len(wrong)} of {len(predicted)}"
    more = f", the first {len(shown)}" if len(shown) < len(wrong) else ""
    panel.suptitle(f"{title}{more}", fontsize=11, fontweight="bold")
    if not len(shown):
        return
    columns = math.ceil(math.sqrt(len(shown)))
    cells = panel.subplots(math.ceil(len(shown) / columns), columns, squeeze=False).ravel()
    for axes, index in zip(cells, shown):
        label = f"true {digits.test_labels[index]}, predicted {predicted[index]}"
        show_image(axes, digits.test_images[index, 0], label, cmap="gray_r")
        axes.spines[:].set(visible=True, color="#999999")
    for axes in cells[len(shown) :]:
        axes.set_axis_off()
