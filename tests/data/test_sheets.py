"""Sheets of samples and of one augmented image."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.core.recipe import Augmentation
from decanet.data import ImageData, load_data
from decanet.data.input_spec import InputSpec
from decanet.data.sheets import augment_one, describe, draw_augmented, draw_samples, sample


@pytest.fixture(scope="module")
def digits() -> ImageData:
    return load_data("digits", cache=Path("unused"), report=Silent())


@pytest.fixture
def spec(digits: ImageData) -> InputSpec:
    return InputSpec(8, digits.mean, digits.std, torch.device("cpu"), torch.float32)


def test_every_class_has_a_row_of_its_own_images(digits: ImageData, spec: InputSpec) -> None:
    sheet = sample(digits, spec, per_class=3)
    assert sheet.classes == digits.classes
    assert sum(sheet.train_counts) == len(digits.train)
    assert sum(sheet.test_counts) == len(digits.test)
    stored = torch.cat([b.images for b in digits.train.evaluation_batches(spec)])
    for label, row in enumerate(sheet.images):
        assert row.shape == (3, 8, 8, 3)
        for image in row:
            x = (
                torch.from_numpy(image).permute(2, 0, 1) - torch.tensor(spec.mean).view(3, 1, 1)
            ) / torch.tensor(spec.std).view(3, 1, 1)
            (match,) = (stored - x).abs().amax(dim=(1, 2, 3)).lt(1e-4).nonzero()[0]
            assert digits.train.labels[match] == label
    figure = draw_samples(sheet)
    assert sum(bool(axes.images) for axes in figure.axes) == 30
    suptitle = figure.get_suptitle()
    assert suptitle == f"digits: {len(digits.train):,} training and {len(digits.test):,} test images"


def test_many_classes_are_cut_and_told(digits: ImageData, spec: InputSpec) -> None:
    many = replace(digits, classes=tuple(f"class {k}" for k in range(25)))
    sheet = sample(many, spec, per_class=1)
    assert (len(sheet.classes), sheet.left_out) == (20, 5)
    assert "the first 20 of 25 classes" in draw_samples(sheet).get_suptitle()


def test_an_image_is_augmented_as_the_loader_does_it(digits: ImageData, spec: InputSpec) -> None:
    flippable = replace(digits, flippable=True)
    found = augment_one(flippable, Augmentation(flip="random", crop_padding=0), spec, index=7, count=12)
    original = found.original
    flips = [np.allclose(one, original[:, ::-1], atol=1e-5) for one in found.augmented]
    same = [np.allclose(one, original, atol=1e-5) for one in found.augmented]
    assert all(a or b for a, b in zip(flips, same, strict=True))
    assert any(flips)
    assert any(same)
    shifted = augment_one(digits, Augmentation(flip="none", crop_padding=2), spec, index=7, count=12)
    assert len({one.tobytes() for one in shifted.augmented}) > 4
    figure = draw_augmented(shifted)
    images = [axes for part in figure.subfigs for axes in part.axes if axes.images]
    assert len(images) == 13
    assert figure.get_suptitle().startswith(f"One {digits.classes[int(digits.train.labels[7])]}, 12 epochs")


def test_an_image_that_does_not_exist_is_refused(digits: ImageData, spec: InputSpec) -> None:
    with pytest.raises(UsageError, match="training images 0 to"):
        augment_one(digits, Augmentation(), spec, index=len(digits.train))


def test_augmentation_in_words() -> None:
    assert describe(Augmentation(flip="none")) == "none"
    assert describe(Augmentation(flip="random"), flippable=False) == "none"
    text = describe(Augmentation(flip="alternating", crop_padding=4, cutout=8))
    assert (
        text
        == "alternating horizontal flip, random crop with 4 pixels of padding (reflect), cutout of 8 pixels"
    )
