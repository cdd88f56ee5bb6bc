"""Data sets: what is held out for validation, whatever kind of split it comes from; channel statistics."""

import pytest
import torch

from decanet.core.recipe import Augmentation
from decanet.data import ImageData, MemorySplit, load_data
from tests.conftest import Heard, MakeFolder
from tests.data.helpers import MEAN, STD, spec


def test_validation_images_are_the_end_of_the_training_split_and_not_trained_on(split: MemorySplit) -> None:
    data = ImageData("made", ("a", "b"), split, split[:10], MEAN, STD, True, "here")
    training = data.training_batches(Augmentation(), validation=0.2, batch_size=20, seed=0, spec=spec())
    trained = torch.cat([batch.labels for batch in training.epoch(0)]).tolist()
    held = torch.cat(
        [b.labels for b in data.evaluation_batches("validation", spec(), validation=0.2)]
    ).tolist()
    tested = torch.cat([b.labels for b in data.evaluation_batches("test", spec())]).tolist()
    assert held == list(range(82, 103))
    assert sorted(trained + held) == list(range(103))  # 82 = 4 * 20 + 2
    assert tested == list(range(10))


def test_validation_images_of_a_folder_come_from_all_classes(large: ImageData) -> None:
    held = list(large.evaluation_batches("validation", spec(image_size=64), validation=0.5))
    labels = torch.cat([batch.labels for batch in held]).tolist()
    training = large.training_batches(
        Augmentation(), validation=0.5, batch_size=4, seed=0, spec=spec(image_size=64)
    )
    assert set(labels) == {0, 1}
    assert training.count + len(labels) == len(large.train)


@pytest.mark.parametrize("image_size", [16, 100], ids=["in memory", "listed"])
def test_a_folder_holds_out_images_of_all_classes_or_its_own_validation_split(
    make_folder: MakeFolder, heard: Heard, image_size: int
) -> None:
    def held(counts: dict[str, int], where: str, validation: float) -> tuple[list[int], list[int]]:
        folder = make_folder(counts, where)
        data = load_data(str(folder), cache=folder, report=heard, image_size=image_size)
        train, rest = data.held_out(validation)
        return train.labels.tolist(), rest.labels.tolist()

    train, rest = held({"a": 20, "b": 20}, "all", 0.5)
    assert len(train) == len(rest) == 16
    assert set(train) == set(rest) == {0, 1}, "not the last class alone"
    three = {"train/a": 3, "train/b": 3, "val/a": 1, "val/b": 2, "test/a": 1}
    assert held(three, "three", 0.1) == ([0, 0, 0, 1, 1, 1], [0, 1, 1])
    assert held(three, "again", 0.0) == ([0, 0, 0, 1, 1, 1], [])
