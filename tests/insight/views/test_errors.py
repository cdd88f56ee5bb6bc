"""Confused pairs, calibration and suspected labels of a test split."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.data import ImageData, load_data
from decanet.evaluation.metrics import Predictions
from decanet.insight.subject import load_subject
from decanet.insight.views import errors
from tests.conftest import Heard


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    data = load_data("digits", cache=tmp_path_factory.mktemp("cache"), report=Silent())
    return replace(data, test=data.test[:120])


def predictions(data: ImageData) -> Predictions:
    """Right, but for all eights, which are taken for threes, and one label."""
    labels = data.test.labels
    taken = torch.where(labels == 8, 3, labels)
    taken[5] = (labels[5] + 1) % 10
    logits = 4 * torch.nn.functional.one_hot(taken, 10).float()
    return Predictions(
        (logits + torch.rand(logits.shape, generator=torch.Generator().manual_seed(0))).softmax(1), labels
    )


def test_the_most_confused_pair_comes_first_with_its_images(digits: ImageData) -> None:
    found = errors.compute(predictions(digits), digits.classes, "it")
    first = found.pairs[0]
    labels = digits.test.labels
    assert (found.classes[first.true], found.classes[first.predicted]) == ("8", "3")
    assert first.count == int((labels == 8).sum())
    assert first.share == pytest.approx(1.0)
    assert all(labels[index] == 8 for index in first.images)
    shown = [float(found.predictions.probabilities[index, 3]) for index in first.images]
    assert shown == sorted(shown, reverse=True)
    assert found.rows()[0]["of_the_class_pct"] == 100.0
    assert 5 in found.suspects
    assert found.summary()["accuracy"] == pytest.approx(
        1 - found.rows()[0]["images"] / 120 - 1 / 120, abs=1e-4
    )


def test_calibration_is_measured_on_the_half_that_the_temperature_was_not_fitted_on(
    digits: ImageData,
) -> None:
    found = errors.compute(predictions(digits), digits.classes, "it")
    assert int(found.before.counts.sum()) == int(found.after.counts.sum()) == 60


def test_the_figure_shows_pairs_calibration_and_suspects(digits: ImageData) -> None:
    found = errors.compute(predictions(digits), digits.classes, "it")
    figure = errors.draw(found, digits)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert "8 taken for 3" in texts
    titles = [axes.get_title() for axes in figure.axes]
    assert "Confusion matrix" in titles
    diagram = figure.axes[titles.index("Can the probabilities be believed?")]
    np.testing.assert_allclose(diagram.lines[1].get_ydata(), 100 * found.before.accuracy.numpy())
    assert sum(title.startswith("label: ") for title in titles) == len(found.suspects)


def test_no_errors_are_drawn_as_none(digits: ImageData) -> None:
    labels = digits.test.labels
    perfect = Predictions(torch.nn.functional.one_hot(labels, 10).float(), labels)
    found = errors.compute(perfect, digits.classes, "it")
    assert found.pairs == ()
    assert found.suspects == ()
    figure = errors.draw(found, digits)
    assert any("none" in text.get_text() for panel in figure.subfigs for text in panel.texts)


def test_too_few_images_are_refused(digits: ImageData) -> None:
    few = Predictions(torch.full((5, 10), 0.1), digits.test.labels[:5])
    with pytest.raises(UsageError, match="5 images are too few"):
        errors.compute(few, digits.classes, "it")


def test_predictions_are_kept(digits: ImageData, tmp_path: Path, heard: Heard) -> None:
    trained = load_subject("decanet_s", torch.device("cpu"))
    first = errors.predict_split(trained, digits, tmp_path, heard)
    assert heard.steps[-1][1:3] == (120, 120)
    torch.testing.assert_close(first.probabilities.sum(1), torch.ones(120))
    count = len(heard.steps)
    again = errors.predict_split(trained, digits, tmp_path, heard)
    assert len(heard.steps) == count
    assert torch.equal(first.probabilities, again.probabilities)
