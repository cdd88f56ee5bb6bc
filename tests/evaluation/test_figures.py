"""The figures of a finished training: they show the right numbers and images, for few classes and many."""

import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

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


def predictions(classes: int, count: int = 300, right: float = 0.7) -> Predictions:
    rng = np.random.default_rng(classes)
    labels = rng.integers(0, classes, count)
    called = np.where(rng.random(count) < right, labels, rng.integers(0, classes, count))
    sureness = rng.uniform(0.5, 1, count)
    probabilities = np.repeat(((1 - sureness) / (classes - 1))[:, None], classes, axis=1)
    probabilities[np.arange(count), called] = sureness
    return Predictions(torch.from_numpy(probabilities).float(), torch.from_numpy(labels))


def made_data(classes: int, said: Predictions) -> ImageData:
    """Images that show by their brightness which one they are."""
    numbers = torch.arange(len(said.labels)) % 256
    images = numbers.byte().view(-1, 1, 1, 1).expand(-1, 3, 32, 32)
    split = MemorySplit(images, said.labels)
    names = tuple(f"class number {k}" for k in range(classes))
    return ImageData("made", names, split, split, (0.5,) * 3, (0.2,) * 3, True, "here")


def log(steps: int, validated: bool = False) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = []
    for step in range(1, steps + 1):
        fraction = step / steps
        lines.append(
            {"step": step, "epoch": 2.5 * fraction, "loss": 2.3 - fraction, "accuracy": 0.1 + 0.7 * fraction}
        )
        if validated and step % 2 == 0:
            lines.append({"epoch": 2.5 * fraction, "validation_error": 0.9 - 0.7 * fraction})
    return lines


def check_png(figure: Figure, tmp_path: Path) -> None:
    """The file is a PNG of the figure's size, and something is drawn in it."""
    width, height = figure.get_size_inches()
    path = save_figure(figure, tmp_path / "figure.png", dpi=50)
    with Image.open(path) as image:
        assert image.format == "PNG"
        assert image.size == (int(width * 50), int(height * 50))
        pixels = np.asarray(image.convert("L"))
    assert (pixels < 200).mean() > 0.002


def texts(figure: Figure) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


@pytest.mark.parametrize("steps", [0, 1, 12, 200])
@pytest.mark.parametrize("validated", [False, True])
def test_curves_show_what_the_log_says(tmp_path: Path, steps: int, validated: bool) -> None:
    lines = log(steps, validated)
    result = {**RESULT, "validation_top1": 0.8} if validated else RESULT
    if validated:
        del result["test_top1"]
    figure = curves(lines, result)
    loss, accuracy = figure.axes
    drawn = loss.lines[0].get_xydata()
    assert isinstance(drawn, np.ndarray)
    expected = [(line["epoch"], line["loss"]) for line in lines if "loss" in line]
    np.testing.assert_allclose(drawn, np.reshape(expected, (-1, 2)))
    accuracies = [100 * line["accuracy"] for line in lines if "loss" in line]
    np.testing.assert_allclose(accuracy.lines[0].get_ydata(), accuracies)
    assert ("validation 80.00%" if validated else "test 83.17%") in texts(figure)
    assert any(text.startswith("decanet_s, recipe quick, cifar10: 61 s") for text in texts(figure))
    if validated and steps > 1:
        errors = [line["validation_error"] for line in lines if "validation_error" in line]
        np.testing.assert_allclose(accuracy.lines[1].get_ydata(), [100 * (1 - error) for error in errors])
        assert accuracy.lines[1].get_linestyle() != accuracy.lines[0].get_linestyle(), "color is not all"
    check_png(figure, tmp_path)


def test_curves_show_where_images_are_left_out() -> None:
    figure = curves(log(5), {**RESULT, "settings": {"selection": {"start": 0.5, "keep": 0.4}}})
    for axes in figure.axes:
        assert np.ravel(axes.lines[-1].get_xdata())[0] == 2  # half of 2.5 epochs: the third is the first
        assert axes.get_xlim()[0] == 0, "or the line of a short training would be the axis"
    assert any("after epoch 2, only on the 40%" in text for text in texts(figure))
    assert any("The test accuracy can therefore lie above it" in text for text in texts(figure))


@pytest.mark.parametrize("top1", [0.0, 1.0])
def test_the_accuracy_reached_is_inside_the_image(top1: float, tmp_path: Path) -> None:
    figure = curves(log(5), {**RESULT, "test_top1": top1})
    low, high = figure.axes[1].get_ylim()
    assert low <= 100 * top1 < high, "or a mark at 100% is cut in half"
    check_png(figure, tmp_path)


def drawn_confusion(figure: Figure) -> tuple[Any, np.ndarray]:
    """The axes of the matrix, and its percentages: the diagonal from one image, the errors from the other."""
    (axes,) = [a for a in figure.axes if a.get_xlabel().startswith("predicted class")]
    correct, errors = [image.get_array() for image in axes.images]
    empty = np.ma.getmaskarray(correct).all(axis=1)
    assert (np.ma.getmaskarray(correct) == (~np.ma.getmaskarray(errors) | empty[:, None])).all()
    return axes, np.where(np.ma.getmaskarray(correct), errors.data, correct.data)


@pytest.mark.parametrize("classes", [2, 10, 100])
def test_the_confusion_shows_percentages_of_each_true_class(classes: int, tmp_path: Path) -> None:
    said = predictions(classes)
    figure = confusion(said, [f"class number {k}" for k in range(classes)])
    axes, percent = drawn_confusion(figure)
    counts = said.confusion_matrix().numpy()
    expected = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    order = similar_order(expected)
    assert sorted(order) == list(range(classes))
    np.testing.assert_allclose(percent, expected[np.ix_(order, order)])
    if classes <= 30:
        names = [f"class number {k}" for k in order]
        assert [label.get_text() for label in axes.get_yticklabels()] == names
        assert [label.get_text() for label in axes.get_xticklabels()] == names
        numbers = [int(text.get_text()) for text in axes.texts]
        assert numbers == [int(value + 0.5) for value in percent.ravel() if value >= 0.5]
        assert min(numbers) >= 1
    check_png(figure, tmp_path)


def test_the_row_of_a_class_without_images_is_empty_and_says_so() -> None:
    """Nothing of it was wrong: 0% correct would be false."""
    labels = torch.tensor([0, 0, 2, 2])
    figure = confusion(Predictions(torch.eye(3)[torch.tensor([0, 1, 2, 2])], labels), ["a", "b", "c"])
    axes = figure.axes[0]
    rows = [label.get_text() for label in axes.get_yticklabels()]
    (absent,) = (row for row, name in enumerate(rows) if name == "b (no images)")
    for image in axes.images:
        mask = np.ma.getmaskarray(image.get_array())
        assert mask[absent].all()
        assert not np.delete(mask, absent, axis=0).all(axis=1).any()


def test_half_a_percent_is_not_printed_as_zero() -> None:
    called = torch.zeros(200, dtype=torch.int64)
    called[0] = 1  # 0.5% of class 0
    figure = confusion(Predictions(torch.eye(2)[called], torch.zeros(200, dtype=torch.int64)), ["a", "b"])
    assert [text.get_text() for text in drawn_confusion(figure)[0].texts] == ["100", "1"]


def test_classes_too_many_to_be_named_have_no_numbers_that_are_not_theirs() -> None:
    """The rows are in an order of their own: row 20 is not class 20."""
    axes = confusion(predictions(40), [f"class {k}" for k in range(40)]).axes[0]
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
def test_the_most_confident_images_are_shown_with_their_names(classes: int, tmp_path: Path) -> None:
    said = predictions(classes)
    data = made_data(classes, said)
    figure = most_confident(said, data)
    sureness, called = said.probabilities.max(1)
    for half, wanted in zip(figure.subfigs, (called == said.labels, called != said.labels), strict=True):
        expected = [i for i in sureness.argsort(descending=True).tolist() if wanted[i]][:12]
        drawn = [axes for axes in half.axes if axes.images]
        # An image's brightness is its number, so the images themselves say which they are.
        assert [int(np.asarray(axes.images[0].get_array())[0, 0, 0]) for axes in drawn] == [
            i % 256 for i in expected
        ]
        for axes, index in zip(drawn, expected, strict=True):
            title = axes.get_title()
            assert data.classes[int(called[index])] in title
            assert f"({100 * sureness[index]:.1f}%)" in title
            assert ("label: class number" in title) == bool(called[index] != said.labels[index])
    check_png(figure, tmp_path)


def test_a_network_without_mistakes_has_none_to_show(tmp_path: Path) -> None:
    said = predictions(10, right=1.0)
    figure = most_confident(said, made_data(10, said))
    assert "none" in texts(figure)
    check_png(figure, tmp_path)


def test_few_images_leave_the_other_places_empty(tmp_path: Path) -> None:
    said = predictions(2, count=3, right=1.0)
    figure = most_confident(said, made_data(2, said))
    assert sum(bool(axes.images) for axes in figure.subfigs[0].axes) == 3
    both = most_confident(predictions(10), made_data(10, predictions(10)))
    assert figure.get_size_inches()[1] < both.get_size_inches()[1] / 2  # no empty rows
    check_png(figure, tmp_path)


def test_images_of_a_folder_are_read_for_the_figure(
    make_folder: MakeFolder, heard: Heard, tmp_path: Path
) -> None:
    folder = make_folder({"cats": 8, "dogs": 8}, size=(90, 70))
    data = load_data(str(folder), cache=folder, report=heard, image_size=224)
    assert isinstance(data.test, FolderSplit)
    labels = data.test.labels
    said = Predictions(torch.tensor([[0.9, 0.1]]).repeat(len(labels), 1), labels)
    figure = most_confident(said, data)
    shown = [axes.images[0].get_array() for axes in figure.subfigs[1].axes if axes.images]
    assert [image.shape for image in shown] == [(96, 96, 3)] * int((labels == 1).sum())
    check_png(figure, tmp_path)


def test_names_are_drawn_to_the_letter_or_numbered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_fonts, "installed", list)
    _fonts.family_for.cache_clear()
    names = ("Ba$$in", "$10, is $5", "猫")
    said = predictions(3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        matrix = confusion(said, names)
        check_png(matrix, tmp_path)
        assert any("classes.txt names the numbered ones" in text for text in texts(matrix))
        drawn = {label.get_text().replace(r"\$", "$") for label in matrix.axes[0].get_yticklabels()}
        assert drawn == {"Ba$$in", "$10, is $5", "class 2"}
        check_png(most_confident(said, replace(made_data(3, said), classes=names)), tmp_path)
        check_png(curves(log(3), {**RESULT, "data": "Ba$$in", "recipe": "a$b$c"}), tmp_path)
    _fonts.family_for.cache_clear()
