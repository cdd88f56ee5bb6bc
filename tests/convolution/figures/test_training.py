"""The figure of a training."""

import numpy as np
import pytest

from decanet.cli.convolve.train import load_digits
from decanet.convolution.figures.training import draw_misclassified, draw_training
from decanet.convolution.numpy_network import Digits, Epoch, digit_network, predict
from decanet.core.plotting import new_figure


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load_digits()


@pytest.mark.parametrize(("wrong", "rows"), [(0, 0), (1, 1), (2, 1), (4, 2), (5, 2), (9, 3)])
def test_misclassified_images_fill_their_panel(digits: Digits, wrong: int, rows: int) -> None:
    predicted = digits.test_labels[:20].copy()
    predicted[:wrong] = (predicted[:wrong] + 1) % 10
    few = Digits(digits.train_images, digits.train_labels, digits.test_images[:20], digits.test_labels[:20])
    panel = new_figure(5, 5)
    draw_misclassified(panel, few, predicted)
    assert f"{wrong} of 20" in panel.get_suptitle()
    shown = [axes for axes in panel.axes if axes.images]
    assert len(shown) == wrong
    for index, axes in enumerate(shown):
        np.testing.assert_array_equal(axes.images[0].get_array(), digits.test_images[index, 0])
        assert axes.get_title() == f"true {digits.test_labels[index]}, predicted {predicted[index]}"
    assert not any(axes.axison for axes in panel.axes if not axes.images)
    assert len({round(axes.get_subplotspec().rowspan.start) for axes in shown}) == rows


def test_the_figure_shows_loss_accuracy_kernels_and_misclassified_images(digits: Digits) -> None:
    network = digit_network(0)  # untrained: wrong nearly everywhere
    figure = draw_training(network, digits, [Epoch(1, 2.3, 0.1, 1.0), Epoch(2, 1.1, 0.6, 1.0)])
    loss, accuracy = (panel.axes[0] for panel in figure.subfigs[:2])
    np.testing.assert_array_equal(loss.lines[0].get_xydata(), [[1, 2.3], [2, 1.1]])
    np.testing.assert_array_equal(accuracy.lines[0].get_xydata(), [[1, 10], [2, 60]])
    assert (loss.get_xlabel(), loss.get_ylabel()) == ("epoch", "cross-entropy (log scale)")
    assert (accuracy.get_xlabel(), accuracy.get_ylabel()) == ("epoch", "accuracy (%)")
    assert accuracy.get_title() == "Test accuracy: 60.0% after training"
    kernels = network.layers[0].params["weight"][:, 0]
    for axes, kernel in zip(figure.subfigs[2].axes, kernels):
        np.testing.assert_array_equal(axes.images[0].get_array(), kernel)
        assert [text.get_text() for text in axes.texts] == [
            f"{w:+z.1f}".replace("-", "−") for w in kernel.flat
        ]
    predicted = predict(network, digits.test_images)
    first = np.flatnonzero(predicted != digits.test_labels)[0]
    titles = [axes.get_title() for axes in figure.subfigs[3].axes]
    assert titles[0] == f"true {digits.test_labels[first]}, predicted {predicted[first]}"
