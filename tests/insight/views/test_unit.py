"""What one unit responds to."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.evaluation.trained import TrainedModel
from decanet.insight.subject import load_subject, prepare_images
from decanet.insight.units import RULES
from decanet.insight.views import unit


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return load_subject("decanet_s", torch.device("cpu"))


def test_images_made_found_and_drawn_back(trained: TrainedModel, tmp_path: Path) -> None:
    data = load_data("digits", cache=tmp_path, report=Silent())
    data = replace(data, test=data.test[:20])
    image = prepare_images(trained, [np.zeros((32, 32, 3), np.uint8)])
    found = unit.compute(trained, image, "block1", 2, Silent(), data=data, cache=tmp_path)
    assert found.field == (9, 9)
    assert len(found.crops) == unit.TOP
    assert all(crop.shape == (9, 9, 3) for crop in found.crops)
    assert list(found.activations) == sorted(found.activations, reverse=True)
    assert found.activation == pytest.approx(found.activations[0], rel=1e-3)
    assert found.made_activation > found.activations[0]
    assert tuple(one.rule for one in found.drawn_back) == RULES
    for one in found.drawn_back:
        assert np.count_nonzero(one.values) <= 81  # inside the receptive field
        assert -1 <= one.after_randomization <= 1
    figure = unit.draw(found)
    titles = [axes.get_title() for axes in figure.axes if axes.get_title()]
    assert titles[0].startswith("image made for it")
    assert titles[1].startswith("most activating image")
    warnings = [axes.get_xlabel() for axes in figure.axes if "trust it least" in axes.get_xlabel()]
    assert len(warnings) == 1
    assert found.summary()["largest_in_data"] == pytest.approx(found.activations[0], abs=1e-3)


def test_without_data_the_figure_says_how_to_see_more(trained: TrainedModel) -> None:
    image = prepare_images(trained, [np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)])
    found = unit.compute(trained, image, "block2", 0, Silent())
    assert found.crops == ()
    texts = [text.get_text() for axes in unit.draw(found).axes for text in axes.texts]
    assert any("--data NAME" in text for text in texts)


def test_an_unknown_unit_is_refused(trained: TrainedModel) -> None:
    image = prepare_images(trained, [np.zeros((32, 32, 3), np.uint8)])
    with pytest.raises(UsageError, match="no unit 999"):
        unit.compute(trained, image, "block2", 999, Silent())
