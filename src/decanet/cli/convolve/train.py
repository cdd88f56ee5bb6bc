"""``decanet convolve train``: a convolutional network without a framework."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from decanet.cli._shared import FIGURE, JsonFlag, console, print_json

if TYPE_CHECKING:
    from decanet.convolution.numpy_network import Digits, Epoch


def command(
    *,
    epochs: int = 15,
    seed: int = 0,
    figure: Annotated[Path | None, Parameter(validator=FIGURE)] = None,
    json: JsonFlag = False,
) -> None:
    """Train a small convolutional network, written in NumPy alone, on scikit-learn's digits.

    The 1,797 handwritten digits of 8x8 pixels are split into 1,433 training images and 364 test images, the split of
    `decanet train --data digits`. Both splits hold digits of the same writers. The seed determines the result.

    For example:

    ```
    decanet convolve train --figure digits.png
    ```

    Args:
        epochs: Epochs of training.
        seed: Random seed of the initial weights and of the order of the images.
        figure: Figure of the loss, the learned kernels and misclassified images (.png, .svg, .pdf).
    """
    from decanet.convolution.numpy_network import digit_network, network_cost, train

    digits = load_digits()
    network = digit_network(seed)
    training = train(network, digits, epochs=epochs, seed=seed)
    cost = network_cost(network)
    out = console(as_json=json)
    out.print(
        f"{len(digits.train_labels):,} training images, {len(digits.test_labels)} test images; "
        f"{cost.params:,} parameters, {cost.macs:,} multiply-adds per image"
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
        from decanet.convolution.figures.training import draw_training
        from decanet.core.plotting import save_figure

        out.print_line(f"wrote {save_figure(draw_training(network, digits, history), figure)}")
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
    """Load scikit-learn's digits in 8x8 pixels, with the split of the data set `digits`."""
    from decanet.convolution.numpy_network import Digits
    from decanet.data.datasets.digits import load_small

    images, labels, test = (tensor.numpy() for tensor in load_small())
    return Digits(images[~test], labels[~test], images[test], labels[test])
