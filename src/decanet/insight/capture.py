"""Outputs and gradients of a network's stages, taken during a forward and a backward pass."""

import contextlib
from collections.abc import Iterator, Sequence

from torch import Tensor, nn
from torch.nn.parallel import DataParallel, DistributedDataParallel

from decanet.core.errors import UsageError, did_you_mean


class Captured:
    """What :func:`capture` took, by the names of the stages.

    Attributes:
        outputs: of each stage in the last forward pass, (N, C, H, W) in a convolutional network. They are those of the
            stage itself: an activation that works in place behind it does not change them.
        gradients: of whatever was differentiated last, with respect to these outputs and of their shape.
    """

    def __init__(self) -> None:
        self.outputs: dict[str, Tensor] = {}
        self.gradients: dict[str, Tensor] = {}


@contextlib.contextmanager
def capture(model: nn.Module, stages: Sequence[str], *, gradients: bool = False) -> Iterator[Captured]:
    """Take the outputs of ``stages`` in every forward pass inside the context.

    The network computes what it always computes. Its hooks are removed at the end, also after an error. Hooks of
    tensors take the gradients, because in-place activations are not allowed behind a module's backward hook.

    Args:
        model: a network that follows :class:`decanet.models.protocol.Network`, compiled or parallel ones included.
        stages: names of its ``stages``.
        gradients: whether a backward pass fills ``gradients``.

    Raises:
        UsageError: the network has no such stage, or does not declare its stages.
    """
    network, captured = plain_network(model), Captured()

    def hook_for(stage: str):  # type: ignore[no-untyped-def]
        def keep(_: nn.Module, __: object, output: Tensor) -> Tensor:
            captured.outputs[stage] = output
            if gradients and output.requires_grad:
                output.register_hook(lambda gradient: captured.gradients.__setitem__(stage, gradient))
            # What follows may overwrite its input: it gets a copy, through which the gradient flows back.
            return output.clone()

        return keep

    hooks = [
        network.get_submodule(stage_path(network, stage)).register_forward_hook(hook_for(stage))
        for stage in stages
    ]
    try:
        yield captured
    finally:
        for hook in hooks:
            hook.remove()


def stage_path(model: nn.Module, stage: str) -> str:
    """Return the dotted path of the submodule that is the stage named ``stage``.

    Raises:
        UsageError: the network has no such stage, or does not declare its stages.
    """
    stages = stages_of(model)
    if stage not in stages:
        hint = did_you_mean(stage, stages)
        raise UsageError(f"the network has no stage {stage!r}{hint}; its stages: {', '.join(stages)}")
    return stages[stage]


def stages_of(model: nn.Module) -> dict[str, str]:
    """Return the ``stages`` of the network: the paper's name of each -> dotted path, in the order of execution.

    Raises:
        UsageError: the network does not declare its stages.
    """
    stages = getattr(plain_network(model), "stages", None)
    if not stages:
        raise UsageError(
            f"{type(model).__name__} does not declare its stages: give it an attribute `stages`, a dict of names and "
            "dotted paths of its submodules in the order of execution, for instance {'conv1': 'features.0'}"
        )
    return dict(stages)


def spatial_stages(model: nn.Module, images: Tensor) -> dict[str, tuple[int, ...]]:
    """Return the stages whose outputs for ``images`` (N, C, H, W) are feature maps, with their shapes (C, H, W)."""
    import torch

    with torch.inference_mode(), capture(model, list(stages_of(model))) as captured:
        model(images)
    return {stage: tuple(output.shape[1:]) for stage, output in captured.outputs.items() if output.ndim == 4}


def plain_network(model: nn.Module) -> nn.Module:
    """Return the network inside ``torch.compile``, ``DataParallel`` and ``DistributedDataParallel``."""
    if isinstance(model, DataParallel | DistributedDataParallel):
        return plain_network(model.module)
    compiled = getattr(model, "_orig_mod", None)
    return plain_network(compiled) if isinstance(compiled, nn.Module) else model
