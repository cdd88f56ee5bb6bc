"""Build a network by its registered name."""

from pathlib import Path
from typing import Any

from torch import nn

from decanet.core.errors import UsageError, did_you_mean, shortage
from decanet.models.pretrained import load_pretrained
from decanet.models.registry import model_entry


def create_model(
    name: str, *, num_classes: int | None = None, weights: str | Path | None = None, **options: Any
) -> nn.Module:
    """Build a network by name, with the initialization of its paper or with pretrained weights.

    Args:
        name: a name of :func:`list_models`.
        num_classes: number of outputs; by default that of the paper's data set.
        weights: ``"decanet"`` (part of the package), ``"torchvision"``, ``"timm"``, a named set such as
            ``"torchvision:IMAGENET1K_V2"`` or ``"timm:in12k_ft_in1k"``, or a file; see
            :mod:`decanet.models.pretrained`.
        options: other parameters of the network's builder, for instance ``dropout=0.0``.

    Returns:
        The network. Its attribute ``decanet_name`` is ``name``; its ``decanet_notes`` are lines about the weights, for
        instance which tensors a file lacks.

    Raises:
        UsageError: unknown name or option (the message suggests the nearest known one), or no such weights.
        CheckpointError: the weights cannot be downloaded or read, or belong to another network.
    """
    entry = model_entry(name)
    for option in options:
        if option not in entry.options:
            known = f"known: {', '.join(entry.options)}" if entry.options else "it has none"
            hint = did_you_mean(option, entry.options) or f" ({known})"
            raise UsageError(f"model {name!r} has no option {option!r}{hint}")
    if num_classes is None:
        num_classes = entry.num_classes
    elif num_classes < 1:
        raise UsageError(f"model {name!r} needs at least 1 class, got num_classes={num_classes}")
    try:
        model = entry.build(num_classes=num_classes, **options)
    except (TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RuntimeError) as error:
        if not options or shortage(error):
            raise
        given = ", ".join(f"{option}={value!r}" for option, value in options.items())
        raise UsageError(f"model {name!r} cannot be built with {given[:200]}: {str(error)[:200]}") from error
    model.decanet_name = name  # type: ignore[assignment]  # for error messages
    model.decanet_notes = []  # type: ignore[assignment]
    if weights is not None:
        model.decanet_notes = load_pretrained(model, entry, weights)  # type: ignore[assignment]
    return model
