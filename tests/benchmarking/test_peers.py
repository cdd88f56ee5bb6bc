"""The benchmark of loops: three contenders in turn on the same images."""

import pytest
import torch

from decanet.benchmarking import peers
from decanet.core.errors import UsageError
from decanet.core.recipe import Model
from decanet.data import ImageData, MemorySplit
from tests.benchmarking.test_images import CONDITIONS
from tests.conftest import Heard


@pytest.fixture
def data() -> ImageData:
    """Ten RGB images of 32x32 pixels."""
    images = torch.randint(
        0, 256, (10, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    split = MemorySplit(images, torch.arange(10))
    half = (0.5, 0.5, 0.5)
    return ImageData("made", tuple("abcdefghij"), split, split, half, half, True, "made")


def test_loops_take_turns_on_the_same_images(
    data: ImageData, heard: Heard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(peers, "conditions", lambda: dict(CONDITIONS))
    monkeypatch.setattr(peers, "BATCH", 2)
    monkeypatch.setattr(peers, "WARM_UP", 0)
    recipe = peers.load_recipe("tutorial_bf16").model_copy(
        update={"model": Model(name="resnet20_cifar"), "batch_size": 2, "precision": "float32"}
    )
    monkeypatch.setattr(peers, "load_recipe", lambda _: recipe)
    measured = peers.measure(heard, data=data, rounds=2, steps=1, workers=0)
    assert list(measured["contenders"]) == [peers.TUTORIAL, peers.TORCHVISION, peers.DECANET]
    for row in measured["contenders"].values():
        assert row["step_seconds"]["runs"] == 2
        assert row["images_per_second"] == round(2 / row["step_seconds"]["median"], 1)
    assert measured["contenders"][peers.TUTORIAL]["ratio_to_tutorial"] == 1
    assert {task for task, *_ in heard.steps} == {"measuring loops"}
    assert "Stated by others for their hardware" in peers.table(measured)


def test_what_others_state_has_its_hardware_and_source() -> None:
    rows = peers.stated_by_others()
    assert len(rows) > 2
    assert all(row["hardware"] and row["source"] and float(row["seconds"]) > 0 for row in rows)


def test_rounds_and_steps_are_checked(data: ImageData, heard: Heard) -> None:
    with pytest.raises(UsageError, match="0 rounds of 6 steps"):
        peers.measure(heard, data=data, rounds=0)
