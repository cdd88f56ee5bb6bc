"""The registered corruptions, and how one is applied to a batch of any size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from decanet.core.errors import UsageError
from decanet.core.registry import Registry
from decanet.core.runtime import generator

SEVERITIES = (1, 2, 3, 4, 5)
LARGEST_SMALL = 64  # images up to this size get the constants for 32x32, larger ones those for 224x224
VALUES_AT_ONCE = 1 << 24

# (images float32 (N, 3, H, W) from 0 to 1, constant of the severity, a generator for each image) to the same shape.
Apply = Callable[[Tensor, Any, Sequence[torch.Generator]], Tensor]


@dataclass(frozen=True)
class Corruption:
    """A kind of corruption.

    Attributes:
        name: as in ImageNet-C.
        category: "noise", "blur", "weather" or "digital"; "extra" for those outside the benchmark's mean.
        small: constants of the severities 1 to 5 for images of 32x32 (CIFAR-10-C).
        large: constants of the severities 1 to 5 for images of 224x224 (ImageNet-C).
        apply: the corruption itself.
    """

    name: str
    category: str
    small: tuple[Any, ...]
    large: tuple[Any, ...]
    apply: Apply


CORRUPTIONS: Registry[Corruption] = Registry("corruption", "decanet.data.corruptions")


def corruption(
    name: str, category: str, *, small: Sequence[Any], large: Sequence[Any]
) -> Callable[[Apply], Apply]:
    """Register the decorated function as a corruption."""

    def register(apply: Apply) -> Apply:
        CORRUPTIONS.add(name, Corruption(name, category, tuple(small), tuple(large), apply))
        return apply

    return register


def list_corruptions() -> list[str]:
    """Names of all corruptions, sorted."""
    return CORRUPTIONS.names()


def corrupt(
    images: Tensor, name: str, severity: int, *, seed: int = 0, samples: Sequence[int] | Tensor | None = None
) -> Tensor:
    """Corrupt images.

    The random numbers are a pure function of (seed, name, sample): batches of any size give the same images, and the
    severities of one corruption differ in strength alone.

    Args:
        images: uint8 (N, 3, H, W). Up to 64 pixels they get the constants for 32x32, else those for 224x224.
        name: one of :func:`list_corruptions`.
        severity: 1 to 5.
        seed: of the random numbers.
        samples: number of each image in its split; default: 0 to N - 1.

    Returns:
        uint8 (N, 3, H, W).

    Raises:
        UsageError: no such corruption or severity.
    """
    kind = CORRUPTIONS.get(name)
    if severity not in SEVERITIES:
        raise UsageError(f"a corruption has the severities 1 to 5, not {severity}")
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3:
        raise ValueError(f"corruptions take uint8 (N, 3, H, W), not {images.dtype} {tuple(images.shape)}")
    numbers = torch.arange(len(images)) if samples is None else torch.as_tensor(samples)
    constants = kind.small if max(images.shape[2:]) <= LARGEST_SMALL else kind.large
    result = torch.empty_like(images)
    at_once = max(1, VALUES_AT_ONCE // max(1, images[:1].numel()))
    for start in range(0, len(images), at_once):
        part = slice(start, start + at_once)
        draws = [generator(seed, "corruption", name, number) for number in numbers[part].tolist()]
        x = kind.apply(images[part].float() / 255, constants[severity - 1], draws)
        result[part] = (x * 255).round_().clamp_(0, 255).to(torch.uint8)
    return result
