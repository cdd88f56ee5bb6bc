"""Passes over the training split: whole ones, then, if the recipe selects, passes over the hardest images only.

What a network already knows teaches it little. The loss that each image had when it was last shown costs nothing to
remember, and tells which images the next pass can do without (Jiang et al., "Accelerating Deep Learning by Focusing
on the Biggest Losers", arXiv:1910.00762, decide batch by batch with an extra forward pass).
"""

import math
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.core.collectives import sum_over_ranks
from decanet.core.recipe import Selection
from decanet.core.runtime import Ranks
from decanet.data.loaders import Batch, rank_slice, steps_per_epoch


class Passes:
    """Where each step of a training lies, and which images its pass shows.

    Args:
        selection: of the recipe.
        count: images of the training split.
        batch_size: of the recipe.
        total_steps: of the training.
    """

    def __init__(self, selection: Selection, count: int, batch_size: int, total_steps: int) -> None:
        self.selects = selection.keep < 1
        self.kept = min(count, max(2, round(selection.keep * count)))
        self.whole_steps = steps_per_epoch(count, batch_size)
        self.kept_steps = steps_per_epoch(self.kept, batch_size)
        self.full_epochs = selection.full_epochs(total_steps / self.whole_steps)
        self.losses = torch.full((count,), math.inf)  # of each image when it was last shown, in nats
        self.chosen: Tensor | None = None

    def place(self, step: int) -> tuple[int, int]:
        """The pass that ``step`` belongs to, and its number within the pass; both count from 0."""
        later = step - self.full_epochs * self.whole_steps
        if later < 0:
            return divmod(step, self.whole_steps)
        number, first = divmod(later, self.kept_steps)
        return self.full_epochs + number, first

    def images(self, number: int, first: int) -> Tensor | None:
        """Indices of the images that pass ``number`` shows, from its step ``first`` on; None for all."""
        if not self.selects or number < self.full_epochs:
            return None
        if first == 0:
            self.chosen = self.losses.topk(self.kept).indices.cpu()
        return self.chosen

    def note(self, batch: Batch, logits: Tensor, ranks: Ranks) -> None:
        """Remember the losses of a batch from its detached logits; every process learns those of the whole batch."""
        if not self.selects:
            return
        losses = torch.zeros(batch.total, device=logits.device)
        rank_slice(losses, ranks).copy_(F.cross_entropy(logits.float(), batch.labels, reduction="none"))
        self.losses = self.losses.to(logits.device)  # there, so that no step waits for the numbers
        self.losses[batch.samples.to(logits.device)] = sum_over_ranks(losses, ranks)

    def state_dict(self) -> dict[str, Any]:
        """What a resumed training must know to show the same images."""
        return {"losses": self.losses, "chosen": self.chosen} if self.selects else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict()``."""
        if self.selects:
            self.losses, self.chosen = state["losses"], state["chosen"]
