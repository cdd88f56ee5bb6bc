"""The figure of a training."""

import numpy as np
import pytest

from decanet.cli.convolve.train import load_digits
from decanet.convolution.figures.training import draw_training
from decanet.convolution.numpy_network import Epoch, digit_network, predict


@pytest.mark.parametrize(("wrong", "rows"), [(0, 0), (1, 1), (2, 1), (4, 2), (5, 2), (9, 3)])
def test_misclassified_images_fill_their_panel(wrong: int, rows: int) -> None:
    from decanet.convolution.numpy_network import Digits

    digits, network = load_digits(), digit_network(0)
    labels = predict(network, digits.test_images[:20])
    labels[:wrong] = (labels[:wrong] + 1) % 10
    few = Digits(digits.train_images, digits.train_labels, digits.test_images[:20], labels)
    panel = draw_training(network, few, [Epoch(1, 2.3, 0.1, 1.0)]).subfigs[3]
    assert f"{wrong} of 20" in panel.get_suptitle()
    assert sum(bool(axes.images) for axes in panel.axes) == wrong
    assert not any(axes.axison for axes in panel.axes if not axes.images)
    assert len({round(axes.get_subplotspec().rowspan.start) for axes in panel.axes if axes.images}) == rows


def test_the_figure_shows_the_misclassified_images() -> None:
    digits, network = load_digits(), digit_network(0)  # untrained: wrong nearly everywhere
    figure = draw_training(network, digits, [Epoch(1, 2.3, 0.1, 1.0)])
    said = predict(network, digits.test_images)
    first = np.flatnonzero(said != digits.test_labels)[0]
    titles = [axes.get_title() for panel in figure.subfigs for axes in panel.axes]
    assert f"true {digits.test_labels[first]}, predicted {said[first]}" in titles
    assert "Test accuracy: 10.0% at the end" in titles
