"""Batches of images in files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import v2

from decanet.core.errors import DataError
from decanet.core.recipe import Augmentation
from decanet.core.runtime import Ranks, generator
from decanet.data import FolderSplit, ImageData
from decanet.data.input_spec import InputSpec
from decanet.data.loaders import persistent_workers
from decanet.data.loaders.folder import FolderBatches, resized_crop
from tests.conftest import MakeFolder
from tests.data.helpers import ALONE, CPU, MEAN, STD, same, spec


def folder_batches(data: ImageData, workers: int, ranks: Ranks = ALONE, **changes: object) -> FolderBatches:
    varied = Augmentation(  # type: ignore[arg-type]
        **{"flip": "random", "resize": 72, "pca_noise": 0.1, "color_jitter": 0.4, **changes}
    )
    split = data.train
    assert isinstance(split, FolderSplit)
    return split.training_batches(
        varied, flippable=True, batch_size=5, seed=0, spec=spec(image_size=64), ranks=ranks, workers=workers
    )


def one(batches: FolderBatches, epoch: int) -> Tensor:
    """The first image as it is decoded and augmented in an epoch, uint8 (3, S, S)."""
    (call,) = batches.decoder.calls(batches.samples, epoch, torch.tensor([0]))
    image, label = call()
    assert label == 0
    return image


def test_folder_batches_are_the_same_with_and_without_workers(large: ImageData) -> None:
    without, with_two = (list(folder_batches(large, workers).epoch(1)) for workers in (0, 2))
    assert same(without, with_two)
    assert [batch.images.shape for batch in without] == [(5, 3, 64, 64)] * 3
    with persistent_workers():
        batches = folder_batches(large, 2)
        evaluated = list(large.test.evaluation_batches(spec(64)))
        for _ in range(2):
            assert same(batches.epoch(1), without)
            assert same(large.test.evaluation_batches(spec(64)), evaluated)
    assert same(list(folder_batches(large, 0).epoch(1, first_step=2)), without[2:])


def test_a_finished_epoch_of_a_folder_has_no_more_batches(large: ImageData) -> None:
    assert list(folder_batches(large, 2).epoch(0, first_step=3)) == []


def test_the_slices_of_a_folder_make_the_batch_of_one_process(large: ImageData) -> None:
    alone = list(folder_batches(large, 0, scale=(0.3, 1.0)).epoch(0))
    halves = [list(folder_batches(large, 0, Ranks(rank, 2), scale=(0.3, 1.0)).epoch(0)) for rank in range(2)]
    for whole, left, right in zip(alone, *halves, strict=True):
        assert torch.equal(torch.cat([left.images, right.images]), whole.images)
        assert left.total == right.total == whole.total


def test_augmentation_leaves_the_global_generator_alone(large: ImageData) -> None:
    before = torch.get_rng_state()
    one(folder_batches(large, 0), 0)
    assert torch.equal(before, torch.get_rng_state())


def test_each_epoch_draws_a_new_augmentation(large: ImageData) -> None:
    batches = folder_batches(large, 0)
    views = {one(batches, epoch).numpy().tobytes() for epoch in range(6)}
    assert len(views) > 1
    assert torch.equal(one(batches, 3), one(batches, 3))


def test_a_random_crop_is_a_window_of_the_resized_image(tmp_path: Path) -> None:
    """Red counts columns, green counts rows: the crop tells where it was cut, and that nothing was distorted."""
    ramp = np.zeros((80, 100, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(100), np.arange(80)[:, None]
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    images = FolderSplit(((tmp_path / "ramp.png", 0),))
    batches = images.training_batches(
        Augmentation(resize=80), flippable=True, batch_size=1, seed=0, spec=spec(image_size=64), workers=0
    )
    corners = set()
    for epoch in range(20):
        image = one(batches, epoch)
        left, top = int(image[0, 0, 0]), int(image[1, 0, 0])
        assert torch.equal(
            image, torch.from_numpy(ramp[top : top + 64, left : left + 64].copy()).permute(2, 0, 1)
        )
        corners.add((top, left))
    assert len(corners) > 10


def test_a_random_resized_crop_is_drawn_as_torchvision_draws_it() -> None:
    left, top, right, bottom = np.array(
        [resized_crop(500, 375, (0.08, 1.0), generator(i)) for i in range(2000)]
    ).T
    with torch.random.fork_rng():
        torch.manual_seed(0)
        image = torch.empty(3, 375, 500)
        theirs = [
            v2.RandomResizedCrop(8, scale=(0.08, 1.0)).make_params([image]) for _ in range(2000)
        ]  # fmt: skip
    high, wide = (np.array([params[key] for params in theirs]) for key in ("height", "width"))
    assert min(left.min(), top.min()) >= 0
    assert (right.max(), bottom.max()) <= (500, 375)
    for ours, expected in (
        ((right - left) * (bottom - top) / 187_500, wide * high / 187_500),
        (np.log((right - left) / (bottom - top)), np.log(wide / high)),
        (left, np.array([params["left"] for params in theirs])),
        (top, np.array([params["top"] for params in theirs])),
    ):
        spread = expected.std()
        assert abs(ours.mean() - expected.mean()) < 0.1 * spread
        assert abs(ours.std() / spread - 1) < 0.1


@pytest.mark.parametrize(("size", "box"), [((1000, 10), (493, 0, 506, 10)), ((10, 1000), (0, 493, 10, 506))])
def test_the_largest_central_crop_is_taken_if_no_random_crop_fits(
    size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    assert resized_crop(*size, (0.5, 1.0), generator(0)) == box


def test_evaluation_crops_the_center_of_the_resized_image(large: ImageData) -> None:
    batches = list(large.test.evaluation_batches(spec(image_size=64), resize=72, workers=0))
    assert torch.cat([batch.labels for batch in batches]).tolist() == large.test.labels.tolist()
    (batch,) = batches
    assert batch.images.shape == (len(large.test), 3, 72, 72)
    with Image.open(
        large.test.samples[0][0]
    ) as image:  # 90 x 70: the short side becomes 72, the center stays
        wide = image.resize((92, 72), Image.Resampling.BILINEAR)  # 92.57 is cut off, as torchvision does
        pixels = np.asarray(wide.crop((10, 0, 82, 72)))
    expected = InputSpec(72, MEAN, STD, CPU, torch.float32).normalize(
        torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
    )
    assert torch.equal(batch.images[:1], expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_smaller_crop_is_cut_with_one_rounding(large: ImageData, workers: int) -> None:
    batch = next(large.test.evaluation_batches(spec(image_size=61), resize=75, crop=61, workers=workers))
    transform = v2.Compose([v2.Resize(75), v2.CenterCrop(61), v2.PILToTensor()])
    with Image.open(large.test.samples[0][0]) as image:
        expected = InputSpec(61, MEAN, STD, CPU, torch.float32).normalize(transform(image)[None])
    assert torch.equal(batch.images[:1], expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_unreadable_image_is_one_short_line(large: ImageData, workers: int) -> None:
    path = large.test.samples[2][0]
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError) as refused:
        list(large.test.evaluation_batches(spec(image_size=64), workers=workers))
    assert refused.value.line.startswith(f"error[data]: cannot read image {path}: ")
    assert len(refused.value.line) < 80 + len(str(path))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_evaluation_names_all_images_that_cannot_be_read(make_folder: MakeFolder, workers: int) -> None:
    folder = make_folder({"a": 120}, size=(20, 20))
    images = FolderSplit(tuple((path, 0) for path in sorted(folder.rglob("*.png"))))
    for index in (3, 60, 61, 119):
        images.samples[index][0].write_bytes(b"no image")
    batches = images.evaluation_batches(spec(image_size=16), workers=workers)
    with pytest.raises(DataError, match=r"4 of 120 images .*003\.png.*060\.png.*061\.png.*119\.png"):
        list(batches)


def test_a_training_stops_at_the_first_batch_that_cannot_be_read(make_folder: MakeFolder) -> None:
    folder = make_folder({"a": 20}, size=(20, 20))
    images = FolderSplit(tuple((path, 0) for path in sorted(folder.rglob("*.png"))))
    for path, _ in images.samples:
        path.write_bytes(b"no image")
    batches = images.training_batches(
        Augmentation(), flippable=True, batch_size=5, seed=0, spec=spec(image_size=16), workers=0
    )
    with pytest.raises(DataError, match="5 of 20 images"):
        next(batches.epoch(0))
