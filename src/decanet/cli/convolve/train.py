"""``decanet convolve train``: a convolutional network with no framework, trained while you watch."""

from pathlib import Path
from typing import TYPE_CHECKING

from decanet.cli._shared import JsonFlag, console, print_json
from decanet.core.errors import UsageError
from decanet.core.plotting import save_figure

if TYPE_CHECKING:
    from decanet.convolution.numpy_network import Digits, Epoch

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
    from decanet.convolution.figures.training import draw_training
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


def _check_figure(path: Path) -> None:
    """Say before the training, not after it, that the figure cannot be written."""
    if path.suffix.lower() not in FIGURE_KINDS:
        raise UsageError(f"cannot draw into {path}: use a name that ends with {', '.join(FIGURE_KINDS)}")
    if path.is_dir():
        raise UsageError(f"cannot write {path}: it is a folder; give a file name")
