"""The closest images for the network and in pixels, and the map."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.data import ImageData, load_data
from decanet.evaluation.trained import TrainedModel
from decanet.insight.hidden import split_features
from decanet.insight.subject import load_subject, prepare_images
from decanet.insight.views import neighbors


@pytest.fixture(scope="module")
def trained() -> TrainedModel:
    return load_subject("decanet_s", torch.device("cpu"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="module")
def data(cache: Path) -> ImageData:
    digits = load_data("digits", cache=cache, report=Silent())
    return replace(digits, train=digits.train[:120], test=digits.test[:40])


@pytest.fixture(scope="module")
def found(trained: TrainedModel, data: ImageData, cache: Path) -> neighbors.Neighbors:
    twins = data.train.pixels(torch.tensor([17, 60]), 32).permute(0, 2, 3, 1).numpy()
    return neighbors.compute(trained, prepare_images(trained, list(twins)), data, cache, Silent())


def test_the_closest_to_a_training_image_is_itself(found: neighbors.Neighbors) -> None:
    assert found.near[:, 0].tolist() == [17, 60]
    assert found.near_pixels[:, 0].tolist() == [17, 60]
    assert (found.split, found.searched) == ("train", 120)


def test_the_map_shows_the_two_axes_of_the_largest_variance(
    found: neighbors.Neighbors, trained: TrainedModel, data: ImageData, cache: Path
) -> None:
    features = split_features(trained, data, "test", cache, Silent()).numpy()[found.shown]
    variances = np.linalg.eigvalsh(np.cov(features.T))[::-1]
    np.testing.assert_allclose(found.places.var(0, ddof=1), variances[:2], rtol=1e-3)
    assert found.explained[0] == pytest.approx(variances[0] / variances.sum(), rel=1e-3)


def test_neighbors_and_their_classes_are_drawn(found: neighbors.Neighbors, data: ImageData) -> None:
    figure = neighbors.draw(found, data)
    labels = [axes.get_xlabel() for axes in figure.axes if axes.images and axes.get_xlabel()]
    assert len(labels) == 2 * 2 * neighbors.COUNT
    assert labels[0] == data.classes[int(data.train.labels[17])]
    assert figure.axes[-1].get_title().startswith("Map of 40 test images")


def test_queries_are_of_different_classes(data: ImageData) -> None:
    queries = neighbors.default_queries(data, 32, 5)
    assert len(queries) == 5
    assert len({query.tobytes() for query in queries}) == 5


def test_too_few_images_are_refused(trained: TrainedModel, data: ImageData, cache: Path) -> None:
    few = replace(data, train=data.train[:3])
    images = prepare_images(trained, neighbors.default_queries(data, 32, 1))
    with pytest.raises(UsageError, match="3 images are too few"):
        neighbors.compute(trained, images, few, cache, Silent())
