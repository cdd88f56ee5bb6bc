"""Forward passes on PyTorch's "meta" device, where tensors have shapes and no numbers.

No weight is allocated, so a network of 100 million parameters takes a fraction of a second.
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from decanet.core.errors import UsageError
from decanet.models.factory import create_model
from decanet.models.meta_device import ShapesOnly
from decanet.models.registry import model_entry


class MetaInputs(NamedTuple):
    """The tensors of one forward pass on the meta device: parameters and buffers by name, and one image."""

    parameters: dict[str, Tensor]
    buffers: dict[str, Tensor]
    image: Tensor


def input_size_for(model: nn.Module | str, input_size: tuple[int, ...] | None) -> tuple[int, int, int]:
    """Return ``input_size`` (C, H, W), by default the one that a registered network was designed for.

    Raises:
        UsageError: unknown name, no image size, or none given for a network that is not registered.
    """
    name = model if isinstance(model, str) else getattr(model, "decanet_name", "")
    if name and input_size is None:
        return model_entry(name).input_size
    if input_size is None:
        raise UsageError(
            f"{type(model).__name__} is not a registered network: give the input size (channels, height, width)"
        )
    if len(input_size) != 3 or not all(isinstance(size, int) and size > 0 for size in input_size):
        raise UsageError(f"{tuple(input_size)} is no input size: give (channels, height, width)")
    channels, height, width = input_size
    return channels, height, width


def build_on_meta(name: str) -> nn.Module:
    """Build a registered network without memory for its weights."""
    with ShapesOnly(), torch.device("meta"):
        return create_model(name)


def meta_inputs(model: nn.Module, input_size: tuple[int, int, int]) -> MetaInputs:
    """Make the tensors of a forward pass of one image of ``input_size`` (C, H, W)."""
    parameters, buffers = (
        {name: t if t.is_meta else torch.empty_like(t, device="meta") for name, t in named}
        for named in (model.named_parameters(), model.named_buffers())
    )
    dtype = next((p.dtype for p in parameters.values()), torch.float32)
    return MetaInputs(parameters, buffers, torch.empty((1, *input_size), device="meta", dtype=dtype))


def forward_on_meta(
    model: nn.Module, inputs: MetaInputs, mode: TorchDispatchMode, training: bool = False
) -> Any:
    """Return the output of one forward pass, a meta tensor; ``model`` is left as it is.

    Args:
        model: a network with or without memory for its weights.
        inputs: what :func:`meta_inputs` made for it.
        mode: is given every tensor operation.
        training: run in training mode, in which a network has its auxiliary classifiers, instead of evaluation mode.
    """
    tensors = {**inputs.parameters, **inputs.buffers}
    own = (*model.parameters(), *model.buffers())
    before = {module: module.training for module in model.modules()}
    model.train(training)
    try:
        with torch.no_grad(), ShapesOnly(), mode:
            if all(ours is theirs for ours, theirs in zip(tensors.values(), own, strict=True)):
                return model(inputs.image)  # the network is on the meta device itself
            return torch.func.functional_call(model, tensors, (inputs.image,))
    finally:
        for module, was_training in before.items():
            module.training = was_training
