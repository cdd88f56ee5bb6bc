"""Augmentation of whole batches against a slow oracle that cuts one image at a time."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from decanet.core.recipe import Augmentation
from decanet.data.augmentation import Draws, augment, draw, padded

COUNT, SIDE = 40, 12


@pytest.fixture(scope="module")
def images() -> Tensor:
    return torch.randint(0, 256, (COUNT, 3, SIDE, SIDE), generator=torch.Generator().manual_seed(1)).byte()


def slow(
    images: Tensor, index: int, draws: Draws, augmentation: Augmentation
) -> tuple[np.ndarray, np.ndarray]:
    """One image and the mask of its hole, by the words of the documentation and with NumPy only."""
    image = images[index].numpy()  # (3, H, W)
    pad = augmentation.crop_padding
    if draws.top is not None and draws.left is not None:
        mode = {"reflect": "reflect", "black": "constant"}[augmentation.padding_mode]
        large = np.pad(image, ((0, 0), (pad, pad), (pad, pad)), mode=mode)  # type: ignore[call-overload]
        top, left = int(draws.top[index]), int(draws.left[index])
        image = large[:, top : top + SIDE, left : left + SIDE]
    if draws.flip is not None and bool(draws.flip[index]):
        image = image[:, :, ::-1]
    hole = np.zeros((SIDE, SIDE), bool)
    if draws.cutout_top is not None and draws.cutout_left is not None:
        top, left = int(draws.cutout_top[index]), int(draws.cutout_left[index])
        for row in range(SIDE):
            for column in range(SIDE):
                size = augmentation.cutout
                hole[row, column] = top <= row < top + size and left <= column < left + size
    return image, hole


@pytest.mark.parametrize(
    "augmentation",
    [
        Augmentation(),
        Augmentation(crop_padding=2),
        Augmentation(crop_padding=4, padding_mode="black"),
        Augmentation(flip="random"),
        Augmentation(flip="alternating"),
        Augmentation(cutout=4),
        Augmentation(cutout=5, flip="alternating", crop_padding=3),
        Augmentation(cutout=6, flip="random", crop_padding=1, padding_mode="black"),
    ],
    ids=str,
)
def test_a_batch_equals_the_slow_oracle_image_by_image(images: Tensor, augmentation: Augmentation) -> None:
    draws = draw(augmentation, seed=3, epoch=2, count=COUNT, image_size=SIDE, flippable=True)
    indices = torch.randperm(COUNT, generator=torch.Generator().manual_seed(2))[:25]
    batch, cutout_mask = augment(padded(images, augmentation), indices, draws, SIDE, augmentation.cutout)
    assert batch.dtype == torch.uint8
    assert batch.shape == (25, 3, SIDE, SIDE)
    for row, index in enumerate(indices.tolist()):
        image, hole = slow(images, index, draws, augmentation)
        assert np.array_equal(batch[row].numpy(), image)
        if augmentation.cutout:
            assert cutout_mask is not None
            assert cutout_mask.shape == (25, 1, SIDE, SIDE)
            assert np.array_equal(cutout_mask[row, 0].numpy(), hole)
    assert (cutout_mask is None) == (augmentation.cutout == 0)


@pytest.mark.parametrize("pad", [1, 2, 4, 11])
def test_reflect_padding_is_that_of_numpy_and_torchvision(images: Tensor, pad: int) -> None:
    ours = padded(images, Augmentation(crop_padding=pad))
    border = ((0, 0), (0, 0), (pad, pad), (pad, pad))
    assert np.array_equal(ours.numpy(), np.pad(images.numpy(), border, mode="reflect"))
    assert torch.equal(ours, v2.functional.pad(images, [pad], padding_mode="reflect"))


def test_zero_padding_is_that_of_torchvision(images: Tensor) -> None:
    ours = padded(images, Augmentation(crop_padding=4, padding_mode="black"))
    assert torch.equal(ours, v2.functional.pad(images, [4]))


def test_padded_images_are_in_channels_last_memory(images: Tensor) -> None:
    augmentation = Augmentation(crop_padding=2, flip="random")
    large = padded(images, augmentation)
    assert large.is_contiguous(memory_format=torch.channels_last)
    draws = draw(augmentation, 0, 0, COUNT, SIDE, flippable=True)
    batch, _ = augment(large, torch.arange(COUNT), draws, SIDE)
    assert batch.is_contiguous(memory_format=torch.channels_last)


def test_augmentation_depends_on_seed_epoch_and_sample_only(images: Tensor) -> None:
    augmentation = Augmentation(crop_padding=2, flip="random", cutout=4)
    large = padded(images, augmentation)

    def vary(seed: int, epoch: int, indices: list[int]) -> tuple[Tensor, Tensor]:
        torch.manual_seed(len(indices))  # the global generator must not matter
        draws = draw(augmentation, seed, epoch, COUNT, SIDE, flippable=True)
        batch, cutout_mask = augment(large, torch.tensor(indices), draws, SIDE, augmentation.cutout)
        assert cutout_mask is not None
        return batch, cutout_mask

    everything, all_holes = vary(0, 5, list(range(COUNT)))
    for indices in ([7], [39, 7, 0], list(range(10, 20))):
        batch, cutout_mask = vary(0, 5, indices)
        assert torch.equal(batch, everything[indices])
        assert torch.equal(cutout_mask, all_holes[indices])
    for seed, epoch in ((1, 5), (0, 6)):
        assert not torch.equal(vary(seed, epoch, list(range(COUNT)))[0], everything)


def test_drawing_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    draw(Augmentation(crop_padding=2, flip="random", cutout=4), 0, 0, COUNT, SIDE, flippable=True)
    assert torch.equal(before, torch.get_rng_state())


def test_two_epochs_of_alternating_flips_use_both_orientations(images: Tensor) -> None:
    augmentation = Augmentation(flip="alternating")
    everyone = torch.arange(COUNT)
    seen = [
        augment(images, everyone, draw(augmentation, 0, epoch, COUNT, SIDE, flippable=True), SIDE)[0]
        for epoch in range(4)
    ]
    assert torch.equal(seen[0], seen[1].flip(3))
    assert torch.equal(seen[0], seen[2])
    assert torch.equal(seen[1], seen[3])
    mirrored = (seen[0] != images).flatten(1).any(1)
    assert 0 < int(mirrored.sum()) < COUNT, "a coin decides which view comes first"


def test_random_flips_change_half_of_the_images_in_each_epoch() -> None:
    flips = [
        draw(Augmentation(flip="random"), 0, epoch, 4000, SIDE, flippable=True).flip for epoch in range(2)
    ]
    first, second = flips
    assert first is not None
    assert second is not None
    # 5 standard deviations of a fair coin: 4000 * 0.5 +- 5 * sqrt(1000)
    assert abs(int(first.sum()) - 2000) < 160
    assert abs(int((first == second).sum()) - 2000) < 160


@pytest.mark.parametrize("flip", ["random", "alternating"])
def test_no_image_is_flipped_if_its_class_would_change(flip: str) -> None:
    """A data set whose classes do not survive the mirror says ``flippable=False``."""
    augmentation = Augmentation(flip=flip)  # type: ignore[arg-type]
    assert draw(augmentation, 0, 0, COUNT, SIDE, flippable=False).flip is None


def test_all_crops_and_cutout_positions_are_equally_frequent() -> None:
    augmentation = Augmentation(crop_padding=2, cutout=4)
    draws = draw(augmentation, 0, 0, 20_000, SIDE, flippable=True)
    # The hole's center lies anywhere in the image, so that its corner may lie outside.
    for offsets, possible in (
        (draws.top, range(5)), (draws.left, range(5)),
        (draws.cutout_top, range(-2, SIDE - 2)), (draws.cutout_left, range(-2, SIDE - 2)),
    ):  # fmt: skip
        assert offsets is not None
        counts = [int((offsets == value).sum()) for value in possible]
        assert sum(counts) == 20_000
        expected = 20_000 / len(possible)
        assert max(abs(count - expected) for count in counts) < 5 * expected**0.5
    assert draws.top is not None
    assert draws.left is not None
    correlation = np.corrcoef(draws.top.numpy(), draws.left.numpy())[0, 1]
    assert abs(correlation) < 0.05, "rows and columns are drawn apart"


def test_without_augmentation_a_batch_is_the_images_themselves(images: Tensor) -> None:
    draws = draw(Augmentation(), 0, 0, COUNT, SIDE, flippable=True)
    assert draws == Draws()
    indices = torch.tensor([3, 1, 2])
    batch, cutout_mask = augment(images, indices, draws, SIDE)
    assert torch.equal(batch, images[indices])
    assert cutout_mask is None
