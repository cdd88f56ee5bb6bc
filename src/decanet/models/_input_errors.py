"""Explain a failed forward pass: the layer for which an image is too small, and the smallest size that works.

The explanation is computed only after a forward pass has failed. Images of a valid size cost nothing, and tracing and
export get an ordinary ``forward``.
"""

import bisect
import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from decanet.core.errors import DataError
from decanet.models.meta_device import ShapesOnly
from decanet.models.registry import model_entry


def explain_input_errors(forward: Callable[..., Any]) -> Callable[..., Any]:
    """Decorate a network's ``forward(self, x)``, x of shape (N, C, H, W): its errors name the layer that failed.

    The decorated ``forward`` raises :class:`DataError` with the layer, the shape of its input and the smallest image
    size that works. Errors that do not come from the shape of ``x`` are raised unchanged.
    """

    @functools.wraps(forward)
    def explained(self: nn.Module, x: Tensor) -> Any:
        try:
            return forward(self, x)
        except (RuntimeError, ValueError) as error:
            message = _explanation(self, forward, x)
            if message is None:
                raise
            raise DataError(message) from error

    return explained


def smallest_input(model: nn.Module, channels: int, largest: int = 512) -> int | None:
    """Smallest size of square images for which ``model`` runs, or None if there is none up to ``largest``."""
    forward = _undecorated(model)

    def runs(image_size: int) -> bool:
        return _first_failure(model, forward, (1, channels, image_size, image_size)) is None

    # The output of a layer never shrinks when its input grows, so the valid sizes have no gaps, and bisection from any
    # of them finds the smallest. Networks that flatten have few valid sizes; their own size is one.
    name = getattr(model, "decanet_name", "")
    own = max(_own_size(name)) if name else largest
    too_small = 0
    for image_size in (*(2**power for power in range((own - 1).bit_length())), own):
        if runs(image_size):
            between = range(too_small + 1, image_size)
            return between.start + bisect.bisect_left(between, True, key=runs)
        too_small = image_size
    return next((image_size for image_size in range(1, largest + 1) if runs(image_size)), None)


def _own_size(name: str) -> tuple[int, int]:
    return model_entry(name).input_size[1:]


def _undecorated(model: nn.Module) -> Callable[..., Any]:
    forward = type(model).forward
    return getattr(forward, "__wrapped__", forward)


def _explanation(model: nn.Module, forward: Callable[..., Any], x: Tensor) -> str | None:
    name = getattr(model, "decanet_name", type(model).__name__)
    if x.ndim != 4:
        return f"{name} takes images of shape (N, C, H, W); got shape {tuple(x.shape)}"
    failure = _first_failure(model, forward, (1, *x.shape[1:]))
    if failure is None:
        return None  # the shape is valid: the caller raises the original error
    layer, arrives = failure
    stages = {path: stage for stage, path in getattr(model, "stages", {}).items()}
    stage = stages.get(layer, layer)
    layer = layer if stage == layer else f"{stage} ({layer})"
    first = next((m for m in model.modules() if isinstance(m, nn.Conv2d)), None)
    if first is not None and x.shape[1] != first.in_channels:
        channels = "1 channel" if first.in_channels == 1 else f"{first.in_channels} channels"
        return f"{name} takes images with {channels}; got {x.shape[1]}"
    height, width = x.shape[2:]
    smallest = smallest_input(model, x.shape[1])
    works = f"the smallest size that works is {smallest}x{smallest}" if smallest else "no square size works"
    variant = _variant_for_small(model)
    advice = (
        f"; for small images use {variant}" if variant and smallest and min(height, width) < smallest else ""
    )
    shape = "x".join(map(str, arrives[1:]))
    return (
        f"{name} cannot take a {height}x{width} image: at layer {layer} the feature map that arrives is "
        f"{shape} and does not fit; {works}{advice}"
    )


def _variant_for_small(model: nn.Module) -> str:
    name = getattr(model, "decanet_name", "")
    return model_entry(name).too_small_use if name else ""


def _first_failure(
    model: nn.Module, forward: Callable[..., Any], shape: tuple[int, ...]
) -> tuple[str, tuple[int, ...]] | None:
    """Name of the layer that fails for an image of ``shape`` and the shape of its input; None if none fails."""
    names = {module: name for name, module in model.named_modules()}
    entered: list[tuple[str, tuple[int, ...]]] = []

    def remember(module: nn.Module, args: tuple[Any, ...]) -> None:
        if args and isinstance(args[0], Tensor) and not list(module.children()):
            entered.append((names.get(module, type(module).__name__), tuple(args[0].shape)))

    # Meta tensors replace the weights in this forward pass: only shapes are needed.
    meta = {
        name: torch.empty_like(tensor, device="meta")
        for name, tensor in (*model.named_parameters(), *model.named_buffers())
    }
    # The hooks run before their layers, so the last layer entered is the one that failed.
    handles = [m.register_forward_pre_hook(remember) for m in model.modules() if m is not model]
    training = model.training
    model.eval()
    try:
        with torch.no_grad(), ShapesOnly():
            probe = _Plain(model, forward)
            torch.func.functional_call(
                probe, {f"model.{k}": v for k, v in meta.items()}, (torch.empty(shape, device="meta"),)
            )
    except (RuntimeError, ValueError):
        return entered[-1] if entered else ("the input", shape)
    finally:
        model.train(training)
        for handle in handles:
            handle.remove()
    return None


class _Plain(nn.Module):
    """Calls the undecorated ``forward``: an error in the probe must not start another explanation."""

    def __init__(self, model: nn.Module, forward: Callable[..., Any]) -> None:
        super().__init__()
        self.model = model
        self.undecorated = forward

    def forward(self, x: Tensor) -> Any:
        return self.undecorated(self.model, x)
