"""Every loader keeps the protocol: one order for any number of processes, resumable, parts and batches of one kind."""

from typing import Any

import pytest
import torch
from PIL import Image

from decanet.core.recipe import Augmentation
from decanet.core.runtime import Ranks
from decanet.data import FolderSplit, MemorySplit, Split
from decanet.data.loaders import folder, memory, steps_per_epoch
from tests.data.helpers import RICH, batches_of, same, spec


@pytest.fixture(scope="module")
def files(split: MemorySplit, tmp_path_factory: pytest.TempPathFactory) -> FolderSplit:
    """The images of the fixture ``split``, as files."""
    root = tmp_path_factory.mktemp("files")
    samples = []
    for number, image in enumerate(split.images):
        path = root / f"{number:03d}.png"
        Image.fromarray(image.permute(1, 2, 0).numpy()).save(path)
        samples.append((path, number))
    return FolderSplit(tuple(samples))


@pytest.fixture(params=["memory", "folder"])
def images(request: Any, split: MemorySplit, files: FolderSplit, monkeypatch: pytest.MonkeyPatch) -> Split:
    """The same 103 images in memory and in files; see the fixture ``split``."""
    monkeypatch.setattr(folder, "default_workers", lambda: 0)
    return split if request.param == "memory" else files


def test_a_split_is_a_sequence_of_labeled_images(images: Split, split: MemorySplit) -> None:
    assert len(images) == 103
    assert images.labels.dtype == torch.int64
    assert torch.equal(images.labels, split.labels)
    assert images.stored_size in (8, None)
    pixels = images.pixels([5, 3], 8)
    assert pixels.dtype == torch.uint8
    assert torch.equal(pixels, split.images[[5, 3]])
    assert torch.equal(images.pixels(torch.tensor([7]), 8), split.images[7:8])


def test_a_part_of_a_split_is_a_split(images: Split) -> None:
    assert images[10:13].labels.tolist() == [10, 11, 12]
    chosen = torch.tensor([4, 2, 9])
    assert torch.equal(images[chosen].labels, chosen)
    assert torch.equal(images[chosen].pixels([1], 8), images.pixels([2], 8))
    assert len(images[:0]) == 0
    assert list(images[:0].evaluation_batches(spec())) == []


def test_relabeled_images_are_the_same_images(images: Split) -> None:
    turned = images.relabeled(torch.arange(103).flip(0))
    assert torch.equal(turned.labels, images.labels.flip(0))
    assert torch.equal(turned.pixels([8], 8), images.pixels([8], 8))


@pytest.mark.parametrize(
    ("count", "batch_size", "steps"),
    [(100, 20, 5), (103, 20, 6), (102, 20, 6), (101, 20, 5), (1, 20, 1), (19, 20, 1), (20, 1, 20)],
)
def test_a_single_remaining_image_is_no_batch(count: int, batch_size: int, steps: int) -> None:
    assert steps_per_epoch(count, batch_size) == steps


def test_an_epoch_holds_every_image_once_in_a_new_order(images: Split) -> None:
    batches = batches_of(images)
    assert batches.count == 103
    assert batches.steps_per_epoch == 6
    orders = [torch.cat([batch.labels for batch in batches.epoch(epoch)]) for epoch in range(2)]
    for order in orders:
        assert sorted(order.tolist()) == list(range(103))
    assert not torch.equal(orders[0], orders[1])
    sizes = [(len(batch.labels), batch.total) for batch in batches.epoch(0)]
    assert sizes == [(20, 20)] * 5 + [(3, 3)]


def test_an_epoch_of_chosen_images_holds_each_of_them_once(images: Split) -> None:
    chosen = torch.tensor([3, 0, 7, 2, 9])
    batches = list(batches_of(images).epoch(1, chosen=chosen))
    used = torch.cat([batch.samples for batch in batches])
    assert sorted(used.tolist()) == sorted(chosen.tolist())
    assert used.tolist() != chosen.tolist()
    torch.testing.assert_close(torch.cat([batch.labels for batch in batches]), images.labels[used])


def test_another_seed_is_another_order(images: Split) -> None:
    first, second = (next(batches_of(images, seed=seed).epoch(0)).labels for seed in (0, 1))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("world_size", [2, 3, 4])
@pytest.mark.parametrize("augmentation", [RICH, Augmentation(pca_noise=0.1, color_jitter=0.1)])
def test_the_slices_of_all_processes_make_the_batch_of_one(
    images: Split, world_size: int, augmentation: Augmentation
) -> None:
    """Of the last batch, three images, the fourth of four processes gets none."""
    alone = list(batches_of(images, augmentation).epoch(3))
    apart = [
        list(batches_of(images, augmentation, Ranks(rank, world_size)).epoch(3)) for rank in range(world_size)
    ]
    for step, whole in enumerate(alone):
        parts = [batches[step] for batches in apart]
        assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
        assert torch.equal(torch.cat([part.labels for part in parts]), whole.labels)
        assert {part.total for part in parts} == {len(whole.labels)}
        lengths = [len(part.labels) for part in parts]
        assert max(lengths) - min(lengths) <= 1


@pytest.mark.parametrize("first_step", [1, 4, 5, 6])
def test_a_resumed_epoch_continues_with_the_same_batches(images: Split, first_step: int) -> None:
    whole = list(batches_of(images).epoch(2))
    assert same(batches_of(images).epoch(2, first_step), whole[first_step:])


def test_each_step_has_the_image_size_that_is_asked_for(images: Split) -> None:
    sizes = [batch.images.shape[-1] for batch in batches_of(images).epoch(0, 1, lambda step: 3 + step)]
    assert sizes == [4, 5, 6, 7, 8]


def test_images_are_flipped_only_if_the_data_set_is_flippable(images: Split) -> None:
    def epoch(flippable: bool, flip: str) -> list[Any]:
        augmentation = Augmentation(flip=flip)  # type: ignore[arg-type]
        batches = images.training_batches(
            augmentation, flippable=flippable, batch_size=20, seed=0, spec=spec()
        )
        return list(batches.epoch(0))

    assert same(epoch(False, "random"), epoch(True, "none"))
    assert not same(epoch(True, "random"), epoch(True, "none"))


def test_where_the_images_are_stored_makes_no_difference(
    split: MemorySplit, files: FolderSplit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(folder, "default_workers", lambda: 0)
    both = [batches_of(images, Augmentation(color_jitter=0.4)) for images in (split, files)]
    assert same(*(batches.epoch(1) for batches in both))
    first, second = (list(images.evaluation_batches(spec(), resize=16)) for images in (split, files))
    for name in ("labels", "samples"):
        assert torch.equal(*(torch.cat([getattr(b, name) for b in batches]) for batches in (first, second)))
    images, others = (torch.cat([batch.images for batch in batches]) for batches in (first, second))
    torch.testing.assert_close(images, others, rtol=0, atol=2.01 / 255 / 0.2)  # torch and Pillow round


@pytest.mark.parametrize("world_size", [1, 2, 3, 7])
def test_evaluation_batches_hold_every_image_once(
    images: Split, world_size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (memory, folder):
        monkeypatch.setattr(module, "EVALUATION_BATCH", 20)
    alone = list(images.evaluation_batches(spec()))
    assert [batch.total for batch in alone] == [20] * 5 + [3]
    assert torch.equal(torch.cat([batch.labels for batch in alone]), images.labels)
    apart = [
        list(images.evaluation_batches(spec(), ranks=Ranks(rank, world_size))) for rank in range(world_size)
    ]
    assert same([batch for part in apart for batch in part], alone)
    lengths = [len(part) for part in apart]
    assert max(lengths) - min(lengths) <= 1
    assert {batch.images.shape[-1] for batch in images.evaluation_batches(spec(), resize=11)} == {11}
