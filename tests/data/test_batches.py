"""Batches: one order for any number of processes and workers, resumable, normalized as the formula says."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torchvision.transforms import v2

from decanet.core.errors import DataError
from decanet.core.recipe import Augmentation
from decanet.core.runtime import Ranks, generator
from decanet.data import FolderData, ImageData, Split, load_data
from decanet.data.batches import (
    Batch,
    FolderBatches,
    InputSpec,
    MemoryBatches,
    evaluation_batches,
    folder_evaluation,
    held_out,
    memory_evaluation,
    principal_colors,
    resized,
    resized_crop,
    shift_colors,
    steps_per_epoch,
    training_batches,
)
from tests.conftest import Heard, MakeFolder

CPU = torch.device("cpu")
ALONE = Ranks(0, 1)
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
RICH = Augmentation(flip="random", crop_padding=2, cutout=4)


def spec(image_size: int = 8, dtype: torch.dtype = torch.float32) -> InputSpec:
    return InputSpec(image_size, MEAN, STD, CPU, dtype)


@pytest.fixture(scope="module")
def split() -> Split:
    """103 images; an image's label is its number, so that a batch says which images it holds."""
    pixels = torch.randint(0, 256, (103, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    return Split(pixels.byte(), torch.arange(103))


def memory(
    split: Split, augmentation: Augmentation = RICH, ranks: Ranks = ALONE, seed: int = 0
) -> MemoryBatches:
    return MemoryBatches(
        split, augmentation, flippable=True, batch_size=20, seed=seed, spec=spec(), ranks=ranks
    )


def same(first: list[Batch], second: list[Batch]) -> bool:
    return len(first) == len(second) and all(
        torch.equal(a.images, b.images) and torch.equal(a.labels, b.labels) and a.total == b.total
        for a, b in zip(first, second, strict=True)
    )


def test_a_network_that_sees_gray_is_shown_the_mean_of_the_three_channels(split: Split) -> None:
    gray = replace(spec(), channels=1)
    cutout_mask = torch.zeros(103, 1, 8, 8, dtype=torch.bool)
    cutout_mask[:, :, :4] = True
    for hidden in (None, cutout_mask):
        expected = spec().normalize(split.images, hidden).mean(dim=1, keepdim=True)
        torch.testing.assert_close(gray.normalize(split.images, hidden), expected)
    colors = principal_colors(split.images)
    samples = torch.arange(103)
    shifted = shift_colors(spec().normalize(split.images), colors, 1.0, spec(), (0, 0), samples)
    torch.testing.assert_close(
        shift_colors(gray.normalize(split.images), colors, 1.0, gray, (0, 0), samples),
        shifted.mean(dim=1, keepdim=True),
    )


@pytest.mark.parametrize(
    ("count", "batch_size", "steps"),
    [(100, 20, 5), (103, 20, 6), (102, 20, 6), (101, 20, 5), (1, 20, 1), (19, 20, 1), (20, 1, 20)],
)
def test_a_single_image_left_over_is_no_batch(count: int, batch_size: int, steps: int) -> None:
    assert steps_per_epoch(count, batch_size) == steps


def test_an_epoch_shows_every_image_once_in_a_new_order(split: Split) -> None:
    batches = memory(split)
    assert batches.count == 103
    orders = [torch.cat([batch.labels for batch in batches.epoch(epoch)]) for epoch in range(2)]
    for order in orders:
        assert sorted(order.tolist()) == list(range(103))
    assert not torch.equal(orders[0], orders[1])
    sizes = [(len(batch.labels), batch.total) for batch in batches.epoch(0)]
    assert sizes == [(20, 20)] * 5 + [(3, 3)]


def test_an_epoch_of_chosen_images_shows_each_of_them_once(split: Split) -> None:
    chosen = torch.tensor([3, 0, 7, 2, 9])
    batches = list(memory(split).epoch(1, chosen=chosen))
    shown = torch.cat([batch.samples for batch in batches])
    assert sorted(shown.tolist()) == sorted(chosen.tolist())
    assert shown.tolist() != chosen.tolist()
    torch.testing.assert_close(torch.cat([batch.labels for batch in batches]), split.labels[shown])


def test_another_seed_is_another_order(split: Split) -> None:
    first, second = (next(memory(split, seed=seed).epoch(0)).labels for seed in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("size", [2, 3, 4])
def test_the_slices_of_all_processes_make_the_batch_of_one(split: Split, size: int) -> None:
    alone = list(memory(split).epoch(3))
    apart = [list(memory(split, ranks=Ranks(rank, size)).epoch(3)) for rank in range(size)]
    for step, whole in enumerate(alone):
        parts = [batches[step] for batches in apart]
        assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
        assert torch.equal(torch.cat([part.labels for part in parts]), whole.labels)
        assert {part.total for part in parts} == {len(whole.labels)}
        lengths = [len(part.labels) for part in parts]
        assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("first_step", [1, 4, 5, 6])
def test_a_resumed_epoch_goes_on_with_the_same_batches(split: Split, first_step: int) -> None:
    whole = list(memory(split).epoch(2))
    assert same(list(memory(split).epoch(2, first_step)), whole[first_step:])


def test_normalization_is_the_formula() -> None:
    pixels = torch.randint(0, 256, (5, 3, 8, 8), generator=torch.Generator().manual_seed(3)).byte()
    expected = (pixels.numpy() / 255 - np.reshape(MEAN, (1, 3, 1, 1))) / np.reshape(STD, (1, 3, 1, 1))
    x = spec().normalize(pixels)
    assert x.dtype == torch.float32
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-5, atol=1e-6)
    half = spec(dtype=torch.bfloat16).normalize(pixels)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half, x.bfloat16())


def test_holes_become_the_mean_and_nothing_else_changes() -> None:
    pixels = torch.randint(0, 256, (5, 3, 8, 8), generator=torch.Generator().manual_seed(3)).byte()
    cutout_mask = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(4)) < 0.3
    x = spec().normalize(pixels, cutout_mask)
    assert (x.masked_select(cutout_mask) == 0).all()
    assert torch.equal(x.masked_fill(cutout_mask, 0), spec().normalize(pixels).masked_fill(cutout_mask, 0))
    assert x.masked_select(~cutout_mask).abs().min() >= 0


def test_images_of_another_size_are_resized_for_the_network() -> None:
    pixels = torch.full((2, 3, 8, 8), 255, dtype=torch.uint8)
    x = spec(image_size=20).normalize(pixels)
    assert x.shape == (2, 3, 20, 20)
    expected = (1 - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(x, expected.view(1, 3, 1, 1).expand(2, 3, 20, 20), rtol=1e-5, atol=1e-5)


def test_a_network_that_sees_less_is_shown_the_whole_image_made_smaller(split: Split) -> None:
    """Without aliasing: the mean of 2x2 pixels is what an image of half the side holds, up to its borders."""
    small = spec(image_size=4)
    batch = next(
        MemoryBatches(split, Augmentation(), flippable=True, batch_size=20, seed=0, spec=small).epoch(0)
    )
    means = torch.nn.functional.interpolate(
        spec().normalize(split.images[batch.labels]), size=(4, 4), mode="bilinear", antialias=True
    )
    # Rounded to bytes twice, once for each direction.
    torch.testing.assert_close(batch.images, means, rtol=0, atol=1.01 / 255 / min(STD))
    (evaluated,) = memory_evaluation(split, small)
    assert evaluated.images.shape == (103, 3, 4, 4)


def test_making_smaller_keeps_the_type() -> None:
    images = torch.randint(0, 256, (2, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    as_floats = resized(images.float(), 6)
    assert as_floats.shape == (2, 3, 6, 6)
    as_bytes = resized(images.byte(), 6)
    assert as_bytes.dtype == torch.uint8
    torch.testing.assert_close(as_bytes.float(), as_floats, rtol=0, atol=1.01)
    assert resized(as_bytes, 6) is as_bytes


def test_each_step_has_the_side_that_is_asked_for(split: Split) -> None:
    batches = MemoryBatches(split, Augmentation(), flippable=True, batch_size=20, seed=0, spec=spec())
    sizes = [batch.images.shape[-1] for batch in batches.epoch(0, 1, lambda step: 3 + step)]
    assert sizes == [4, 5, 6, 7, 8]


def test_training_images_are_cut_mirrored_and_then_normalized(split: Split) -> None:
    """Without variation a batch is its images, normalized; with it, their values come from the images."""
    plain = next(memory(split, Augmentation()).epoch(0))
    assert torch.equal(plain.images, spec().normalize(split.images[plain.labels]))
    assert plain.images.is_contiguous(memory_format=torch.channels_last)
    flipped = next(memory(split, Augmentation(flip="alternating")).epoch(0))
    images = spec().normalize(split.images[flipped.labels])
    either = (flipped.images == images).flatten(1).all(1) | (flipped.images == images.flip(3)).flatten(1).all(
        1
    )
    assert either.all()


@pytest.mark.parametrize(
    "augmentation", [RICH, Augmentation(flip="alternating")], ids=["rich", "alternating"]
)
def test_batches_can_live_on_a_gpu(augmentation: Augmentation) -> None:
    """PyTorch's fake tensors have a GPU's rules without a GPU: tensors of two devices do not mix."""
    with FakeTensorMode():
        images = Split(torch.zeros(30, 3, 8, 8, dtype=torch.uint8), torch.zeros(30, dtype=torch.int64))
        gpu = InputSpec(8, MEAN, STD, torch.device("cuda:0"), torch.float32)
        batches = MemoryBatches(images, augmentation, flippable=True, batch_size=8, seed=0, spec=gpu)
        batch = next(batches.epoch(0))
        assert batch.images.device.type == "cuda"
        assert batch.labels.device.type == "cuda"
        assert batch.images.shape == (8, 3, 8, 8)


@pytest.mark.parametrize("padding", [0, 1])
def test_a_recipe_that_says_at_which_size_crops_are_cut_gets_random_crops(split: Split, padding: int) -> None:
    """And is judged by whole images, of which the views take what they need."""
    small = spec(image_size=5)
    varied = Augmentation(crop_padding=padding, resize=8)
    batches = MemoryBatches(split, varied, flippable=True, batch_size=20, seed=0, spec=small)
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
    (evaluated,) = memory_evaluation(split, small, resize=8)
    assert evaluated.images.shape == (103, 3, 8, 8)


# The color noise of AlexNet, section 4.1.


def test_principal_colors_rebuild_the_covariance(split: Split) -> None:
    covariance = np.cov(split.images.numpy().transpose(1, 0, 2, 3).reshape(3, -1) / 255)
    for scale, expected in (("std", covariance), ("eigenvalue", covariance @ covariance)):
        colors = principal_colors(split.images, scale).double()  # columns p_i * l_i
        # sum of (p l)(p l)^T is P L^2 P^T: the covariance where l is a standard deviation, else its square
        np.testing.assert_allclose((colors @ colors.T).numpy(), expected, rtol=1e-4, atol=1e-7)


def test_color_noise_is_that_of_alexnets_code(split: Split) -> None:
    """cuda-convnet2, convdata.py: coefficient * randn(n, 3) * pca_stdevs @ pca_vecs.T, on the scale 0..255."""
    pixels = split.images.numpy().transpose(1, 0, 2, 3).reshape(3, -1).astype(float)
    _, stdevs, directions = np.linalg.svd(
        (pixels - pixels.mean(1, keepdims=True)).T / pixels.shape[1] ** 0.5, False
    )
    plain, noisy = (list(memory(split, Augmentation(pca_noise=n)).epoch(0)) for n in (0.0, 0.1))
    shifts = [(a.images - b.images)[:, :, 0, 0] for a, b in zip(noisy, plain, strict=True)]
    shift = torch.cat(shifts).double().numpy() * STD * 255
    along = shift @ directions.T  # (103, 3): the draws times the deviations
    np.testing.assert_allclose(along.std(0), 0.1 * stdevs, rtol=0.2)


def test_color_noise_of_gray_images_is_gray() -> None:
    gray = torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8).expand(-1, 3, -1, -1)
    assert torch.isfinite(principal_colors(gray)).all()


def test_color_noise_is_one_color_for_the_whole_image_with_the_papers_covariance() -> None:
    colors = torch.tensor([[0.6, 0.1, 0.02], [0.5, -0.1, 0.03], [0.4, 0.05, -0.05]])
    samples = torch.arange(3000)
    x = torch.zeros(3000, 3, 2, 2)
    noisy = shift_colors(x, colors, 0.1, spec(), (0, 0), samples)
    assert torch.equal(noisy, noisy[:, :, :1, :1].expand_as(noisy))
    shift = (noisy[:, :, 0, 0] * torch.tensor(STD)).double().numpy()  # back on the scale 0..1
    expected = 0.01 * (colors @ colors.T).double().numpy()
    np.testing.assert_allclose(np.cov(shift.T), expected, atol=0.06 * expected.max())
    assert np.abs(shift.mean(0)).max() < 5 * (expected.max() / 3000) ** 0.5


@pytest.mark.parametrize("change", ["pca_noise", "color_jitter"])
def test_color_changes_depend_on_seed_epoch_and_sample_only(split: Split, change: str) -> None:
    noisy = Augmentation(**{change: 0.1})
    alone = list(memory(split, noisy).epoch(1))
    assert same(list(memory(split, noisy).epoch(1)), alone)
    halves = [list(memory(split, noisy, ranks=Ranks(rank, 2)).epoch(1)) for rank in range(2)]
    for whole, left, right in zip(alone, *halves, strict=True):
        assert torch.equal(torch.cat([left.images, right.images]), whole.images)
    plain = next(memory(split, Augmentation()).epoch(1))
    assert torch.equal(plain.labels, alone[0].labels)
    assert not torch.equal(plain.images, alone[0].images)


# Judging.


def test_judging_shows_all_images_in_order(split: Split) -> None:
    many = Split(split.images.repeat(10, 1, 1, 1), torch.arange(1030))
    batches = list(memory_evaluation(many, spec()))
    assert [batch.total for batch in batches] == [500, 500, 30]
    assert torch.equal(torch.cat([batch.labels for batch in batches]), many.labels)
    assert torch.equal(torch.cat([batch.images for batch in batches]), spec().normalize(many.images))


def test_validation_images_are_the_end_of_the_training_split_and_not_trained_on(split: Split) -> None:
    data = ImageData("made", ("a", "b"), split, split[:10], MEAN, STD, True, "here")
    training = training_batches(
        data, Augmentation(), validation=0.2, batch_size=20, seed=0, spec=spec(), ranks=ALONE
    )
    trained = torch.cat([batch.labels for batch in training.epoch(0)]).tolist()
    held = torch.cat(
        [b.labels for b in evaluation_batches(data, "validation", spec(), validation=0.2)]
    ).tolist()
    tested = torch.cat([b.labels for b in evaluation_batches(data, "test", spec())]).tolist()
    assert held == list(range(82, 103))
    assert sorted(trained + held) == list(range(103))  # 82 = 4 * 20 + 2
    assert tested == list(range(10))


# Folders of large images.


@pytest.fixture
def large(make_folder: MakeFolder, heard: Heard) -> FolderData:
    folder = make_folder({"a": 9, "b": 12}, size=(90, 70))
    data = load_data(str(folder), cache=folder, report=heard, image_size=80)
    assert isinstance(data, FolderData)
    return data


def folder_batches(data: FolderData, workers: int, ranks: Ranks = ALONE, **changes: object) -> FolderBatches:
    varied = Augmentation(  # type: ignore[arg-type]
        **{"flip": "random", "resize": 72, "pca_noise": 0.1, "color_jitter": 0.4, **changes}
    )
    return FolderBatches(
        data.train, varied, batch_size=5, seed=0, spec=spec(image_size=64), ranks=ranks, workers=workers
    )


def test_folder_batches_are_the_same_with_and_without_workers(large: FolderData) -> None:
    without, with_two = (list(folder_batches(large, workers).epoch(1)) for workers in (0, 2))
    assert same(without, with_two)
    assert [batch.images.shape for batch in without] == [(5, 3, 64, 64)] * 3
    assert same(list(folder_batches(large, 0).epoch(1, first_step=2)), without[2:])


def test_a_finished_epoch_of_a_folder_has_no_more_batches(large: FolderData) -> None:
    assert list(folder_batches(large, 2).epoch(0, first_step=3)) == []


def test_the_slices_of_a_folder_make_the_batch_of_one_process(large: FolderData) -> None:
    alone = list(folder_batches(large, 0, scale=(0.3, 1.0)).epoch(0))
    halves = [list(folder_batches(large, 0, Ranks(rank, 2), scale=(0.3, 1.0)).epoch(0)) for rank in range(2)]
    for whole, left, right in zip(alone, *halves, strict=True):
        assert torch.equal(torch.cat([left.images, right.images]), whole.images)
        assert left.total == right.total == whole.total


def test_varying_large_images_leaves_the_global_generator_alone(large: FolderData) -> None:
    before = torch.get_rng_state()
    folder_batches(large, 0).images[(0, 0)]
    assert torch.equal(before, torch.get_rng_state())


def test_large_images_are_varied_anew_each_epoch(large: FolderData) -> None:
    images = folder_batches(large, 0).images
    views = {images[(epoch, 0)][0].numpy().tobytes() for epoch in range(6)}
    assert len(views) > 1
    assert torch.equal(images[(3, 0)][0], images[(3, 0)][0])


def test_a_random_crop_of_a_large_image_is_a_window_of_the_resized_one(tmp_path: Path) -> None:
    """Red counts columns, green counts rows: the crop tells where it was cut, and that nothing was distorted."""
    ramp = np.zeros((80, 100, 3), np.uint8)
    ramp[..., 0], ramp[..., 1] = np.arange(100), np.arange(80)[:, None]
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    listed = [(tmp_path / "ramp.png", 0)]
    batches = FolderBatches(
        listed, Augmentation(resize=80), batch_size=1, seed=0, spec=spec(image_size=64), workers=0
    )
    corners = set()
    for epoch in range(20):
        image, label = batches.images[(epoch, 0)]
        assert label == 0
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
def test_where_no_crop_fits_the_largest_in_the_center_is_taken(
    size: tuple[int, int], box: tuple[int, int, int, int]
) -> None:
    assert resized_crop(*size, (0.5, 1.0), generator(0)) == box


def test_judging_a_folder_takes_the_center_at_the_size_asked_for(large: FolderData) -> None:
    batches = list(folder_evaluation(large.test, spec(image_size=64), resize=72, workers=0))
    assert torch.cat([batch.labels for batch in batches]).tolist() == [label for _, label in large.test]
    (batch,) = batches
    assert batch.images.shape == (len(large.test), 3, 72, 72)
    with Image.open(large.test[0][0]) as image:  # 90 x 70: the short side becomes 72, the center stays
        wide = image.resize((92, 72), Image.Resampling.BILINEAR)  # 92.57 is cut off, as torchvision does
        pixels = np.asarray(wide.crop((10, 0, 82, 72)))
    expected: Tensor = InputSpec(72, MEAN, STD, CPU, torch.float32).normalize(
        torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
    )
    assert torch.equal(batch.images[:1], expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_smaller_window_is_cut_with_one_rounding(large: FolderData, workers: int) -> None:
    batch = next(folder_evaluation(large.test, spec(image_size=61), resize=75, crop=61, workers=workers))
    transform = v2.Compose([v2.Resize(75), v2.CenterCrop(61), v2.PILToTensor()])
    with Image.open(large.test[0][0]) as image:
        expected = InputSpec(61, MEAN, STD, CPU, torch.float32).normalize(transform(image)[None])
    assert torch.equal(batch.images[:1], expected)


@pytest.mark.parametrize("workers", [0, 1])
def test_an_image_that_a_worker_cannot_read_is_one_short_line(large: FolderData, workers: int) -> None:
    path = large.test[2][0]
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(DataError) as refused:
        list(folder_evaluation(large.test, spec(image_size=64), workers=workers))
    assert refused.value.line.startswith(f"error[data]: cannot read image {path}: ")
    assert len(refused.value.line) < 80 + len(str(path))


@pytest.mark.parametrize("workers", [0, 1])
def test_an_evaluation_names_all_images_that_cannot_be_read(make_folder: MakeFolder, workers: int) -> None:
    folder = make_folder({"a": 120}, size=(20, 20))
    listed = [(path, 0) for path in sorted(folder.rglob("*.png"))]
    for index in (3, 60, 61, 119):
        listed[index][0].write_bytes(b"no image")
    batches = folder_evaluation(listed, spec(image_size=16), workers=workers)
    with pytest.raises(DataError, match=r"4 of 120 images .*003\.png.*060\.png.*061\.png.*119\.png"):
        list(batches)


def test_a_training_stops_at_the_first_batch_that_cannot_be_read(make_folder: MakeFolder) -> None:
    folder = make_folder({"a": 20}, size=(20, 20))
    listed = [(path, 0) for path in sorted(folder.rglob("*.png"))]
    for path, _ in listed:
        path.write_bytes(b"no image")
    batches = FolderBatches(listed, Augmentation(), batch_size=5, seed=0, spec=spec(image_size=16), workers=0)
    with pytest.raises(DataError, match="5 of 20 images"):
        next(batches.epoch(0))


def test_validation_images_of_a_folder_come_from_all_classes(large: FolderData) -> None:
    held = list(evaluation_batches(large, "validation", spec(image_size=64), validation=0.5))
    labels = torch.cat([batch.labels for batch in held]).tolist()
    training = training_batches(
        large, Augmentation(), validation=0.5, batch_size=4, seed=0, spec=spec(image_size=64), ranks=ALONE
    )
    assert set(labels) == {0, 1}
    assert training.count + len(labels) == len(large.train)


@pytest.mark.parametrize("image_size", [16, 100], ids=["in memory", "listed"])
def test_a_folder_holds_out_images_of_all_classes_or_its_own_validation_split(
    make_folder: MakeFolder, heard: Heard, image_size: int
) -> None:
    def labels(part: Any) -> list[int]:
        return part.labels.tolist() if isinstance(part, Split) else [label for _, label in part]

    def held(counts: dict[str, int], where: str, validation: float) -> tuple[list[int], list[int]]:
        folder = make_folder(counts, where)
        data = load_data(str(folder), cache=folder, report=heard, image_size=image_size)
        train, rest = held_out(data, validation)
        return labels(train), labels(rest)

    train, rest = held({"a": 20, "b": 20}, "all", 0.5)
    assert len(train) == len(rest) == 16
    assert set(train) == set(rest) == {0, 1}, "not the last class alone"
    three = {"train/a": 3, "train/b": 3, "val/a": 1, "val/b": 2, "test/a": 1}
    assert held(three, "three", 0.1) == ([0, 0, 0, 1, 1, 1], [0, 1, 1])
    assert held(three, "again", 0.0) == ([0, 0, 0, 1, 1, 1], [])
