"""Accuracy under corruptions."""

from pathlib import Path

import numpy as np

from decanet.core.progress import Silent
from decanet.data.corruptions import CORRUPTIONS
from decanet.insight.views import corruptions
from tests.conftest import Heard
from tests.insight.views.test_invariance import images, trained

__all__ = ["trained"]  # a fixture


def test_accuracy_is_measured_for_every_corruption_of_the_mean(trained, tmp_path: Path, heard: Heard) -> None:  # type: ignore[no-untyped-def]
    found = corruptions.compute(trained, *images(), tmp_path, heard)
    assert found.clean == 1.0
    assert found.accuracy.shape == (len(found.names), 5)
    assert all(CORRUPTIONS.get(name).category != "extra" for name in found.names)
    rows = dict(zip(found.names, found.accuracy, strict=True))
    assert (
        rows["defocus_blur"] == 1
    ).all()  # blur keeps the mean brightness, which is all that this network sees
    assert rows["brightness"][-1] == 0.5
    again = corruptions.compute(trained, *images(), tmp_path, Silent())
    np.testing.assert_array_equal(again.accuracy, found.accuracy)
    assert heard.steps[-1][1] == len(found.names)
    (axes,) = corruptions.draw([found]).axes
    assert [text.get_text() for text in axes.texts[:2]] == ["100", "100"]
    assert "none" in [tick.get_text() for tick in axes.get_xticklabels()]
