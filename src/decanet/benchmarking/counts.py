"""The work of a recipe, counted and not timed: the same on every machine, busy or not.

One training step (forward pass, backward pass, optimizer) runs in the arithmetic that the recipe names, on tensors that
have a shape and a type but no numbers (torch's FakeTensorMode). Counted are

- multiply-adds, by the counter of :mod:`decanet.anatomy.cost`. The backward pass is counted too, not estimated as twice
  the forward pass, so frozen layers cost nothing;
- bytes moved: what every elementary operation reads and writes, as if nothing stayed in a cache. Operations that return
  a view of their input move nothing. A network of many small layers waits for memory more than for arithmetic.

Image loading, data augmentation, the average of the weights (``ema``) and evaluation are not counted.
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

from decanet.anatomy.cost import MultiplyAddCounter
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
    """The work of one step, or of one epoch.

    Attributes:
        macs: multiply-adds of the forward pass, the backward pass and the optimizer.
        forward_macs: multiply-adds of the forward pass alone.
        bytes_moved: bytes that all operations read and write, without caches.
    """

    macs: int
    forward_macs: int
    bytes_moved: int


def count_step(recipe: Recipe, image_size: int, classes: int = CIFAR_CLASSES) -> Count:
    """Count the work of one training step with images of ``image_size`` by ``image_size`` pixels.

    A precision of "auto" is counted as bfloat16, so that the count does not depend on the machine.

    Raises:
        UsageError: unknown network or option, or a network whose layers depend on the values of its tensors.
        DataError: the images are too small for the network.
    """
    try:
        return _count_step(recipe, image_size, classes)
    except DataDependentOutputException:
        raise UsageError(
            f"{recipe.model.name} drops layers at random in training: its work cannot be counted in advance"
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
            return [t for t in tree_leaves(output) if isinstance(t, Tensor)]  # with the auxiliary classifiers

        def backward(logits: list[Tensor]) -> None:
            torch.stack([F.cross_entropy(t.float(), labels) for t in logits]).sum().backward()
            optimizers.step()
            optimizers.zero_grad()

        for parameter in model.parameters():
            parameter.grad = torch.empty_like(parameter) if parameter.requires_grad else None
        optimizers.step()  # the first step also creates the optimizer's state
        optimizers.zero_grad()
        with MultiplyAddCounter() as counter, _ByteCounter() as traffic:
            logits = forward()
            forward_macs = counter.macs
            backward(logits)
    return Count(counter.macs, forward_macs, traffic.bytes)


def count_epoch(recipe: Recipe, count: int = CIFAR_IMAGES, classes: int = CIFAR_CLASSES) -> Count:
    """Count the work of one epoch of ``count`` images; the mean over the training where the image size changes.

    A smaller last batch counts in proportion to its images.

    Raises:
        UsageError, DataError: as :func:`count_step`.
    """
    own = recipe.data.image_size or model_entry(recipe.model.name).input_size[1]
    sized = recipe.model_copy(update={"data": recipe.data.model_copy(update={"image_size": own})})
    steps = max(1, round(recipe.epochs * math.ceil(count / recipe.batch_size)))
    sizes = Counter(image_size_at(sized, step / steps) for step in range(steps))
    counted = [
        (count_step(recipe, image_size, classes), times / steps) for image_size, times in sizes.items()
    ]
    steps_per_epoch = count / recipe.batch_size
    total = {
        name: round(steps_per_epoch * sum(getattr(count, name) * fraction for count, fraction in counted))
        for name in ("macs", "forward_macs", "bytes_moved")
    }
    return Count(**total)


def built_in() -> list[str]:
    """Return the names of decanet's own recipes, without those of the papers."""
    from decanet.training.recipes import PAPER, list_recipes

    return [name for name in list_recipes() if name.partition(":")[0] != PAPER]


def count_recipes(names: Iterable[str]) -> dict[str, dict[str, int]]:
    """Count one epoch of CIFAR-10 by recipe: ``benchmarks/counts.json`` holds the counts for :func:`built_in`."""
    from decanet.training.recipes import load_recipe

    counted = {}
    for name in names:
        count = count_epoch(load_recipe(name))
        counted[name] = {"macs_per_epoch": count.macs, "bytes_moved_per_epoch": count.bytes_moved}
    return counted


class _ByteCounter(TorchDispatchMode):
    """Counts the bytes of all tensors that operations take and return, except operations that return a view."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        if not func.is_view:
            # An in-place operation returns its argument, which counts twice: read and written.
            tensors = [t for t in tree_leaves((args, kwargs, output)) if isinstance(t, Tensor)]
            self.bytes += sum(t.numel() * t.element_size() for t in tensors)
        return output
