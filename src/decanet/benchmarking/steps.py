"""Training steps to be timed: of decanet's own loop, of a plain loop, and of the tutorial."""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils._pytree import tree_leaves

from decanet.core.recipe import Recipe
from decanet.core.run_folder import RunFolder
from decanet.core.runtime import Ranks
from decanet.data.loaders import Batch, Batches
from decanet.training.loop import train
from decanet.training.stopping import StopRequest

CPU = torch.device("cpu")
TUTORIAL_STEPS = 3910  # ten epochs of 391 batches of 128


class _Enough(Exception):  # noqa: N818 (not a mistake)
    """Ends a training from within its batches, before it writes its weights."""


def loop_steps(
    recipe: Recipe,
    model: nn.Module,
    batches: Batches,
    steps: int,
    *,
    between: Callable[[], object] = lambda: None,
) -> tuple[list[float], list[float]]:
    """Time ``steps`` training steps of :func:`decanet.training.loop.train` and the preparation of their batches.

    Args:
        recipe: resolved.
        batches: the first epoch must have more than ``steps`` steps.
        between: called after each step while no clock runs, for instance to take another contender's turn.

    Returns:
        Seconds of each step from the batch to the updated weights, and seconds of the preparation of each batch.
    """
    worked: list[float] = []
    prepared: list[float] = []

    class Watched:
        count, steps_per_epoch = batches.count, batches.steps_per_epoch

        def epoch(self, *which: Any, **more: Any) -> Iterator[Batch]:
            source = batches.epoch(*which, **more)
            while True:
                start = time.perf_counter()
                batch = next(source)
                given = time.perf_counter()
                prepared.append(given - start)
                yield batch  # the loop asks for the next one when its step is done
                worked.append(time.perf_counter() - given)
                between()
                if len(worked) == steps:
                    raise _Enough

    # One step more than is taken: the loop must reach neither its end nor a line of its log.
    short = recipe.model_copy(
        update={
            "epochs": (steps + 1) / batches.steps_per_epoch,
            "log_every": steps + 1,
            "validation": 0.0,
        }
    )
    with tempfile.TemporaryDirectory(prefix="decanet-benchmark-") as folder, contextlib.suppress(_Enough):
        train(
            short, model, Watched(), run=RunFolder(Path(folder)), device=CPU, ranks=Ranks(), resume=False,
            on_line=lambda _: None, on_epoch=lambda *_: None, validate=None, stop=StopRequest(Path(folder)),
        )  # fmt: skip
    return worked, prepared


class SameBatch:
    """Batches of an epoch that are all the same batch."""

    def __init__(self, images: Tensor, labels: Tensor, steps: int) -> None:
        self.batch = Batch(images, labels, torch.arange(len(labels)))
        self.steps_per_epoch = steps
        self.count = steps * len(labels)

    def epoch(self, epoch: int, first_step: int = 0, *_: Any, **__: Any) -> Iterator[Batch]:
        """Return the batch ``steps_per_epoch - first_step`` times."""
        del epoch
        return iter([self.batch] * (self.steps_per_epoch - first_step))


def plain_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor
) -> Callable[[], None]:
    """Return the step of a plain loop, with the types and the memory layout of ``model`` and ``images``.

    The losses of auxiliary classifiers have weight 1, which does not change the time.
    """
    model.train()

    def step() -> None:
        optimizer.zero_grad()
        logits = [t for t in tree_leaves(model(images)) if isinstance(t, Tensor)]
        sum((F.cross_entropy(t, labels) for t in logits[1:]), F.cross_entropy(logits[0], labels)).backward()
        optimizer.step()

    return step


def tutorial_step() -> Callable[[], None]:
    """Return the training step of the tutorial: AlexNet for 32x32, batch size 128, Adam, float32, contiguous.

    Its batch is prepared beforehand, which favors it.
    """
    from decanet.models import create_model

    torch.manual_seed(0)
    model = create_model("alexnet_cifar")
    images, labels = torch.randn(128, 3, 32, 32), torch.randint(0, 10, (128,))
    return plain_step(model, torch.optim.Adam(model.parameters(), lr=1e-3), images, labels)
