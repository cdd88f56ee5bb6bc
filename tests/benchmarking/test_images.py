"""The benchmark of image convolution: right contenders, fair turns, ratios of what was measured."""

import numpy as np
import pytest

from decanet.benchmarking import images
from decanet.core.errors import UsageError
from tests.conftest import Heard

CONDITIONS = {
    "date": "2026-11-26", "float32_gflops": 1.0, "bfloat16_gflops": 1.0,
    "environment": dict.fromkeys(("processor", "capability", "threads", "cores", "torch", "decanet", "commit"), ""),
}  # fmt: skip


@pytest.fixture(autouse=True)
def conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "conditions", lambda: dict(CONDITIONS))


def test_random_and_gaussian_kernels_are_compared_with_every_library(heard: Heard) -> None:
    measured = images.measure(heard, height=30, width=40, rounds=2, kernel_sizes=(3,))
    assert [row["kernel"] for row in measured["kernels"]] == ["3x3 random", "3x3 gaussian"]
    plain, gaussian = measured["kernels"]
    assert len(plain["median_seconds"]) == 5
    assert set(gaussian["median_seconds"]) - set(plain["median_seconds"]) == {
        "scipy.ndimage.correlate1d, two passes", "torch.nn.functional.conv2d, two passes",
    }  # fmt: skip
    for row in measured["kernels"]:
        assert set(row["rounds"].values()) == {2}
        assert max(row["relative_error"].values()) < images.TOLERANCE
        own = row["median_seconds"]["decanet"]
        ndimage = min(s for name, s in row["median_seconds"].items() if name.startswith("scipy.ndimage"))
        assert row["ratio"]["scipy.ndimage"] == ndimage / own
    assert "| 3x3 random |" in images.table(measured)
    assert "40x30 pixels" in images.table(measured)


def test_a_slow_contender_runs_once(heard: Heard) -> None:
    measured = images.measure(heard, height=30, width=40, rounds=2, patience=0, kernel_sizes=(3,))
    assert set(measured["kernels"][0]["rounds"].values()) == {1}


def test_a_wrong_result_stops_the_benchmark(heard: Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "correlate", lambda image, _: np.zeros_like(image))
    with pytest.raises(ArithmeticError, match="decanet differs by"):
        images.measure(heard, height=30, width=40, rounds=1, kernel_sizes=(3,))


def test_sizes_and_rounds_are_checked(heard: Heard) -> None:
    with pytest.raises(UsageError, match="0 rounds on 4x3 pixels"):
        images.measure(heard, height=3, width=4, rounds=0)
