"""Feature maps of an image, and zeros over a data set."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.insight.subject import load_subject, prepare_images
from decanet.insight.views import features
from decanet.models import create_model


@pytest.fixture(scope="module")
def found() -> features.Features:
    trained = load_subject("decanet_s", torch.device("cpu"))
    images = prepare_images(trained, [np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)])
    return features.compute(trained.model, images.x, images.pixels[0], title="decanet_s")


def test_the_most_active_maps_of_each_stage_come_first(found: features.Features) -> None:
    assert [stage.stage for stage in found.stages] == ["whiten", "block1", "block2", "block3"]
    for stage in found.stages:
        activity = np.abs(stage.maps).mean(axis=(1, 2))
        assert (np.diff(activity) <= 0).all()
        assert stage.maps.shape == (features.MAPS, *stage.shape[1:])
    assert found.stages[0].zero_fraction == pytest.approx(0.5, abs=0.01)  # each direction and its negative


def test_the_sheet_has_a_row_for_each_stage(found: features.Features) -> None:
    figure = features.draw(found)
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert [text.split("\n")[0] for text in texts] == ["image", "whiten", "block1", "block2", "block3"]
    assert "24 × 27 × 27" in texts[1]
    drawn = [np.asarray(axes.images[0].get_array()) for axes in figure.axes if axes.images]
    assert len(drawn) == 4 + 4 * features.MAPS
    np.testing.assert_array_equal(drawn[4], found.stages[0].maps[0])


def test_one_stage_is_drawn_with_the_numbers_of_its_units(found: features.Features) -> None:
    figure = features.draw(replace(found, stages=found.stages[1:2]))
    titles = [axes.get_title() for axes in figure.axes if axes.images]
    assert titles == ["image", *map(str, found.stages[1].units)]


def test_a_stage_without_positions_is_refused() -> None:
    model = create_model("alexnet_cifar").eval()
    x, pixels = torch.zeros(1, 3, 32, 32), np.zeros((32, 32, 3), np.uint8)
    with pytest.raises(UsageError, match="stage 'fc6' has no feature maps"):
        features.compute(model, x, pixels, title="", stage="fc6")
    with pytest.raises(UsageError, match="no stage 'conv7'"):
        features.compute(model, x, pixels, title="", stage="conv7")


class Counted(nn.Module):
    """Its ReLU gets known numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.stages = {"first": "first"}
        self.first, self.relu = nn.Identity(), nn.ReLU()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.first(x)).mean(dim=(2, 3))


class NoReLU(Counted):
    def __init__(self) -> None:
        super().__init__()
        self.relu = nn.Identity()  # type: ignore[assignment]


def test_zeros_and_dead_units_are_counted_over_all_batches() -> None:
    x = torch.ones(4, 3, 2, 2)
    x[:, 1] = -1  # never positive
    x[1:, 2] = -1  # positive in one image
    found = features.compute_sparsity(Counted(), [x[:1], x[1:]])
    assert (found.names, found.stages, found.images) == (("relu",), ("first",), 4)
    assert found.zero_fraction[0] == pytest.approx((4 + 3) / 12)
    assert (found.dead_units[0], found.units[0]) == (1, 3)
    with pytest.raises(UsageError, match="no ReLU"):
        features.compute_sparsity(NoReLU(), [x])


def test_a_measurement_over_a_test_set_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained = load_subject("decanet_s", torch.device("cpu"))
    digits = load_data("digits", cache=tmp_path, report=Silent())
    data = replace(digits, test=digits.test[:60])
    first = features.measure_sparsity(trained, data, tmp_path, Silent())
    monkeypatch.setattr(features, "compute_sparsity", None)
    again = features.measure_sparsity(trained, data, tmp_path, Silent())
    assert (again.names, again.stages, again.images) == (first.names, first.stages, 60)
    np.testing.assert_array_equal(again.zero_fraction, first.zero_fraction)
    figure = features.draw_sparsity(again, "decanet_s")
    (bar,) = figure.axes[0].patches
    assert bar.get_height() == pytest.approx(100 * first.zero_fraction[0])
