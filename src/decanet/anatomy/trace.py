"""Shape-only forward pass of one image: a row for every layer, with shapes, costs and receptive fields.

The image goes through the network on PyTorch's "meta" device (:mod:`decanet.anatomy.meta_forward`), and every tensor
operation is observed. A module without submodules gives one row; operations between modules (a concatenation, the sum
of a residual shortcut) give a row of their own.
"""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from decanet.anatomy.meta_forward import (
    MetaInputs,
    build_on_meta,
    forward_on_meta,
    input_size_for,
    meta_inputs,
)
from decanet.anatomy.operations import Operation, Windows, describe, name_of
from decanet.anatomy.receptive_fields import Ancestry, Fields, inherit
from decanet.convolution.arithmetic import Window
from decanet.core.errors import DataError

BYTES_PER_NUMBER = 4  # activations in float32


@dataclass(frozen=True)
class Layer:
    """One row of a trace: a layer, or an operation between layers that changes or joins feature maps.

    Attributes:
        stage: the paper's name of the stage that it belongs to.
        path: the attribute path of the module, for instance ``"features.0"``.
        operation: what it computes, for instance ``"conv 11x11, stride 4, padding 2"``.
        input_shape: shape of the input without the batch axis, (C, H, W) or (features,).
        output_shape: shape of the output without the batch axis.
        windows: the window along height and along width, where there is one.
        groups: groups of a convolution; 1 elsewhere.
        params: parameters that are used here for the first time.
        macs: multiply-adds for one image.
        receptive_field: (height, width) in pixels, padding included: it may exceed the image. None where one output
            depends on the whole image.
        activation_bytes: memory of the output in float32; 0 where the output reuses the input's memory.
    """

    stage: str
    path: str
    operation: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    windows: Windows | None
    groups: int
    params: int
    macs: int
    receptive_field: tuple[int, int] | None
    activation_bytes: int

    @property
    def formula(self) -> str:
        """Arithmetic of the output's height (and width, where it differs); empty where there is no window.

        For instance ``"(224 + 2*2 - 11)/4 + 1 = 55.25, rounded down to 55"``.
        """
        # A squeeze turns feature maps into numbers, which have no height.
        if self.windows is None or len(self.input_shape) != 3 or len(self.output_shape) != 3:
            return ""
        axes = list(zip(self.input_shape[1:], self.windows, self.output_shape[1:], strict=True))
        formulas = [_formula(*axis) for axis in axes]
        return formulas[0] if formulas[0] == formulas[1] else "; ".join(formulas)


@dataclass(frozen=True)
class Trace:
    """The layers of a network for one image, and their totals.

    Attributes:
        network: its registered name, or its class.
        input_size: (C, H, W) of the image.
        layers: in the order in which they run.
        output_shape: shape of the output, batch axis included: (1, num_classes).
        params: all parameters of the network.
        params_training_only: those of them that only training uses (auxiliary classifiers).
        depth: convolutions and linear layers on the longest path from image to output.
        shapes: output shape of every module by attribute path, without the batch axis.
        fields: receptive fields along height and width of every module's output by attribute path; None where one
            number of it depends on the whole image, also through a gate.
        stages: the network's own map from the paper's stage name to the attribute path of its module.
    """

    network: str
    input_size: tuple[int, int, int]
    layers: tuple[Layer, ...]
    output_shape: tuple[int, ...]
    params: int
    params_training_only: int
    depth: int
    shapes: Mapping[str, tuple[int, ...]]
    fields: Mapping[str, Fields | None]
    stages: Mapping[str, str]

    @property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return sum(layer.macs for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Memory of all feature maps of one image in float32, as training has to keep them."""
        return sum(layer.activation_bytes for layer in self.layers)


def trace(model: nn.Module | str, input_size: tuple[int, ...] | None = None) -> Trace:
    """Run a shape-only forward pass of one image in evaluation mode, layer by layer.

    Args:
        model: a network, which is left as it is, or a registered name, which is built without memory for weights.
        input_size: (C, H, W) of the image; the network's own by default.

    Raises:
        UsageError: unknown name, no image size, or none given for a network that is not registered.
        DataError: the image does not fit the network.
    """
    size = input_size_for(model, input_size)
    if isinstance(model, str):
        return _trace_registered(model, size)
    name = getattr(model, "decanet_name", "")
    inputs = meta_inputs(model, size)
    observer = _Observer(model, inputs)
    # Two hooks for all modules: two for each module would take as long as the forward pass.
    hooks = (
        register_module_forward_pre_hook(observer.enter),
        register_module_forward_hook(observer.leave),
    )
    try:
        (output, *_) = _tensors(forward_on_meta(model, inputs, observer))
    except (RuntimeError, ValueError) as error:
        if name:
            raise  # a registered network explains wrong images itself
        raise DataError(
            f"{type(model).__name__}: the forward pass of a {'x'.join(map(str, size))} image fails at "
            f"{observer.path or 'the network itself'}: {str(error).partition(chr(10))[0]}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    total = sum(parameter.numel() for parameter in model.parameters())
    return Trace(
        network=name or type(model).__name__,
        input_size=size,
        layers=_with_stages(observer.layers, model),
        output_shape=tuple(output.shape),
        params=total,
        params_training_only=total - sum(layer.params for layer in observer.layers),
        depth=observer.ancestry(output).depth,
        shapes=observer.shapes,
        fields=observer.fields,
        stages=getattr(model, "stages", {}),
    )


@functools.cache  # the table, the verification and the lineage ask for the same traces
def _trace_registered(name: str, input_size: tuple[int, int, int]) -> Trace:
    return trace(build_on_meta(name), input_size)


@dataclass
class _Frame:
    """A running module. A module without submodules gathers its operations into one row."""

    path: str
    is_leaf: bool
    name: str
    inputs: tuple[Tensor, ...]
    operation: Operation | None = None
    params: int = 0
    macs: int = 0


class _Observer(TorchDispatchMode):
    """Observes every tensor operation of one forward pass and writes the rows."""

    def __init__(self, model: nn.Module, inputs: MetaInputs) -> None:
        super().__init__()
        image, parameters = inputs.image, inputs.parameters
        self.layers: list[Layer] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.fields: dict[str, Fields | None] = {}
        self._paths = {module: path for path, module in model.named_modules()}
        self._frames: list[_Frame] = []
        self._counted: set[str] = set()
        self._keep = [image, *parameters.values()]  # an id stays unique while its tensor lives
        self._parameters_of = {id(tensor): frozenset({name}) for name, tensor in parameters.items()}
        self._sizes = {name: tensor.numel() for name, tensor in parameters.items()}
        self._ancestries = {id(image): Ancestry(distinct=image.numel())}
        self._image_size = tuple(image.shape[2:])

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # see ShapesOnly: PyTorch would import its compiler

    @property
    def path(self) -> str:
        """Attribute path of the module that is running."""
        return self._frames[-1].path if self._frames else ""

    def ancestry(self, tensor: Tensor) -> Ancestry:
        """What ``tensor`` depends on; the default for one that does not depend on the image."""
        return self._ancestries.get(id(tensor), Ancestry())

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Hook before a module; those of other networks, which other threads run, are left out."""
        if module in self._paths:
            is_leaf = next(module.children(), None) is None
            frame = _Frame(self._paths[module], is_leaf, type(module).__name__, tuple(_tensors(args)))
            self._frames.append(frame)

    def leave(self, module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
        """Hook after a module."""
        if module not in self._paths:
            return
        frame = self._frames.pop()
        outputs = _tensors(output)
        if not outputs:
            return
        self.shapes[frame.path] = tuple(outputs[0].shape[1:])
        ancestry = self.ancestry(outputs[0])
        self.fields[frame.path] = None if ancestry.gated else ancestry.fields
        name = name_of(module)
        unchanged = bool(frame.inputs) and outputs[0] is frame.inputs[0] and frame.operation is None
        if frame.is_leaf and (not unchanged or name):
            operation = (frame.operation or Operation(frame.name))._replace(macs=frame.macs)
            operation = operation._replace(name=name or operation.name)
            self._add(frame.path, operation, frame.params, frame.inputs, outputs[0])

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        arguments, outputs = _tensors(args), _tensors(output)
        parameters = frozenset().union(*(self._parameters_of.get(id(t), frozenset()) for t in arguments))
        inputs = [t for t in arguments if id(t) in self._ancestries]
        self._keep += outputs
        if not inputs:  # made of parameters and constants alone
            for t in outputs:
                self._parameters_of[id(t)] = parameters
            return output
        name = func.overloadpacket.__name__
        operation = describe(name, args, outputs[0], inputs)
        ancestry = inherit(
            name, operation, args, outputs[0], inputs, [self._ancestries[id(t)] for t in inputs],
            weighted=bool(parameters), image_size=self._image_size,
        )  # fmt: skip
        for t in outputs:
            self._ancestries[id(t)] = ancestry
        new = parameters - self._counted
        self._counted |= new
        self._record(operation, sum(self._sizes[n] for n in new), tuple(inputs), outputs[0])
        return output

    def _record(
        self, operation: Operation | None, params: int, inputs: tuple[Tensor, ...], output: Tensor
    ) -> None:
        frame = self._frames[-1] if self._frames else _Frame("", False, "", ())
        if not frame.is_leaf:
            if operation is not None or params:
                self._add(frame.path, operation or Operation("parameters"), params, inputs, output)
            return
        frame.params += params
        if operation is not None:
            frame.macs += operation.macs
            if frame.operation is None or operation.windows or operation.macs:
                frame.operation = operation

    def _add(
        self, path: str, operation: Operation, params: int, inputs: tuple[Tensor, ...], output: Tensor
    ) -> None:
        fields = self.ancestry(output).fields
        storages = {t.untyped_storage()._cdata for t in inputs}
        reused = output.untyped_storage()._cdata in storages
        self.layers.append(
            Layer(
                stage="",  # known when all layers have run
                path=path,
                operation=operation.name,
                input_shape=tuple(inputs[0].shape[1:]) if inputs else (),
                output_shape=tuple(output.shape[1:]),
                windows=operation.windows,
                groups=operation.groups,
                params=params,
                macs=operation.macs,
                receptive_field=None if fields is None else (fields[0].size, fields[1].size),
                activation_bytes=0 if reused else output.numel() * BYTES_PER_NUMBER,
            )
        )


def _tensors(values: Any) -> list[Tensor]:
    """The tensors among the arguments or outputs of a module or an operation."""
    if isinstance(values, Tensor):
        return [values]
    if type(values) in (tuple, list):  # faster than torch's general way, for nearly all operations
        return [tensor for value in values for tensor in _tensors(value)]
    return [t for t in tree_leaves(values) if isinstance(t, Tensor)]


def _with_stages(layers: list[Layer], model: nn.Module) -> tuple[Layer, ...]:
    """Name the stage of each layer: the network's ``stages``, or the attributes of a network that declares none.

    A layer outside of all stages (an activation that several layers use, a join between modules) belongs to the stage
    before it, or to the first one.
    """
    stages = {path: stage for stage, path in getattr(model, "stages", {}).items()}
    if not stages:
        stages = {
            name: name for name, child in model.named_children() if any(True for _ in child.parameters())
        }
    staged, current = [], next(iter(stages.values()), "")
    for layer in layers:
        parts = layer.path.split(".")
        prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        current = next((stages[prefix] for prefix in prefixes if prefix in stages), current)
        staged.append(replace(layer, stage=current))
    return tuple(staged)


def _formula(size: int, window: Window, output: int) -> str:
    padding = f" + 2*{window.padding}" if window.padding else ""
    top = f"{size}{padding} - {window.span}"
    quotient = (size + 2 * window.padding - window.span) / window.stride + 1
    divided = f"({top})/{window.stride} + 1" if window.stride > 1 else f"{top} + 1"
    if quotient == output:
        return f"{divided} = {output}"
    return f"{divided} = {quotient:.4g}, rounded {'up' if output > quotient else 'down'} to {output}"
