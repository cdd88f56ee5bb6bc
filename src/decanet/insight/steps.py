"""Every step of one forward pass: what was computed from what, with which numbers.

The network runs as it always does, and each tensor operation is observed below PyTorch's autograd. A step is an
operation that changes numbers, joins feature maps or reshapes them; a local response normalization, which PyTorch
writes as seven operations, is one step.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode

from decanet.anatomy.operations import Operation, describe
from decanet.anatomy.receptive_fields import Ancestry, Fields, inherit
from decanet.insight.capture import plain_network, stages_of

IMAGE = -1  # the number of the image among the inputs of a step
RESHAPES = {
    "view", "_unsafe_view", "reshape", "_reshape_alias", "squeeze", "unsqueeze", "permute", "transpose", "t", "clone",
    "alias", "detach", "select", "slice", "expand", "unbind",
}  # fmt: skip
_NAMES = {  # of operations that the tables of decanet.anatomy leave out
    "native_batch_norm": "batch norm", "_native_batch_norm_legit_no_training": "batch norm",
    "native_layer_norm": "layer norm", "hardtanh_": "ReLU6", "hardtanh": "ReLU6", "mul": "scale", "mul_": "scale",
    "div": "scale", "constant_pad_nd": "pad", "add": "add a constant",
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class Step:
    """One step of a forward pass.

    Attributes:
        number: its place in the order of execution, from 0.
        operation: PyTorch's name of it, for instance ``"convolution"``; ``"local_response_norm"`` for that module.
        name: in words, for instance ``"conv 3x3, padding 1"``.
        path: attribute path of the module that computed it; "" between modules.
        stage: the paper's name of the stage that it belongs to; a step outside of all belongs to the one before it.
        inputs: numbers of the steps whose outputs it takes; ``IMAGE`` for the image.
        arguments: of the operation, in PyTorch's order; each of ``inputs`` stands in it as an :class:`Input`.
        output: its result, batch axis included.
        fields: receptive fields of unit 0 along height and width; None where they cover the whole image.
        macs: multiply-adds.
        hidden: whether it only rearranges numbers: diagrams leave it out.
    """

    number: int
    operation: str
    name: str
    path: str
    stage: str
    inputs: tuple[int, ...]
    arguments: tuple[Any, ...]
    output: Tensor
    fields: Fields | None
    macs: int
    hidden: bool


@dataclass(frozen=True)
class Input:
    """Stands among the arguments of a step for the output of the step ``number``."""

    number: int


@dataclass(frozen=True, eq=False)
class Recording:
    """A forward pass of one image.

    Attributes:
        image: the network's input, (1, C, H, W).
        steps: in the order of execution.
        logits: (1, K).
    """

    image: Tensor
    steps: tuple[Step, ...]
    logits: Tensor

    def output(self, number: int) -> Tensor:
        """The output of a step, or the image for ``IMAGE``."""
        return self.image if number == IMAGE else self.steps[number].output

    def last_of(self, stage: str) -> Step:
        """The last step of a stage that has feature maps of several positions; its last step where none has."""
        steps = [step for step in self.steps if step.stage == stage and not step.hidden]
        maps = (step for step in reversed(steps) if step.output.ndim == 4 and step.output[0, 0].numel() > 1)
        return next(maps, steps[-1])

    def shown_inputs(self, step: Step) -> tuple[int, ...]:
        """The inputs of a step in a diagram: what only rearranges numbers is looked through."""
        found: dict[int, None] = {}
        for number in step.inputs:
            if number != IMAGE and self.steps[number].hidden:
                found |= dict.fromkeys(self.shown_inputs(self.steps[number]))
            else:
                found[number] = None
        return tuple(found)


def record(model: nn.Module, x: Tensor) -> Recording:
    """Run one forward pass without gradients and record its steps.

    Args:
        model: the network, in evaluation mode.
        x: its input, (1, C, H, W).
    """
    network = plain_network(model)
    recorder = _Recorder(network, x)
    hooks = (
        register_module_forward_pre_hook(recorder.enter),
        register_module_forward_hook(recorder.leave),
    )
    try:
        with torch.no_grad(), recorder:
            logits = network(x)
    finally:
        for hook in hooks:
            hook.remove()
    return Recording(x, tuple(_merge(recorder.steps, recorder.merged)), logits)


@dataclass
class _Frame:
    path: str
    first: int


@dataclass
class _Merge:
    """Steps ``first`` to ``last`` that are one step of ``module``."""

    first: int
    last: int
    module: nn.LocalResponseNorm


@dataclass
class _Open:
    """A step while the pass runs: an operation in place may still overwrite ``output``."""

    step: Step
    output: Tensor


class _Recorder(TorchDispatchMode):
    """Observes the operations and the modules of one pass."""

    def __init__(self, network: nn.Module, image: Tensor) -> None:
        super().__init__()
        self.merged: list[_Merge] = []
        self._steps: list[_Open] = []
        self._numbers = {id(image): IMAGE}
        self._ancestries = {id(image): Ancestry(distinct=image.numel())}
        self._size = tuple(image.shape[2:])
        self._paths = {module: path for path, module in network.named_modules()}
        self._stages = {path: stage for stage, path in stages_of(network).items()}
        self._stage = next(iter(self._stages.values()))
        self._frames: list[_Frame] = []
        self._keep: list[Tensor] = []  # an id stays unique while its tensor lives

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # PyTorch would import its compiler

    @property
    def steps(self) -> list[Step]:
        """The finished steps."""
        return [replace(each.step, output=each.output) for each in self._steps]

    def enter(self, module: nn.Module, _: object) -> None:
        """Hook before a module; those of other networks, which other threads run, are left out."""
        if module in self._paths:
            path = self._paths[module]
            self._stage = self._stages.get(path, self._stage)
            self._frames.append(_Frame(path, len(self._steps)))

    def leave(self, module: nn.Module, _: object, __: object) -> None:
        """Hook after a module."""
        if module not in self._paths:
            return
        frame = self._frames.pop()
        if isinstance(module, nn.LocalResponseNorm):
            self.merged.append(_Merge(frame.first, len(self._steps) - 1, module))

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        inputs = [t for t in _tensors(args) if id(t) in self._numbers]
        ancestries = [self._ancestries[id(t)] for t in inputs]
        numbers = [self._numbers[id(t)] for t in inputs]
        arguments = self._described(args)
        if name.endswith("_") and inputs:
            self._save(args[0])
        output = func(*args, **(kwargs or {}))
        outputs = list(_tensors([output]))
        if not inputs or not outputs:
            return output
        weighted = len(inputs) < len(list(_tensors(args)))
        # Ids are looked up again after this operation: its result may be the very tensor that it was given.
        operation = describe(name, args, outputs[0], inputs)
        ancestry = inherit(
            name, operation, args, outputs[0], inputs, ancestries, weighted=weighted, image_size=self._size
        )
        results = outputs if name == "unbind" else outputs[:1]
        for result in results:
            self._keep.append(result)
            self._numbers[id(result)] = len(self._steps)
            self._ancestries[id(result)] = ancestry
            self._add(name, operation, numbers, arguments, result, ancestry)
        return output

    def _add(
        self, name: str, operation: Operation | None, numbers: Sequence[int], arguments: tuple[Any, ...],
        output: Tensor, ancestry: Ancestry,
    ) -> None:  # fmt: skip
        words = operation.name if operation else _NAMES.get(name, name.strip("_").replace("_", " "))
        step = Step(
            number=len(self._steps),
            operation=name.removesuffix("_"),
            name=words,
            path=self._frames[-1].path if self._frames else "",
            stage=self._stage,
            inputs=tuple(numbers),
            arguments=arguments,
            output=output,
            fields=ancestry.fields,
            macs=operation.macs if operation else 0,
            hidden=name in RESHAPES,
        )
        self._steps.append(_Open(step, output))

    def _save(self, changed: Tensor) -> None:
        """Copy what an operation in place is about to overwrite."""
        storage = changed.untyped_storage()._cdata
        for each in self._steps:
            if each.output.untyped_storage()._cdata == storage:
                each.output = each.output.clone()

    def _described(self, values: Sequence[Any]) -> tuple[Any, ...]:
        def one(value: Any) -> Any:
            if isinstance(value, Tensor):
                return Input(self._numbers[id(value)]) if id(value) in self._numbers else value.detach()
            return tuple(map(one, value)) if isinstance(value, list | tuple) else value

        return tuple(map(one, values))


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, list | tuple):
            yield from _tensors(value)


def _merge(steps: Sequence[Step], merges: Sequence[_Merge]) -> Iterator[Step]:
    """Make one step of those of each local response normalization, and number the steps anew."""
    ends = {merge.last: merge for merge in merges}
    inside = {number for merge in merges for number in range(merge.first, merge.last)}
    numbers = {IMAGE: IMAGE}
    for step in steps:
        if step.number in inside:
            continue
        new = len(numbers) - 1
        if (merge := ends.get(step.number)) is not None:
            inner = steps[merge.first : merge.last + 1]
            source = next(n for each in inner for n in each.inputs if n < merge.first)
            module = merge.module
            settings = (module.k, module.size, module.alpha / module.size, module.beta)
            step = replace(
                step, operation="local_response_norm", name="local response norm", inputs=(source,),
                arguments=(Input(source), *settings), hidden=False,
            )  # fmt: skip
        numbers[step.number] = new
        yield replace(
            step,
            number=new,
            inputs=tuple(numbers[n] for n in step.inputs),
            arguments=_renumbered(step.arguments, numbers),
        )


def _renumbered(arguments: tuple[Any, ...], numbers: dict[int, int]) -> tuple[Any, ...]:
    return tuple(
        Input(numbers[value.number]) if isinstance(value, Input)
        else _renumbered(value, numbers) if isinstance(value, tuple) else value
        for value in arguments
    )  # fmt: skip
