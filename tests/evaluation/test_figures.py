"""Figures of a finished training: the values, images and labels that they draw, for few classes and many."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from matplotlib.text import Text

from decanet.core import _fonts
from decanet.core.plotting import save_figure
from decanet.data import FolderSplit, ImageData, MemorySplit, load_data
from decanet.evaluation.figures import confusion, curves, most_confident, similar_order
from decanet.evaluation.metrics import Predictions
from tests.conftest import Heard, MakeFolder

RESULT: dict[str, Any] = {
    "model": "decanet_s", "recipe": "quick", "data": "cifar10", "test_top1": 0.8317, "train_seconds": 61.2,
    "settings": {"selection": {"start": 0.4, "keep": 1.0}},
}  # fmt: skip


def made_predictions(classes: int, count: int = 300, accuracy: float = 0.7) -> Predictions:
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, count)
    predicted = np.where(rng.random(count) < accuracy, labels, rng.integers(0, classes, count))
    confidence = rng.uniform(0.5, 1, count)
    probabilities = np.repeat(((1 - confidence) / (classes - 1))[:, None], classes, axis=1)
    probabilities[np.arange(count), predicted] = confidence
    return Predictions(torch.from_numpy(probabilities).float(), torch.from_numpy(labels))


def made_data(classes: int, predictions: Predictions) -> ImageData:
    """Images whose brightness is their number."""
    numbers = torch.arange(len(predictions.labels)) % 256
    images = numbers.byte().view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
    split = MemorySplit(images, predictions.labels)
    names = tuple(f"class number {k}" for k in range(classes))
    return ImageData("made", names, split, split, (0.5,) * 3, (0.2,) * 3, True, "here")


def log(steps: int, validated: bool = False) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for step in range(1, steps + 1):
        done = step / steps
        lines.append(
            {
                "step": step,
                "epoch": 2.5 * done,
                "loss": 2.3 - done,
                "accuracy": 0.1 + 0.7 * done,
                "lr": 1 - done,
            }
        )
        if validated and step % 2 == 0:
            lines.append({"epoch": 2.5 * done, "validation_error": 0.9 - 0.7 * done})
    return lines


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("steps", [0, 1, 12, 200])
@pytest.mark.parametrize("validated", [False, True])
def test_curves_draw_the_log(steps: int, validated: bool) -> None:
    lines = log(steps, validated)
    result = {**RESULT, "validation_top1": 0.8} if validated else RESULT
    if validated:
        del result["test_top1"]
    figure = curves(lines, result)
    logged = [line for line in lines if "loss" in line]
    for axes, values in zip(
        figure.axes,
        (
            [line["loss"] for line in logged],
            [100 * line["accuracy"] for line in logged],
            [line["lr"] for line in logged],
        ),
        strict=True,
    ):
        np.testing.assert_allclose(axes.lines[0].get_xdata(), [line["epoch"] for line in logged])
        np.testing.assert_allclose(axes.lines[0].get_ydata(), values)
    assert [axes.get_title() for axes in figure.axes] == ["Training loss", "Accuracy", "Learning rate"]
    assert [axes.get_xlabel() for axes in figure.axes] == ["epoch"] * 3
    labels = [axes.get_ylabel() for axes in figure.axes]
    assert labels == ["cross-entropy (nats)", "accuracy (%)", "learning rate"]
    assert ("validation 80.00%" if validated else "test 83.17%") in texts(figure)
    assert any(text.startswith("decanet_s, recipe quick, cifar10: 61 s") for text in texts(figure))
    accuracy = figure.axes[1]
    assert accuracy.lines[-1].get_ydata() == [100 * result.get("test_top1", 0.8)] * 2
    if validated and steps > 1:
        validation = accuracy.lines[1]
        errors = [line["validation_error"] for line in lines if "validation_error" in line]
        np.testing.assert_allclose(validation.get_ydata(), [100 * (1 - error) for error in errors])
        assert validation.get_linestyle() != accuracy.lines[0].get_linestyle(), (
            "color is not the only difference"
        )
        legend = accuracy.get_legend()
        assert legend is not None
        names = [text.get_text() for text in legend.get_texts()]
        assert names == ["training set, augmented", "validation set"]


def test_the_tutorials_own_losses_are_drawn_behind_a_run_of_its_recipe() -> None:
    figure = curves(log(12), {**RESULT, "recipe": "tutorial", "model": "alexnet_cifar"})
    reference, own = figure.axes[0].lines
    # Its log: Epoch [1/10], Step [100/391] is the first line, Epoch [10/10], Step [300/391] the last one.
    np.testing.assert_allclose(reference.get_xdata()[[0, 3, -1]], [100 / 391, 1 + 100 / 391, 9 + 300 / 391])
    np.testing.assert_allclose(reference.get_ydata()[[0, -1]], [2.0992, 0.7576])
    assert len(reference.get_xdata()) == 30
    assert own.get_label() == "this run"
    assert len(curves(log(12), {**RESULT, "recipe": "tutorial"}).axes[0].lines) == 1, "another network"


def test_curves_mark_where_epochs_are_shortened() -> None:
    figure = curves(log(5), {**RESULT, "settings": {"selection": {"start": 0.5, "keep": 0.4}}})
    for axes in figure.axes:
        assert np.ravel(axes.lines[-1].get_xdata())[0] == 2  # half of 2.5 epochs: the third is the first
        assert axes.get_xlim()[0] == 0, "the mark of a short training could otherwise lie on the axis"
    assert any("after epoch 2, only on the 40%" in text for text in texts(figure))
    assert any("the test accuracy can lie above it" in text for text in texts(figure))


@pytest.mark.parametrize("top1", [0.0, 1.0])
def test_the_final_accuracy_lies_inside_the_axes(top1: float) -> None:
    figure = curves(log(5), {**RESULT, "test_top1": top1})
    low, high = figure.axes[1].get_ylim()
    assert low <= 100 * top1 < high, "a marker at 100% must not be cut"


def drawn_confusion(figure: Figure) -> tuple[Any, np.ndarray]:
    """The axes of the matrix, and its percentages: the diagonal from one image, the errors from the other."""
    (axes,) = [a for a in figure.axes if a.get_xlabel().startswith("predicted class")]
    correct, errors = [image.get_array() for image in axes.images]
    empty = np.ma.getmaskarray(correct).all(axis=1)
    assert (np.ma.getmaskarray(correct) == (~np.ma.getmaskarray(errors) | empty[:, None])).all()
    return axes, np.where(np.ma.getmaskarray(correct), errors.data, correct.data)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_the_confusion_matrix_has_percentages_of_each_true_class(classes: int) -> None:
    predictions = made_predictions(classes)
    figure = confusion(predictions, [f"class number {k}" for k in range(classes)])
    axes, percent = drawn_confusion(figure)
    assert axes.get_title() == "Confusion matrix"
    assert axes.get_ylabel() == "true class"
    bars = {a.get_ylabel() for a in figure.axes} - {"true class"}
    assert bars == {"correct (% of the true class)", "errors (% of the true class)"}
    counts = predictions.confusion_matrix().numpy()
    expected = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    order = similar_order(expected)
    assert sorted(order) == list(range(classes))
    np.testing.assert_allclose(percent, expected[np.ix_(order, order)])
    if classes <= 30:
        assert axes.get_xlabel() == "predicted class"
        names = [f"class number {k}" for k in order]
        assert [label.get_text() for label in axes.get_yticklabels()] == names
        assert [label.get_text() for label in axes.get_xticklabels()] == names
        numbers = [int(text.get_text()) for text in axes.texts]
        assert numbers == [int(value + 0.5) for value in percent.ravel() if value >= 0.5]
        assert min(numbers) >= 1


def test_the_row_of_a_class_without_images_is_empty_and_labeled() -> None:
    labels = torch.tensor([0, 0, 2, 2])
    figure = confusion(Predictions(torch.eye(3)[torch.tensor([0, 1, 2, 2])], labels), ["a", "b", "c"])
    axes = figure.axes[0]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    (absent,) = (row for row, name in enumerate(rows) if name == "b (no images)")
    for image in axes.images:
        mask = np.ma.getmaskarray(image.get_array())
        assert mask[absent].all(), "0% correct would be false"
        assert not np.delete(mask, absent, axis=0).all(axis=1).any()


def test_half_a_percent_is_not_printed_as_zero() -> None:
    predicted = torch.zeros(200, dtype=torch.int64)
    predicted[0] = 1  # 0.5% of class 0
    figure = confusion(Predictions(torch.eye(2)[predicted], torch.zeros(200, dtype=torch.int64)), ["a", "b"])
    assert [text.get_text() for text in drawn_confusion(figure)[0].texts] == ["100", "1"]


def test_the_rows_of_many_classes_have_no_numbers() -> None:
    """The rows are sorted: row 20 is not class 20."""
    axes = confusion(made_predictions(40), [f"class {k}" for k in range(40)]).axes[0]
    assert len(axes.get_xticks()) == len(axes.get_yticks()) == 0
    assert axes.get_xlabel() == "predicted class (of 40; those often confused are neighbors)"


def test_classes_that_are_often_confused_are_neighbors() -> None:
    percent = np.eye(6) * 60
    for one, other in [(0, 5), (1, 3), (2, 4)]:
        percent[one, other] = percent[other, one] = 40
    order = similar_order(percent)
    assert {frozenset(order[i : i + 2]) for i in (0, 2, 4)} == {
        frozenset(p) for p in [(0, 5), (1, 3), (2, 4)]
    }


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_the_most_confident_predictions_are_drawn_with_their_classes(classes: int) -> None:
    predictions = made_predictions(classes)
    data = made_data(classes, predictions)
    figure = most_confident(predictions, data)
    confidence, predicted = predictions.probabilities.max(1)
    for half, title, wanted in zip(
        figure.subfigs,
        ("Most confident correct predictions", "Most confident errors"),
        (predicted == predictions.labels, predicted != predictions.labels),
        strict=True,
    ):
        assert half.get_suptitle() == title
        expected = [i for i in confidence.argsort(descending=True).tolist() if wanted[i]][:12]
        drawn = [axes for axes in half.axes if axes.images]
        images = [np.asarray(axes.images[0].get_array()) for axes in drawn]
        assert [int(image[0, 0, 0]) for image in images] == [i % 256 for i in expected]
        for axes, index in zip(drawn, expected, strict=True):
            lines = axes.get_title().splitlines()
            assert lines[0] == f"{data.classes[int(predicted[index])]} ({100 * confidence[index]:.1f}%)"
            true = data.classes[int(predictions.labels[index])]
            assert lines[1:] == ([] if predicted[index] == predictions.labels[index] else [f"true: {true}"])


def test_predictions_without_errors_draw_none() -> None:
    predictions = made_predictions(10, accuracy=1.0)
    figure = most_confident(predictions, made_data(10, predictions))
    assert "none" in texts(figure)
    assert not figure.subfigs[1].axes


def test_few_images_leave_the_other_places_empty() -> None:
    predictions = made_predictions(2, count=3, accuracy=1.0)
    figure = most_confident(predictions, made_data(2, predictions))
    assert sum(bool(axes.images) for axes in figure.subfigs[0].axes) == 3
    both = most_confident(made_predictions(10), made_data(10, made_predictions(10)))
    assert figure.get_size_inches()[1] < both.get_size_inches()[1] / 2, "there are no empty rows"


def test_images_of_a_folder_are_read_for_the_figure(make_folder: MakeFolder, heard: Heard) -> None:
    folder = make_folder({"cats": 8, "dogs": 8}, size=(90, 70))
    data = load_data(str(folder), cache=folder, report=heard, image_size=224)
    assert isinstance(data.test, FolderSplit)
    labels = data.test.labels
    predictions = Predictions(torch.tensor([[0.9, 0.1]]).repeat(len(labels), 1), labels)
    figure = most_confident(predictions, data)
    drawn = [axes.images[0].get_array() for axes in figure.subfigs[1].axes if axes.images]
    assert [image.shape for image in drawn] == [(96, 96, 3)] * int((labels == 1).sum())


def test_names_are_drawn_literally_or_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fonts, "installed", list)
    _fonts.family_for.cache_clear()
    names = ("Ba$$in", "$10, is $5", "猫")
    predictions = made_predictions(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # of a character without a glyph
        matrix = confusion(predictions, names)
        assert any("classes.txt names the numbered ones" in text for text in texts(matrix))
        drawn = {label.get_text().replace(r"\$", "$") for label in matrix.axes[0].get_yticklabels()}
        assert drawn == {"Ba$$in", "$10, is $5", "class 2"}
        images = most_confident(predictions, replace(made_data(3, predictions), classes=names))
        named = curves(log(3), {**RESULT, "data": "Ba$$in", "recipe": "a$b$c"})
        for figure in (matrix, images, named):
            save_figure(figure, tmp_path / "figure.png", dpi=30)
    _fonts.family_for.cache_clear()
