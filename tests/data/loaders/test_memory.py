"""Batches of images in memory."""

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from decanet.core.recipe import Augmentation
from decanet.data import MemorySplit
from decanet.data.input_spec import InputSpec
from tests.data.helpers import MEAN, RICH, STD, batches_of, spec


def test_a_network_of_smaller_images_gets_the_whole_image_resized(split: MemorySplit) -> None:
    """Without aliasing: the mean of 2x2 pixels is what an image of half the side holds, up to its borders."""
    small = spec(image_size=4)
    batch = next(
        split.training_batches(Augmentation(), flippable=True, batch_size=20, seed=0, spec=small).epoch(0)
    )
    means = torch.nn.functional.interpolate(
        spec().normalize(split.images[batch.labels]), size=(4, 4), mode="bilinear", antialias=True
    )
    # Rounded to bytes twice, once for each direction.
    torch.testing.assert_close(batch.images, means, rtol=0, atol=1.01 / 255 / min(STD))
    (evaluated,) = split.evaluation_batches(small)
    assert evaluated.images.shape == (103, 3, 4, 4)


def test_each_step_has_the_size_that_is_asked_for(split: MemorySplit) -> None:
    batches = split.training_batches(Augmentation(), flippable=True, batch_size=20, seed=0, spec=spec())
    sizes = [batch.images.shape[-1] for batch in batches.epoch(0, 1, lambda step: 3 + step)]
    assert sizes == [4, 5, 6, 7, 8]


def test_training_images_are_cropped_flipped_and_normalized(split: MemorySplit) -> None:
    """Without variation a batch is its images, normalized; with it, their values come from the images."""
    plain = next(batches_of(split, Augmentation()).epoch(0))
    assert torch.equal(plain.images, spec().normalize(split.images[plain.labels]))
    assert plain.images.is_contiguous(memory_format=torch.channels_last)
    flipped = next(batches_of(split, Augmentation(flip="alternating")).epoch(0))
    images = spec().normalize(split.images[flipped.labels])
    either = (flipped.images == images).flatten(1).all(1) | (flipped.images == images.flip(3)).flatten(1).all(
        1
    )
    assert either.all()


@pytest.mark.parametrize(
    "augmentation", [RICH, Augmentation(flip="alternating")], ids=["rich", "alternating"]
)
def test_batches_can_be_on_a_gpu(augmentation: Augmentation) -> None:
    """PyTorch's fake tensors have a GPU's rules without a GPU: tensors of two devices do not mix."""
    with FakeTensorMode():
        images = MemorySplit(torch.zeros(30, 3, 8, 8, dtype=torch.uint8), torch.zeros(30, dtype=torch.int64))
        gpu = InputSpec(8, MEAN, STD, torch.device("cuda:0"), torch.float32)
        batches = images.training_batches(augmentation, flippable=True, batch_size=8, seed=0, spec=gpu)
        batch = next(batches.epoch(0))
        assert batch.images.device.type == "cuda"
        assert batch.labels.device.type == "cuda"
        assert batch.images.shape == (8, 3, 8, 8)


@pytest.mark.parametrize("padding", [0, 1])
def test_a_recipe_with_a_resize_gets_random_crops(split: MemorySplit, padding: int) -> None:
    """Evaluation gets whole images, from which test-time augmentation takes its crops."""
    small = spec(image_size=5)
    varied = Augmentation(crop_padding=padding, resize=8)
    batches = split.training_batches(varied, flippable=True, batch_size=20, seed=0, spec=small)
    border = (padding, padding, padding, padding)
    seen = set()
    for batch in batches.epoch(0):
        assert batch.images.shape[1:] == (3, 5, 5)
        for image, label in zip(batch.images, batch.labels, strict=True):
            large = torch.nn.functional.pad(
                split.images[label : label + 1].float(), border, mode="reflect"
            ).byte()
            windows = (
                spec(image_size=large.shape[-1]).normalize(large).unfold(2, 5, 1).unfold(3, 5, 1)[0]
            )  # (3, P, P, 5, 5)
            same = (windows == image[:, None, None]).all(-1).all(-1).all(0)
            assert int(same.sum()) == 1
            seen.add(tuple(same.nonzero()[0].tolist()))
    assert len(seen) > 12
    assert max(max(corner) for corner in seen) == 3 + 2 * padding
    (evaluated,) = split.evaluation_batches(small, resize=8)
    assert evaluated.images.shape == (103, 3, 8, 8)


def test_evaluation_batches_hold_all_images_in_order(split: MemorySplit) -> None:
    many = MemorySplit(split.images.repeat(10, 1, 1, 1), torch.arange(1030))
    batches = list(many.evaluation_batches(spec()))
    assert [batch.total for batch in batches] == [500, 500, 30]
    assert torch.equal(torch.cat([batch.labels for batch in batches]), many.labels)
    assert torch.equal(torch.cat([batch.images for batch in batches]), spec().normalize(many.images))
