"""Accuracy and similarity of the output while images change."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import binomtest
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.evaluation.trained import TrainedModel
from decanet.insight.changes import list_changes
from decanet.insight.subject import load_subject
from decanet.insight.views import invariance
from tests.conftest import Heard


class Brightest(nn.Module):
    """Class 1 is what is bright: it does not see where anything is, but it sees the light."""

    def forward(self, x: Tensor) -> Tensor:
        mean = 20 * x.mean((1, 2, 3))
        return torch.stack([-mean, mean], 1)


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    plain = load_subject("resnet20_cifar", torch.device("cpu"))
    return replace(plain, model=Brightest())


def images() -> tuple[Tensor, Tensor]:
    """Dark and bright images with some structure; their labels say which."""
    labels = torch.tensor([0, 1] * 6)
    noise = torch.randint(-40, 41, (12, 3, 32, 32), generator=torch.Generator().manual_seed(0))
    return (noise + torch.where(labels == 1, 170, 90).view(-1, 1, 1, 1)).to(torch.uint8), labels


def test_a_network_that_sees_light_alone_is_invariant_to_position(
    trained: TrainedModel, tmp_path: Path
) -> None:
    found = invariance.compute(trained, *images(), tmp_path, Silent())
    curves = {curve.change: curve for curve in found.curves}
    assert list(curves) == [change.name for change in list_changes(32)]
    for name in ("horizontal translation", "vertical translation", "rotation", "mirror image", "blur"):
        assert (curves[name].accuracy == 1).all()
        assert curves[name].kept == 1
    assert curves["mirror image"].similarity.min() > 0.9999
    assert curves["brightness"].accuracy[0] == curves["brightness"].accuracy[-1] == 0.5
    assert curves["brightness"].kept < 0.9
    for curve in curves.values():
        assert (curve.low <= curve.accuracy).all()
        assert (curve.accuracy <= curve.high).all()
        assert curve.similarity[curve.amounts == curve.neutral] == pytest.approx(1)
    row = next(row for row in found.rows() if row["change"] == "brightness")
    assert (row["accuracy_pct"], row["worst_pct"], row["at"]) == (100.0, 50.0, "0.25")


def test_every_change_is_kept(trained: TrainedModel, tmp_path: Path, heard: Heard) -> None:
    first = invariance.compute(trained, *images(), tmp_path, heard)
    total = sum(len(change.amounts) for change in list_changes(32))
    assert heard.steps[-1][1:3] == (total, total)
    count = len(heard.steps)
    again = invariance.compute(trained, *images(), tmp_path, heard)
    assert len(heard.steps) == count
    for one, two in zip(first.curves, again.curves, strict=True):
        np.testing.assert_array_equal(one.accuracy, two.accuracy)


def test_the_interval_is_wilsons() -> None:
    for correct, count in ((0, 10), (7, 10), (450, 500), (500, 500)):
        expected = binomtest(correct, count).proportion_ci(0.95, method="wilson")
        found = invariance.wilson_interval(np.array([correct]), count)
        np.testing.assert_allclose([found[0][0], found[1][0]], [expected.low, expected.high], atol=1e-4)


def test_one_network_is_drawn_with_its_similarity_and_several_with_a_line_each(
    trained: TrainedModel, tmp_path: Path
) -> None:
    found = invariance.compute(trained, *images(), tmp_path, Silent())
    figure = invariance.draw([found])
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles == [*(curve.change for curve in found.curves), "summary"]
    panel = next(axes for axes in figure.axes if axes.get_title() == "brightness")
    np.testing.assert_allclose(panel.lines[0].get_ydata(), 100 * found.curves[7].accuracy)
    np.testing.assert_allclose(panel.lines[1].get_ydata(), 100 * found.curves[7].similarity)
    figure = invariance.draw([found, replace(found, title="other")])
    *_, summary = figure.axes
    assert [line.get_label() for line in summary.lines] == [found.title, "other"]


def test_no_images_are_refused(trained: TrainedModel, tmp_path: Path) -> None:
    pixels, labels = images()
    with pytest.raises(UsageError, match="at least one image"):
        invariance.compute(trained, pixels[:0], labels[:0], tmp_path, Silent())
