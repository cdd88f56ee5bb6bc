"""``decanet convolve train``: a convolutional network with no framework, trained while you watch."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

from decanet.cli._shared import JsonFlag, console, print_json
from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, new_figure, save_figure, show_image, signed_scale, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from decanet.convolution.numpy_network import Digits, Epoch, Network

FIGURE_KINDS = (".png", ".svg", ".pdf")
MOST_ERRORS = 9


def command(
    *,
    epochs: int = 15,
    seed: int = 0,
    figure: Path | None = None,
    json: JsonFlag = False,
) -> None:
    """Train a small convolutional network made of NumPy layers alone on scikit-learn's digits.

    The 1,797 handwritten digits of 8x8 pixels are split into 1,433 to train and 364 to test, the same as in
    `decanet train --data digits`. They are split by image, so both parts hold digits of the same writers. A seed
    always gives the same network.

    For example:

    ```
    decanet convolve train --figure digits.png
    ```

    Args:
        epochs: How often each training image is used.
        seed: Of the first weights and of the order of the images.
        figure: Draw the loss, the learned kernels and some mistakes into this file (PNG, SVG or PDF).
    """
    if figure is not None:
        _check_figure(figure)
    from decanet.convolution.numpy_network import digit_network, network_cost, train

    digits = load_digits()
    network = digit_network(seed)
    training = train(network, digits, epochs=epochs, seed=seed)
    cost = network_cost(network)
    out = console(as_json=json)
    out.print(
        f"{len(digits.train_labels):,} digits to train, {len(digits.test_labels)} to test; "
        f"{cost.params:,} parameters, {cost.macs:,} multiply-adds an image"
    )
    history: list[Epoch] = []
    for epoch in training:
        history.append(epoch)
        left = sum(e.seconds for e in history) / len(history) * (epochs - epoch.number)
        out.print(
            f"epoch {epoch.number:{len(str(epochs))}}/{epochs}  loss {epoch.train_loss:.4f}  "
            f"test accuracy {epoch.test_top1:7.2%}  {left:3.0f} s left"
        )
    if figure is not None:
        save_figure(draw_training(network, digits, history), figure)
        out.say(f"figure: {figure}")
    seconds = sum(epoch.seconds for epoch in history)
    if json:
        print_json(
            {
                "model": "numpy_cnn",
                "data": "digits",
                "seed": seed,
                "epochs": epochs,
                "params": cost.params,
                "macs": cost.macs,
                "test_top1": history[-1].test_top1,
                "train_seconds": seconds,
                "images_per_second": epochs * len(digits.train_labels) / seconds,
                "history": [vars(epoch) for epoch in history],
            }
        )


def load_digits() -> "Digits":
    """The data set digits at its own size, with its own split."""
    from decanet.convolution.numpy_network import Digits
    from decanet.data.datasets.digits import load_small

    images, labels, test = (tensor.numpy() for tensor in load_small())
    return Digits(images[~test], labels[~test], images[test], labels[test])


@styled
def draw_training(network: "Network", digits: "Digits", history: "list[Epoch]") -> "Figure":
    """The loss and the test accuracy by epoch, the first layer's kernels, and test images predicted wrongly."""
    import numpy as np

    from decanet.convolution.numpy_network import predict

    figure = new_figure(11, 8.6)
    panels: Any = figure.subfigures(2, 2, height_ratios=(1, 1.6))
    numbers = [epoch.number for epoch in history]

    loss = panels[0, 0].subplots()
    loss.plot(numbers, [epoch.train_loss for epoch in history], color=COLORS[0], marker="o", markersize=4)
    loss.set(title="Training loss", xlabel="epoch", ylabel="cross-entropy (log scale)", yscale="log")
    accuracy = panels[0, 1].subplots()
    top1_pct = [100 * epoch.test_top1 for epoch in history]
    accuracy.plot(numbers, top1_pct, color=COLORS[1], marker="s", markersize=4)
    accuracy.set(
        title=f"Test accuracy: {top1_pct[-1]:.1f}% at the end", xlabel="epoch", ylabel="accuracy (%)"
    )
    for axes in (loss, accuracy):
        axes.set_xlim(0.5, len(history) + 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)

    kernels = network.layers[0].params["weight"][:, 0]  # (16, 3, 3)
    scale = signed_scale(float(abs(kernels).max()))
    panels[1, 0].suptitle("The first layer's kernels, learned", fontsize=11, fontweight="bold")
    cells = panels[1, 0].subplots(4, 4)
    for axes, kernel in zip(cells.flat, kernels):
        show_image(axes, kernel, **scale)
        axes.spines[:].set(visible=True, color="#999999")
        for (row, column), weight in np.ndenumerate(kernel):
            ink = "white" if abs(weight) > 0.6 * scale["vmax"] else "black"
            text = f"{weight:+z.1f}".replace("-", "−")
            axes.text(column, row, text, ha="center", va="center", fontsize=8, color=ink)
    panels[1, 0].colorbar(cells[0, 0].images[0], ax=cells, shrink=0.6, label="weight").ax.tick_params(
        labelsize=8
    )

    predicted = predict(network, digits.test_images)
    wrong = np.flatnonzero(predicted != digits.test_labels)
    shown = wrong[:MOST_ERRORS]
    title = f"Test images predicted wrongly: {len(wrong)} of {len(predicted)}"
    more = f", the first {len(shown)}" if len(shown) < len(wrong) else ""
    panels[1, 1].suptitle(f"{title}{more}", fontsize=11, fontweight="bold")
    if len(shown):
        columns = math.ceil(math.sqrt(len(shown)))
        errors = panels[1, 1].subplots(math.ceil(len(shown) / columns), columns, squeeze=False).flat
        for axes, index in zip(errors, shown):
            label = f"true {digits.test_labels[index]}, predicted {predicted[index]}"
            show_image(axes, digits.test_images[index, 0], label, cmap="gray_r")
            axes.spines[:].set(visible=True, color="#999999")
        for axes in errors:
            axes.set_axis_off()
    return figure


def _check_figure(path: Path) -> None:
    """Say before the training, not after it, that the figure cannot be written."""
    if path.suffix.lower() not in FIGURE_KINDS:
        raise UsageError(f"cannot draw into {path}: use a name that ends with {', '.join(FIGURE_KINDS)}")
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder; give a file name")
