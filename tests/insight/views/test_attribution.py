"""The sheet of attributions, their scores, and the randomization check."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.evaluation.trained import TrainedModel
from decanet.insight.attribution.maps import METHODS
from decanet.insight.subject import load_subject, prepare_images
from decanet.insight.views import attribution
from tests.conftest import Heard


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return load_subject("decanet_s", torch.device("cpu"))


@pytest.fixture(scope="module")
def found(trained: TrainedModel) -> attribution.Attribution:
    images = prepare_images(trained, [np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)])
    return attribution.compute(
        trained.model, images.x, images.pixels[0], target=3, label="cat", title="decanet_s"
    )


def test_each_method_has_a_map_and_two_curves(found: attribution.Attribution) -> None:
    assert tuple(one.method for one in found.maps) == METHODS
    assert found.stage == "block3"
    for one in found.maps:
        assert one.values.shape == (28, 28)
        # Both curves end or begin with the image as it is.
        assert one.deletion[0] == pytest.approx(found.probability, abs=1e-5)
        assert one.insertion[-1] == pytest.approx(found.probability, abs=1e-5)
        # All pixels deleted is the same image for every method, and so is none inserted.
        assert one.deletion[-1] == pytest.approx(found.maps[0].deletion[-1], abs=1e-5)
        assert one.insertion[0] == pytest.approx(found.maps[0].insertion[0], abs=1e-5)


def test_integrated_gradients_add_up(found: attribution.Attribution) -> None:
    integrated = found.maps[1].values
    assert integrated.sum() == pytest.approx(found.difference, abs=max(1e-3, 0.0101 * abs(found.difference)))
    assert found.residual == pytest.approx(abs(float(integrated.sum()) - found.difference), abs=1e-3)


def test_the_sheet_shows_the_maps_their_pixels_and_their_curves(found: attribution.Attribution) -> None:
    scores = attribution.Scores((*METHODS, "random order"), np.full((6, 3), 0.25), np.full((6, 3), 0.5))
    figure = attribution.draw(replace(found, scores=scores))
    titles = [axes.get_title().partition("\n")[0] for axes in figure.axes if axes.get_title()]
    assert titles == ["image", "gradient × input", *METHODS[1:]]
    curves = [axes for axes in figure.axes if axes.lines]
    assert len(curves) == len(METHODS)
    for axes, one in zip(curves, found.maps, strict=True):
        np.testing.assert_allclose(axes.lines[0].get_ydata(), 100 * one.deletion)
        assert "deletion 0.25 (0.250 to 0.250)" in axes.get_xlabel()
    shown = np.asarray(figure.axes[len(METHODS) + 2].images[0].get_array())
    kept = (np.abs(shown - found.pixels / 255) < 1e-6).all(2).mean()
    assert kept == pytest.approx(attribution.SHOWN, abs=0.02)


def test_a_network_without_feature_maps_has_no_grad_cam() -> None:
    trained = load_subject("mlp_cifar", torch.device("cpu"))
    assert attribution.grad_cam_stage(trained.model, torch.zeros(1, 3, 32, 32), None) is None


def test_a_stage_must_exist_and_have_positions() -> None:
    model, x = load_subject("alexnet_cifar", torch.device("cpu")).model, torch.zeros(1, 3, 32, 32)
    assert attribution.grad_cam_stage(model, x, None) == "pool5"
    with pytest.raises(UsageError, match="no stage 'conv6'"):
        attribution.grad_cam_stage(model, x, "conv6")
    with pytest.raises(UsageError, match="'fc6' has no positions"):
        attribution.grad_cam_stage(model, x, "fc6")


def test_scores_are_of_several_images_and_kept(trained: TrainedModel, tmp_path: Path, heard: Heard) -> None:
    data = load_data("digits", cache=tmp_path, report=Silent())
    small = replace(data, test=data.test[torch.arange(8)])
    scores = attribution.measure_scores(trained, small, 3, tmp_path, heard)
    assert scores.methods == (*METHODS, "random order")
    assert scores.deletion.shape == scores.insertion.shape == (6, 3)
    assert heard.steps[-1][1:3] == (3, 3)
    assert len(list((tmp_path / "insight").iterdir())) == 3
    again = attribution.measure_scores(trained, small, 3, tmp_path, Silent())
    np.testing.assert_array_equal(again.deletion, scores.deletion)
    row = scores.rows()[0]
    assert row["deletion"] == pytest.approx(scores.deletion[0].mean(), abs=1e-4)


def test_maps_of_random_networks_are_compared_with_those_of_the_trained_one(
    trained: TrainedModel, found: attribution.Attribution
) -> None:
    x = prepare_images(trained, [found.pixels]).x
    checked = attribution.compute_randomization(
        trained.model, x, [3], title="decanet_s", stage=None, report=Silent()
    )
    assert checked.layers[0] == ""
    assert checked.layers[-1] == "whiten"
    assert (checked.similarity[:, 0] == 1).all()
    assert (checked.similarity[:, 1:] < 0.95).all()
    figure = attribution.draw_randomization(checked)
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_xticklabels()] == ["none", *checked.layers[1:]]
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), checked.similarity[0])
