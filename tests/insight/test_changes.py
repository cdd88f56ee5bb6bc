"""Changes of images from none to strong."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from decanet.insight.changes import Change, list_changes

IMAGES = torch.randint(0, 256, (3, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8)
CHANGES = {change.name: change for change in list_changes(32)}


@pytest.mark.parametrize("change", CHANGES.values(), ids=list(CHANGES))
def test_the_neutral_amount_is_one_of_them_and_changes_nothing(change: Change) -> None:
    assert change.neutral in change.amounts
    assert list(change.amounts) == sorted(change.amounts)
    assert torch.equal(change.apply(IMAGES, change.neutral), IMAGES)
    before = IMAGES.clone()
    for amount in (change.amounts[0], change.amounts[-1]):
        changed = change.apply(IMAGES, amount)
        assert changed.dtype == torch.uint8
        assert changed.shape == IMAGES.shape
        if amount != change.neutral:
            assert not torch.equal(changed, IMAGES)
    assert torch.equal(IMAGES, before)


def test_large_images_move_in_larger_steps() -> None:
    small, large = (list_changes(size)[0].amounts for size in (32, 224))
    assert small == tuple(range(-8, 9))
    assert large == tuple(range(-56, 57, 7))


def test_mirror_images() -> None:
    apply = CHANGES["mirror image"].apply
    assert torch.equal(apply(IMAGES, 1), IMAGES.flip(3))
    assert torch.equal(apply(IMAGES, 2), IMAGES.flip(2))


def test_blur_is_that_of_scipy() -> None:
    found = CHANGES["blur"].apply(IMAGES, 1.5)[0, 0, 6:-6, 6:-6].numpy()
    expected = gaussian_filter(IMAGES[0, 0].double().numpy(), 1.5, truncate=3)[6:-6, 6:-6]
    assert np.abs(found - expected).max() < 1.1


def test_noise_has_its_standard_deviation_and_is_the_same_each_time() -> None:
    gray = torch.full((4, 3, 64, 64), 128, dtype=torch.uint8)
    found = CHANGES["noise"].apply(gray, 20.0)
    assert float(found.double().std()) == pytest.approx(20, rel=0.02)
    assert torch.equal(found, CHANGES["noise"].apply(gray, 20.0))
