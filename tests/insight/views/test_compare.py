"""Several networks beside each other."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.data import ImageData, load_data
from decanet.insight.subject import load_subject
from decanet.insight.views import compare


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    digits = load_data("digits", cache=tmp_path_factory.mktemp("cache"), report=Silent())
    return replace(digits, test=digits.test[:60])


def test_a_network_is_like_itself_and_less_like_another(data: ImageData, tmp_path: Path) -> None:
    one = load_subject("decanet_s", torch.device("cpu"))
    other = replace(load_subject("two_tower_cifar", torch.device("cpu")), classes=one.classes)
    found = compare.compute([one, one, other], data, tmp_path, Silent())
    assert [(pair.first, pair.second) for pair in found.pairs] == [(0, 1), (0, 2), (1, 2)]
    same, different, again = found.pairs
    np.testing.assert_allclose(np.diag(same.cka), 1, atol=1e-4)
    np.testing.assert_allclose(same.cka, same.cka.T, atol=1e-6)
    assert different.cka.shape == (5, 7)
    assert different.cka.max() < 0.999
    np.testing.assert_array_equal(different.cka, again.cka)
    assert same.agreement["kappa"] == pytest.approx(1)
    assert same.agreement["only_first"] == 0
    assert found.test_images == found.images == 60
    figure = compare.draw(found)
    maps = [axes for axes in figure.axes if axes.images]
    assert [axes.get_xlabel() for axes in maps[:3]] == ["decanet_s", *["two_tower_cifar (untrained)"] * 2]
    np.testing.assert_array_equal(np.asarray(maps[1].images[0].get_array()), different.cka)
    assert found.rows()[0]["cka_of_last_stages"] == 1.0


def test_one_network_or_other_classes_are_refused(data: ImageData, tmp_path: Path) -> None:
    one = load_subject("decanet_s", torch.device("cpu"))
    with pytest.raises(UsageError, match="at least two networks"):
        compare.compute([one], data, tmp_path, Silent())
    with pytest.raises(UsageError, match="other classes"):
        compare.compute([one, replace(one, classes=("a", "b"))], data, tmp_path, Silent())
