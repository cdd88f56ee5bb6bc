"""The digits inside scikit-learn: always there, the same split always, never mirrored."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from decanet.data import ImageData, MemorySplit, dataset_entry, load_data
from decanet.data.image_data import channel_statistics
from tests.conftest import Heard


@pytest.fixture
def digits(tmp_path: Path, heard: Heard) -> ImageData:
    data = load_data("digits", cache=tmp_path / "unused", report=heard)
    assert isinstance(data.train, MemorySplit)
    assert heard.notes == []
    assert not (tmp_path / "unused").exists()
    return data


def test_all_images_are_loaded_as_rgb(digits: ImageData) -> None:
    assert digits.train.images.shape == (1433, 3, 32, 32)
    assert digits.test.images.shape == (364, 3, 32, 32)
    assert digits.train.images.dtype == torch.uint8
    assert digits.classes == tuple("0123456789")
    assert torch.equal(digits.train.images[:, 0], digits.train.images[:, 2])
    assert int(digits.train.images.max()) == 255
    assert int(digits.train.images.min()) == 0


def test_every_fifth_of_each_digit_is_for_testing(digits: ImageData) -> None:
    counts = np.bincount(load_digits().target)
    assert torch.bincount(digits.test.labels).tolist() == [-(-count // 5) for count in counts]
    together = torch.cat([digits.train.labels, digits.test.labels])
    assert torch.bincount(together).tolist() == counts.tolist()


def test_the_images_are_those_of_scikit_learn_enlarged_as_in_pillow(digits: ImageData) -> None:
    """Each original is the next image of one split, within rounding and with its label."""
    originals = load_digits()
    splits = {"train": digits.train, "test": digits.test}
    after = {"train": 0, "test": 0}
    for small, label in zip(originals.images, originals.target, strict=True):
        image = Image.fromarray((small * (255 / 16)).astype(np.float32))
        large = np.asarray(image.resize((32, 32), Image.Resampling.BILINEAR))
        for name, split in splits.items():
            place = after[name]
            if place < len(split) and np.abs(split.images[place, 0].numpy() - large).max() <= 0.51:
                assert split.labels[place] == label
                after[name] += 1
                break
        else:
            pytest.fail("a digit of scikit-learn is missing")
    assert after == {"train": len(digits.train), "test": len(digits.test)}


def test_digits_are_not_flippable(digits: ImageData) -> None:
    assert digits.flippable is False


def test_the_channel_constants_are_those_of_the_training_images(digits: ImageData) -> None:
    pixels = digits.train.images.numpy().astype(np.float64) / 255
    np.testing.assert_allclose(digits.mean, pixels.mean((0, 2, 3)), rtol=1e-9)
    np.testing.assert_allclose(digits.std, pixels.std((0, 2, 3)), rtol=1e-9)
    assert channel_statistics(digits.train.images) == (digits.mean, digits.std)


def test_the_split_is_always_the_same(digits: ImageData, tmp_path: Path, heard: Heard) -> None:
    torch.manual_seed(99)
    again = load_data("digits", cache=tmp_path, report=heard, seed=5)
    assert isinstance(again.train, MemorySplit)
    assert torch.equal(again.test.images, digits.test.images)


def test_the_digits_are_always_available(tmp_path: Path) -> None:
    assert dataset_entry("digits").is_cached(tmp_path)
