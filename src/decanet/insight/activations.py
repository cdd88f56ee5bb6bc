"""Outputs of every ReLU of a network, and of every stage after its activation."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from decanet.insight.capture import plain_network, stage_path, stages_of

RECTIFIERS = (nn.ReLU, nn.ReLU6)
ACTIVATIONS = (*RECTIFIERS, nn.GELU, nn.SiLU, nn.Sigmoid, nn.Tanh, nn.LeakyReLU, nn.ELU)


@dataclass(frozen=True)
class Rectified:
    """The output of one call of a ReLU.

    Attributes:
        name: dotted path of the module, with "(2)" and so on for its further calls.
        stage: name of the stage that it belongs to: the one that contains it, else the last one before it.
        output: (N, C, H, W), or (N, C) behind fully connected layers.
    """

    name: str
    stage: str
    output: Tensor


@contextlib.contextmanager
def record_rectified(model: nn.Module) -> Iterator[list[Rectified]]:
    """Record the output of every call of a ReLU inside the context, in the order of execution.

    The list holds those of all forward passes: clear it between them. An output that is overwritten later in the same
    pass is copied before.
    """
    network, calls = plain_network(model), list[Rectified]()
    stages, before = stages_of(network), [""]
    counts: dict[str, int] = {}

    def start(_: nn.Module, __: object) -> None:
        counts.clear()
        before[0] = ""

    def passed(stage: str):  # type: ignore[no-untyped-def]
        def note(*_: object) -> None:
            before[0] = stage

        return note

    def keep(path: str, stage: str):  # type: ignore[no-untyped-def]
        def note(_: nn.Module, __: object, output: Tensor) -> None:
            counts[path] = number = counts.get(path, 0) + 1
            name = path if number == 1 else f"{path} ({number})"
            calls.append(Rectified(name, stage or before[0], output.detach().clone()))

        return note

    hooks = [network.register_forward_pre_hook(start)]
    for stage, path in stages.items():
        hooks.append(network.get_submodule(path).register_forward_hook(passed(stage)))
    for path, module in network.named_modules():
        if isinstance(module, RECTIFIERS):
            inside = [stage for stage, outer in stages.items() if path.startswith(f"{outer}.")]
            hooks.append(module.register_forward_hook(keep(path, inside[-1] if inside else "")))
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


def stage_outputs(model: nn.Module, x: Tensor, stages: Sequence[str] | None = None) -> dict[str, Tensor]:
    """Return the output of each stage for ``x``, after the activation that follows it, without gradients.

    A stage that is a convolution alone has its activation behind it, in the networks of AlexNet's kind behind a
    normalization: the first activation after the stage, and before the next one, is taken if its shape is the same.

    Args:
        model: the network, in evaluation mode.
        x: its input, (N, C, H, W).
        stages: names of stages; all by default.
    """
    network, outputs = plain_network(model), dict[str, Tensor]()
    wanted = list(stages_of(network)) if stages is None else list(stages)
    paths = {stage_path(network, stage): stage for stage in wanted}
    open_stage: list[str] = []

    def finish(path: str):  # type: ignore[no-untyped-def]
        def note(_: nn.Module, __: object, output: Tensor) -> None:
            open_stage[:] = [paths[path]] if path in paths else []
            if path in paths:
                outputs[paths[path]] = output.clone()

        return note

    def activated(_: nn.Module, __: object, output: Tensor) -> None:
        if open_stage and outputs[open_stage[0]].shape == output.shape:
            outputs[open_stage.pop()] = output.clone()

    hooks = [
        network.get_submodule(path).register_forward_hook(finish(path))
        for path in stages_of(network).values()
    ]
    hooks += [
        module.register_forward_hook(activated)
        for module in network.modules()
        if isinstance(module, ACTIVATIONS)
    ]
    try:
        with torch.inference_mode():
            model(x)
    finally:
        for hook in hooks:
            hook.remove()
    return outputs
