"""The benchmark of inference: every variant of a network, with one image and with a batch."""

from pathlib import Path
from typing import Any

import pytest

from decanet.benchmarking import inference
from decanet.core.errors import UsageError
from tests.benchmarking.test_images import CONDITIONS
from tests.conftest import Heard
from tests.evaluation._runs import recipe, write_run


@pytest.fixture(autouse=True)
def conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        inference, "conditions", lambda: {**CONDITIONS, "environment": {**CONDITIONS["environment"]}}
    )
    monkeypatch.setattr(inference, "LEAST_ROUNDS", 1)


def test_every_network_is_measured_and_saved(heard: Heard) -> None:
    saved: list[int] = []
    measured = inference.measure(
        ["lenet5_modern", "resnet20_cifar"], heard, batch_size=2, seconds=0,
        save=lambda so_far: saved.append(len(so_far["models"])),
    )  # fmt: skip
    assert saved == [1, 2]
    for row in measured["models"]:
        assert row["library"] is None
        assert row["same_outputs"]
        for count in (1, 2):
            speed = row[f"batch_{count}"]
            assert set(speed["milliseconds"]) == {*inference.FLOAT32, inference.BFLOAT16}
            for variant, milliseconds in speed["milliseconds"].items():
                assert speed["images_per_second"][variant] == pytest.approx(1000 * count / milliseconds)
    assert "| `resnet20_cifar` |" in inference.table(measured)


def test_ratios_are_the_librarys_time_over_that_of_the_fastest_variant(
    heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = {
        "library": 6.0,
        "plain": 4.0,
        "fused": 3.0,
        "fused_channels_last": 5.0,
        inference.BFLOAT16: 2.0,
    }
    seen: list[set[str]] = []

    def median_seconds(passes: dict[str, Any], _: float) -> dict[str, float]:
        seen.append(set(passes))
        return seconds

    monkeypatch.setattr(inference, "_median_seconds", median_seconds)
    measured = inference.measure(["resnet18"], heard, batch_size=2, seconds=0)
    (row,) = measured["models"]
    assert seen == [set(seconds)] * 2
    assert row["library"] == "torchvision"
    assert row["batch_1"]["ratio"] == 2.0
    assert row["batch_1"]["ratio_bfloat16"] == 3.0
    assert "torchvision" in measured["environment"]
    assert "| `resnet18` | torchvision | 2000.00 | 2.00 | 3.00 | 1.0 | 2.00 | 3.00 |" in inference.table(
        measured
    )


def test_a_mistake_is_reported_before_anything_is_measured(heard: Heard) -> None:
    with pytest.raises(UsageError, match="at least 2"):
        inference.measure([], heard, batch_size=1)
    with pytest.raises(UsageError, match="did you mean lenet5"):
        inference.measure(["resnet20_cifar", "lenet6"], heard)
    assert not heard.notes


def test_the_network_of_a_run_is_measured_at_its_image_size(tmp_path: Path, heard: Heard) -> None:
    run = write_run(tmp_path / "run", recipe("data.image_size=24"))
    (row,) = inference.measure([str(run.path)], heard, batch_size=2, seconds=0)["models"]
    assert (row["model"], row["input_size"], row["library"]) == ("run", [3, 24, 24], None)
    assert row["same_outputs"]
