"""``decanet convolve train``: a convolutional network with no framework, trained while you watch."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from decanet.cli._shared import JsonFlag, console, print_json
from decanet.core.errors import UsageError
from decanet.core.plotting import COLOURS, grid_shape, new_figure, save_figure, show_picture, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from decanet.convolution.numpy_network import Digits, Epoch, Network

FIGURE_KINDS = (".png", ".svg", ".pdf")
WRONG_SHOWN = 8


def command(
    *,
    epochs: int = 15,
    seed: int = 0,
    figure: Path | None = None,
    json: JsonFlag = False,
) -> None:
    """Train a small convolutional network made of NumPy layers alone on scikit-learn's digits.

    The 1,797 handwritten digits of 8x8 pixels are split into 1,437 to train and 360 to test, always the same.
    A seed always gives the same network.

    For example:

    ```
    decanet convolve train --figure digits.png
    ```

    Args:
        epochs: Passes over the training pictures.
        seed: Of the first weights and of the order of the pictures.
        figure: Draw the loss, the learned kernels and some mistakes into this file (PNG, SVG or PDF).
    """
    if figure is not None:
        _check_figure(figure)
    from decanet.convolution.numpy_network import digit_network, load_digits, network_cost, train

    digits = load_digits()
    network = digit_network(seed)
    training = train(network, digits, epochs=epochs, seed=seed)
    cost = network_cost(network)
    out = console(as_json=json)
    out.print(
        f"{len(digits.train_labels):,} digits to train, {len(digits.test_labels)} to test; "
        f"{cost.params:,} parameters, {cost.macs:,} multiply-adds a picture"
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
        out.print(f"figure: {figure}", markup=False)
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


@styled
def draw_training(network: "Network", digits: "Digits", history: "list[Epoch]") -> "Figure":
    """The loss and the test accuracy by epoch, the first layer's kernels, and test pictures named wrongly."""
    import numpy as np

    from decanet.convolution.numpy_network import predict

    figure = new_figure(9, 7)
    panels: Any = figure.subfigures(2, 2, height_ratios=(1, 1.2))
    numbers = [epoch.number for epoch in history]

    loss = panels[0, 0].subplots()
    loss.plot(numbers, [epoch.train_loss for epoch in history], color=COLOURS[0], marker="o", markersize=4)
    loss.set(title="Training loss", xlabel="epoch", ylabel="cross-entropy (log scale)", yscale="log")
    accuracy = panels[0, 1].subplots()
    top1_pct = [100 * epoch.test_top1 for epoch in history]
    accuracy.plot(numbers, top1_pct, color=COLOURS[1], marker="s", markersize=4)
    accuracy.set(title=f"Test accuracy: {top1_pct[-1]:.1f}% at the end", xlabel="epoch", ylabel="% right")
    for axes in (loss, accuracy):
        axes.set_xlim(0.5, len(history) + 0.5)
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)

    kernels = network.layers[0].params["weight"][:, 0]  # (16, 3, 3)
    limit = float(abs(kernels).max())
    panels[1, 0].suptitle("The first layer's kernels, learned", fontsize=11, fontweight="bold")
    for axes, kernel in zip(panels[1, 0].subplots(4, 4).flat, kernels):
        show_picture(axes, kernel, cmap="PuOr", vmin=-limit, vmax=limit)
        for (row, column), weight in np.ndenumerate(kernel):
            ink = "white" if abs(weight) > 0.6 * limit else "black"
            axes.text(column, row, f"{weight:+z.1f}", ha="center", va="center", fontsize=5, color=ink)

    said = predict(network, digits.test_pictures)
    wrong = np.flatnonzero(said != digits.test_labels)
    panels[1, 1].suptitle(
        f"Test pictures named wrongly: {len(wrong)} of {len(said)}", fontsize=11, fontweight="bold"
    )
    cells = panels[1, 1].subplots(*grid_shape(WRONG_SHOWN, 4)).flat
    for place, axes in enumerate(cells):
        if place >= len(wrong):
            axes.set_axis_off()
            continue
        index = wrong[place]
        title = f"{digits.test_labels[index]} read as {said[index]}"
        show_picture(axes, digits.test_pictures[index, 0], title, cmap="gray_r")
    return figure


def _check_figure(path: Path) -> None:
    """Say before the training, not after it, that the figure cannot be written."""
    if path.suffix.lower() not in FIGURE_KINDS:
        raise UsageError(f"cannot draw into {path}: use a name that ends with {', '.join(FIGURE_KINDS)}")
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder; give a file name")
