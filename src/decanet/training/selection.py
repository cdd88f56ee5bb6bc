"""The epochs of a training: full ones and, if the recipe selects, shortened ones of the images with the largest loss.

An image that a network already classifies well teaches it little. The loss that each image had when it was last
trained on costs nothing to keep, and tells which images a shortened epoch can leave out (Jiang et al., "Accelerating
Deep Learning by Focusing on the Biggest Losers", arXiv:1910.00762, decide batch by batch with an extra forward pass).

Lengths are measured in samples everywhere: one epoch is as many samples as the training set holds. Recipes, logs and
figures therefore count epoch-equivalents. ``quick`` trains for 4.4 epochs, which are two full epochs and six shortened
ones of 0.4 each; its log ends at epoch 4.40. This module alone numbers the full and the shortened epochs.
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


class Epochs:
    """The position of each step in a training, and the samples of each epoch.

    Args:
        selection: of the recipe.
        count: number of images in the training set.
        batch_size: of the recipe.
        total_steps: of the training.
    """

    def __init__(self, selection: Selection, count: int, batch_size: int, total_steps: int) -> None:
        self.selects = selection.keep < 1
        self.kept = min(count, max(2, round(selection.keep * count)))
        self.full_steps = steps_per_epoch(count, batch_size)
        self.shortened_steps = steps_per_epoch(self.kept, batch_size)
        self.full_epochs = selection.full_epochs(total_steps / self.full_steps)
        self.losses = torch.full((count,), math.inf)  # of each image when it was last trained on, in nats
        self.selected: Tensor | None = None

    def locate(self, step: int) -> tuple[int, int]:
        """Return the number of the full or shortened epoch of ``step``, and its step within it, both from 0."""
        later = step - self.full_epochs * self.full_steps
        if later < 0:
            return divmod(step, self.full_steps)
        number, first = divmod(later, self.shortened_steps)
        return self.full_epochs + number, first

    def samples(self, epoch: int, first: int) -> Tensor | None:
        """Return the indices of the images of ``epoch``, which starts at its step ``first``; None for all."""
        if not self.selects or epoch < self.full_epochs:
            return None
        if first == 0:
            self.selected = self.losses.topk(self.kept).indices.cpu()
        return self.selected

    def record_losses(self, batch: Batch, logits: Tensor, ranks: Ranks) -> None:
        """Store the losses of a batch, from its detached logits; every process gets those of the global batch."""
        if not self.selects:
            return
        losses = torch.zeros(batch.total, device=logits.device)
        rank_slice(losses, ranks).copy_(F.cross_entropy(logits.float(), batch.labels, reduction="none"))
        self.losses = self.losses.to(
            logits.device
        )  # stays on the device, so that no step waits for the values
        self.losses[batch.samples.to(logits.device)] = sum_over_ranks(losses, ranks)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs to train on the same images."""
        return {"losses": self.losses, "selected": self.selected} if self.selects else {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from ``state_dict()``."""
        if self.selects:
            self.losses, self.selected = state["losses"], state["selected"]
