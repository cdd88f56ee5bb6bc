"""How much work a recipe asks for, counted and not timed: the same on every machine, busy or not.

Two steps are taken in the arithmetic that the recipe names, on tensors that have a shape and a type but no
numbers (torch's FakeTensorMode), through the forward pass, the backward pass and the optimizer. Counted are

- multiply-adds of convolutions, linear layers and matrix products, as everywhere in decanet (torch's own counter
  counts two operations for each); the backward pass is counted too, not estimated as twice the forward pass, so
  that what is frozen costs nothing;
- bytes moved: of every elementary operation that is no mere view, what it reads and what it writes, as if nothing
  stayed in a cache. That is what a network of many small layers waits for.

Preparing the images, averaging weights (``ema``) and judging are not counted. Torch's counter leaves the groups of
grouped convolutions out of account in the backward pass, so their multiply-adds there are overstated.
"""

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import DataDependentOutputException, FakeTensorMode
from torch.nn import functional as F
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from decanet.core.errors import UsageError
from decanet.core.recipe import Recipe
from decanet.core.runtime import autocast
from decanet.models import create_model, model_entry
from decanet.training.optimizers import build_optimizers
from decanet.training.schedules import image_size_at

CIFAR_IMAGES = 50_000
CIFAR_CLASSES = 10


@dataclass(frozen=True)
class Count:
    """The work of one step, or of one pass over the training images.

    Attributes:
        macs: multiply-adds; ``forward_macs``: those of the forward pass alone.
        bytes_moved: read and written by all operations, caches left out of account.
    """

    macs: int
    forward_macs: int
    bytes_moved: int


def count_step(recipe: Recipe, image_size: int, classes: int = CIFAR_CLASSES) -> Count:
    """The work of one training step with images of ``image_size`` by ``image_size`` pixels.

    A precision of "auto" is counted as bfloat16, so that the count does not depend on the machine.

    Raises:
        UsageError: unknown network or option; the network looks at numbers to decide what to do.
        DataError: the images are too small for the network.
    """
    try:
        return _count_step(recipe, image_size, classes)
    except DataDependentOutputException:
        raise UsageError(
            f"{recipe.model.name} drops layers by chance while it trains: its work cannot be counted in advance"
        ) from None


def _count_step(recipe: Recipe, image_size: int, classes: int) -> Count:
    precision = "float32" if recipe.precision == "float32" else "bfloat16"
    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    channels = model_entry(recipe.model.name).input_size[0]
    cpu = torch.device("cpu")
    with FakeTensorMode():
        model = create_model(recipe.model.name, num_classes=classes, **recipe.model.options)
        model.train()
        optimizers = build_optimizers(recipe.optimizer, model, precision)
        images = torch.empty(recipe.batch_size, channels, image_size, image_size, dtype=dtype)
        images = images.contiguous(memory_format=torch.channels_last)
        labels = torch.zeros(recipe.batch_size, dtype=torch.int64)

        def forward() -> list[Tensor]:
            with autocast(cpu, precision):
                output = model(images)
            return [t for t in tree_leaves(output) if isinstance(t, Tensor)]  # auxiliary classifiers too

        def finish(logits: list[Tensor]) -> None:
            torch.stack([F.cross_entropy(t.float(), labels) for t in logits]).sum().backward()
            optimizers.step()
            optimizers.zero_grad()

        finish(forward())  # creates what the optimizer remembers; the second step is like all others
        with FlopCounterMode(display=False) as operations, _Traffic() as traffic:
            logits = forward()
            forward_operations = operations.get_total_flops()
            finish(logits)
    return Count(operations.get_total_flops() // 2, forward_operations // 2, traffic.bytes)


def count_epoch(recipe: Recipe, count: int = CIFAR_IMAGES, classes: int = CIFAR_CLASSES) -> Count:
    """The work of one pass over ``count`` images; where their size changes, the mean over the training.

    A last batch that is smaller counts by its share. Raises as :func:`count_step`.
    """
    own = recipe.data.image_size or model_entry(recipe.model.name).input_size[1]
    sized = recipe.model_copy(update={"data": recipe.data.model_copy(update={"image_size": own})})
    steps = max(1, round(recipe.epochs * math.ceil(count / recipe.batch_size)))
    sizes = Counter(image_size_at(sized, step / steps) for step in range(steps))
    counted = [
        (count_step(recipe, image_size, classes), often / steps) for image_size, often in sizes.items()
    ]
    steps_in_a_pass = count / recipe.batch_size
    total = {
        name: round(steps_in_a_pass * sum(getattr(count, name) * share for count, share in counted))
        for name in ("macs", "forward_macs", "bytes_moved")
    }
    return Count(**total)


def built_in() -> list[str]:
    """Names of decanet's own recipes; the papers' networks are checked against their papers elsewhere."""
    from decanet.training.recipes import PAPER, list_recipes

    return [name for name in list_recipes() if name.partition(":")[0] != PAPER]


def count_recipes(names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Counts of a pass by recipe: what ``benchmarks/counts.json`` holds for the built-in recipes on CIFAR-10."""
    from decanet.training.recipes import load_recipe

    counted = {}
    for name in names:
        count = count_epoch(load_recipe(name))
        counted[name] = {"macs_per_epoch": count.macs, "bytes_moved_per_epoch": count.bytes_moved}
    return counted


class _Traffic(TorchDispatchMode):
    """Adds up the bytes of all tensors that go into and come out of every operation that touches numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if not func.is_view:
            touched = [t for t in tree_leaves((args, kwargs, output)) if isinstance(t, Tensor)]
            # In-place operations return what they were given: it is read and written.
            self.bytes += sum(t.numel() * t.element_size() for t in touched)
        return output
