"""The benchmark of attributions: the same results as captum's, the time of each."""

import pytest

from decanet.benchmarking import insight
from decanet.core.errors import UsageError
from tests.benchmarking.test_images import CONDITIONS
from tests.conftest import Heard


def test_every_method_is_measured_and_compared(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        insight, "conditions", lambda: {**CONDITIONS, "environment": {**CONDITIONS["environment"]}}
    )
    monkeypatch.setattr(insight, "STEPS", 4)
    monkeypatch.setattr(insight, "SAMPLES", 3)
    monkeypatch.setattr(insight, "BATCHES", (4, 64))
    measured = insight.measure(("two_tower_cifar",), heard, rounds=1)
    methods = measured["networks"]["two_tower_cifar"]
    assert set(methods) == {"gradient x input", "integrated gradients", "SmoothGrad", "Grad-CAM", "occlusion"}
    for method in methods.values():
        assert method["largest_relative_difference"] < 0.02
        seconds = method["decanet_seconds"]["median"], method["captum_seconds"]["median"]
        assert method["times_faster"]["median"] == pytest.approx(seconds[1] / seconds[0], rel=1e-3)
    assert methods["occlusion"]["captum_setting"].partition(", batch ")[2] in {"4", "64"}
    text = insight.table(measured)
    assert "| two_tower_cifar | occlusion |" in text
    assert "4 steps" in text


def test_rounds_are_checked(heard: Heard) -> None:
    with pytest.raises(UsageError, match="--rounds 0"):
        insight.measure((), heard, rounds=0)
