"""Selection: which images each pass shows, and what is remembered of them."""

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.core.errors import Interrupted, UsageError
from decanet.core.recipe import Selection
from decanet.core.runtime import Ranks
from decanet.data.loaders import Batch
from decanet.training import selection
from decanet.training.selection import Passes
from tests.training.conftest import Trainer
from tests.training.test_session import StopsAt


def batch(samples: list[int], labels: list[int]) -> Batch:
    return Batch(torch.zeros(len(labels), 3, 8, 8), torch.tensor(labels), torch.tensor(samples))


def test_without_selection_every_pass_is_whole() -> None:
    passes = Passes(Selection(), count=10, batch_size=4, total_steps=9)  # three steps a pass
    assert [passes.place(step) for step in (0, 2, 3, 8, 9)] == [(0, 0), (0, 2), (1, 0), (2, 2), (3, 0)]
    assert passes.images(2, 0) is None
    assert passes.state_dict() == {}


def test_passes_become_shorter_from_the_first_that_begins_after_the_start() -> None:
    # Five steps a pass; 0.3 of 20 steps is step 6, in the second pass: the third is the first to leave images out.
    passes = Passes(Selection(start=0.3, keep=0.5), count=20, batch_size=4, total_steps=20)
    assert [passes.place(step) for step in (4, 5, 9, 10, 12, 13, 16)] == [
        (0, 4), (1, 0), (1, 4), (2, 0), (2, 2), (3, 0), (4, 0),
    ]  # fmt: skip
    assert passes.images(1, 0) is None
    chosen = passes.images(2, 0)
    assert chosen is not None
    assert len(chosen) == 10


def test_a_pass_shows_the_images_whose_loss_was_last_the_largest() -> None:
    passes = Passes(Selection(start=0, keep=0.5), count=6, batch_size=3, total_steps=10)
    logits = torch.tensor([[3.0, 0.0], [0.0, 3.0], [1.0, 0.0]])
    passes.note(batch([4, 0, 2], [0, 0, 0]), logits, Ranks())
    expected = F.cross_entropy(logits, torch.zeros(3, dtype=torch.long), reduction="none")
    torch.testing.assert_close(passes.losses[[4, 0, 2]], expected)
    passes.note(batch([1, 3, 5], [1, 1, 1]), logits, Ranks())
    chosen = passes.images(1, 0)
    assert chosen is not None
    assert set(chosen.tolist()) == {0, 1, 5}  # losses 3.05, 3.05 and 1.31
    passes.note(batch([0], [1]), torch.tensor([[0.0, 9.0]]), Ranks())
    assert passes.images(1, 1) is chosen  # within a pass nothing changes
    later = passes.images(2, 0)
    assert later is not None
    assert set(later.tolist()) == {1, 5, 2}  # image 0 is known by now


def test_every_process_learns_the_losses_of_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, labels = torch.randn(5, 10), torch.arange(5)
    parts: list[Tensor] = []
    monkeypatch.setattr(selection, "sum_over_ranks", lambda values, _: parts.append(values) or values)
    passes = Passes(Selection(keep=0.5), count=5, batch_size=5, total_steps=2)
    for rank, own in enumerate((slice(0, 3), slice(3, 5))):
        shared = Batch(torch.zeros(1), labels[own], torch.arange(5))
        passes.note(shared, logits[own], Ranks(rank=rank, world_size=2))
    torch.testing.assert_close(sum(parts), F.cross_entropy(logits, labels, reduction="none"))


def test_a_selecting_training_shows_as_many_images_as_it_says(trainer: Trainer) -> None:
    selecting = trainer.recipe("epochs=3", "selection.start=0.2", "selection.keep=0.5")
    _, _, _, heard = trainer(selecting)
    assert [line.step for line in heard.lines] == list(range(1, 25))
    # After 8 steps the network is the same with and without a selection; the hardest half has the larger loss.
    everything = selecting.model_copy(update={"selection": Selection(keep=1)})
    with pytest.raises(Interrupted):
        trainer(everything, "everything", report=(other := StopsAt(9)))
    assert [line.loss for line in other.lines[:8]] == [line.loss for line in heard.lines[:8]]
    assert heard.lines[8].loss > other.lines[8].loss


def test_images_that_are_blended_have_no_loss_of_their_own(trainer: Trainer) -> None:
    with pytest.raises(UsageError, match=r"selection\.keep .* mixup and cutmix"):
        trainer.recipe("selection.keep=0.5", "augmentation.mixup=0.2")
