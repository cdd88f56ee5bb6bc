"""Selection: the full and shortened epochs of a training, and the images of each."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.core.errors import Interrupted, UsageError
from decanet.core.recipe import Selection
from decanet.core.runtime import Ranks
from decanet.data.loaders import Batch
from decanet.training import selection
from decanet.training.selection import Epochs
from tests.training.conftest import StopsAt, Trainer


def batch(samples: list[int], labels: list[int]) -> Batch:
    return Batch(torch.zeros(len(labels), 3, 8, 8), torch.tensor(labels), torch.tensor(samples))


def test_without_selection_every_epoch_is_full() -> None:
    epochs = Epochs(Selection(), count=10, batch_size=4, total_steps=9)  # three steps an epoch
    assert [epochs.locate(step) for step in (0, 2, 3, 8, 9)] == [(0, 0), (0, 2), (1, 0), (2, 2), (3, 0)]
    assert epochs.samples(2, 0) is None
    assert epochs.state_dict() == {}


def test_epochs_are_shortened_from_the_first_that_begins_after_the_start() -> None:
    # Five steps an epoch; 0.3 of 20 steps is step 6, in the second epoch: the third is the first shortened one.
    epochs = Epochs(Selection(start=0.3, keep=0.5), count=20, batch_size=4, total_steps=20)
    assert [epochs.locate(step) for step in (4, 5, 9, 10, 12, 13, 16)] == [
        (0, 4), (1, 0), (1, 4), (2, 0), (2, 2), (3, 0), (4, 0),
    ]  # fmt: skip
    assert epochs.samples(1, 0) is None
    selected = epochs.samples(2, 0)
    assert selected is not None
    assert len(selected) == 10


def test_the_quick_recipe_has_two_full_and_six_shortened_epochs() -> None:
    """The example of the module's docstring: 4.4 epochs of CIFAR-10 are 2 + 6 * 0.4."""
    epochs = Epochs(Selection(start=0.4, keep=0.4), count=50_000, batch_size=500, total_steps=440)
    assert (epochs.full_epochs, epochs.full_steps, epochs.shortened_steps) == (2, 100, 40)
    assert epochs.locate(439) == (7, 39)


def test_a_shortened_epoch_has_the_images_whose_last_loss_is_largest() -> None:
    epochs = Epochs(Selection(start=0, keep=0.5), count=6, batch_size=3, total_steps=10)
    logits = torch.tensor([[3.0, 0.0], [0.0, 3.0], [1.0, 0.0]])
    epochs.record_losses(batch([4, 0, 2], [0, 0, 0]), logits, Ranks())
    expected = F.cross_entropy(logits, torch.zeros(3, dtype=torch.long), reduction="none")
    torch.testing.assert_close(epochs.losses[[4, 0, 2]], expected)
    epochs.record_losses(batch([1, 3, 5], [1, 1, 1]), logits, Ranks())
    selected = epochs.samples(1, 0)
    assert selected is not None
    assert set(selected.tolist()) == {0, 1, 5}  # losses 3.05, 3.05 and 1.31
    epochs.record_losses(batch([0], [1]), torch.tensor([[0.0, 9.0]]), Ranks())
    assert epochs.samples(1, 1) is selected, "nothing changes within an epoch"
    later = epochs.samples(2, 0)
    assert later is not None
    assert set(later.tolist()) == {1, 5, 2}, "the loss of image 0 is small by now"


def test_every_process_records_the_losses_of_the_global_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = torch.randn(5, 10), torch.arange(5)
    parts: list[Tensor] = []
    monkeypatch.setattr(selection, "sum_over_ranks", lambda values, _: parts.append(values) or values)
    epochs = Epochs(Selection(keep=0.5), count=5, batch_size=5, total_steps=2)
    for rank, own in enumerate((slice(0, 3), slice(3, 5))):
        part = Batch(torch.zeros(1), labels[own], torch.arange(5))
        epochs.record_losses(part, logits[own], Ranks(rank=rank, world_size=2))
    torch.testing.assert_close(sum(parts), F.cross_entropy(logits, labels, reduction="none"))


def test_selection_changes_the_images_but_not_the_number_of_steps(trainer: Trainer) -> None:
    selecting = trainer.recipe("epochs=3", "selection.start=0.2", "selection.keep=0.5")
    _, _, _, report = trainer(selecting)
    assert [line.step for line in report.lines] == list(range(1, 25))
    assert report.lines[-1].epoch == 3
    # After 8 steps the network is the same with and without a selection; the selected half has the larger loss.
    everything = selecting.model_copy(update={"selection": Selection(keep=1)})
    with pytest.raises(Interrupted):
        trainer(everything, "everything", report=(other := StopsAt(9)))
    assert [line.loss for line in other.lines[:8]] == [line.loss for line in report.lines[:8]]
    assert report.lines[8].loss > other.lines[8].loss


def test_selection_is_refused_with_blended_images(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match=r"selection\.keep .* mixup and cutmix"):
        trainer.recipe("selection.keep=0.5", "augmentation.mixup=0.2")
