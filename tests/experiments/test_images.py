"""Subsets, wrong labels and changed images."""

from pathlib import Path

import pytest
import torch

from decanet.core.errors import DataError
from decanet.core.progress import Silent
from decanet.data import ImageData, load_data
from decanet.data.loaders.memory import MemorySplit
from decanet.experiments.declaration import Images
from decanet.experiments.images import (
    balanced_order,
    changed,
    fingerprint,
    prepare_images,
    shuffle_patches,
    with_wrong_labels,
)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> ImageData:
    cache: Path = tmp_path_factory.mktemp("cache")
    return load_data("digits", cache=cache, report=Silent())


def labels_of(data: ImageData) -> torch.Tensor:
    assert isinstance(data.train, MemorySplit)
    return data.train.labels


def test_a_subset_has_every_class_equally_often_and_is_part_of_a_larger_one(digits: ImageData) -> None:
    order = balanced_order(digits.train.labels)
    counts = digits.train.labels[order[:500]].bincount()
    assert counts.tolist() == [50] * 10
    assert sorted(order.tolist()) == list(range(len(digits.train)))
    small, large = (prepare_images(digits, Images(n), tuning=False).train for n in (100, 200))
    assert torch.equal(small.pixels(range(100), 0), large.pixels(range(100), 0))


def test_tuning_sees_no_test_image_and_trains_on_the_same_subset(digits: ImageData) -> None:
    tuning, final = (prepare_images(digits, Images(300), tuning=tuning) for tuning in (True, False))
    cut = len(digits.train) - round(0.1 * len(digits.train))
    assert torch.equal(tuning.test.labels, digits.train.labels[cut:])
    assert torch.equal(labels_of(tuning), labels_of(final))
    assert torch.equal(final.test.labels, digits.test.labels)
    everything = prepare_images(digits, Images(), tuning=False)
    assert len(everything.train) == len(digits.train)
    assert len(prepare_images(digits, Images(), tuning=True).train) == cut


def test_more_images_than_there_are_is_an_error(digits: ImageData) -> None:
    with pytest.raises(DataError, match="asks for 9999"):
        prepare_images(digits, Images(9999), tuning=False)


@pytest.mark.parametrize("fraction", [0.1, 0.4])
def test_wrong_labels_are_wrong_as_often_as_asked_and_evenly(fraction: float) -> None:
    labels = torch.arange(10).repeat(2000)
    wrong = with_wrong_labels(labels, fraction, 10)
    replaced = wrong[wrong != labels]
    assert len(replaced) == round(fraction * len(labels))
    expected = len(replaced) / 10
    assert (replaced.bincount() - expected).abs().max() < 5 * expected**0.5
    assert torch.equal(wrong, with_wrong_labels(labels, fraction, 10))


def test_shuffled_patches_keep_every_pixel_and_every_patch() -> None:
    images = torch.randint(0, 256, (3, 3, 32, 32), dtype=torch.uint8)
    mixed = shuffle_patches(images, 8)
    assert not torch.equal(mixed, images)
    for before, after in zip(images, mixed, strict=True):
        patches = [
            {
                tuple(whole[:, r : r + 8, c : c + 8].flatten().tolist())
                for r in range(0, 32, 8)
                for c in range(0, 32, 8)
            }
            for whole in (before, after)
        ]
        assert patches[0] == patches[1]
    assert torch.equal(shuffle_patches(images, 32), images)


def test_low_and_high_pass_add_up_to_the_image() -> None:
    images = torch.randint(64, 192, (2, 3, 16, 16), dtype=torch.uint8)
    low, high = (changed(images, name).int() for name in ("low-pass", "high-pass"))
    inside = (high > 0) & (high < 255)
    assert ((low + high - 128 - images.int())[inside]).abs().max() <= 1
    assert changed(torch.full((1, 3, 8, 8), 77, dtype=torch.uint8), "high-pass").unique().tolist() == [128]


def test_the_fingerprint_tells_images_and_labels_apart(digits: ImageData) -> None:
    arms = (Images(100), Images(200), Images(100, wrong_labels=0.2), Images(100, change="patches 8"))
    prints = [fingerprint(prepare_images(digits, images, tuning=False)) for images in arms]
    assert len(set(prints)) == len(prints)
    assert prints[0] == fingerprint(prepare_images(digits, Images(100), tuning=False))
