"""Graph of a network: its layers and the joins between them, with the layers that each one reads.

One image goes through the network on PyTorch's "meta" device, as in :mod:`decanet.anatomy.trace`. A module without
submodules is one node; between modules, operations that change or join feature maps are. A network with auxiliary
classifiers runs in training mode, the only one in which it has them.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from decanet.anatomy.diagram.labels import count_label, function_of, window_label
from decanet.anatomy.meta_forward import build_on_meta, forward_on_meta, input_size_for, meta_inputs
from decanet.anatomy.operations import Operation, describe
from decanet.core.errors import DataError

BATCH = 2  # batch normalization in training mode refuses a single value for each channel


@dataclass(frozen=True)
class Node:
    """A layer, or an operation between layers.

    Attributes:
        path: attribute path of the module that computes it.
        stage: the paper's name of the stage that it belongs to; the module's name for an auxiliary classifier.
        kind: "input", "conv", "pool", "linear", "attention", "join", "norm", "activation", "dropout" or "other".
        text: what it computes, for instance ``"3×3 conv, 64, stride 2"``.
        shape: of its output, without the batch axis.
        inputs: positions in the graph of the nodes that it reads.
        groups: groups of a convolution; 1 elsewhere.
        params: parameters that are used here for the first time.
        macs: multiply-adds for one image.
    """

    path: str
    stage: str
    kind: str
    text: str
    shape: tuple[int, ...]
    inputs: tuple[int, ...] = ()
    groups: int = 1
    params: int = 0
    macs: int = 0


@dataclass(frozen=True)
class Graph:
    """The nodes of a network in the order in which they run; the first is the image.

    Attributes:
        network: its registered name, or its class.
        nodes: see :class:`Node`.
        outputs: positions of the nodes that compute the outputs: the logits, then those of auxiliary classifiers.
    """

    network: str
    nodes: tuple[Node, ...]
    outputs: tuple[int, ...]


def record(model: nn.Module | str, input_size: tuple[int, ...] | None = None) -> Graph:
    """Record the graph of a network.

    Args:
        model: any network for images, which is left as it is, or a registered name.
        input_size: (C, H, W) of the image; a registered network's own by default.

    Raises:
        UsageError: unknown name, no image size, or none given for a network that is not registered.
        DataError: the image does not fit the network.
    """
    size = input_size_for(model, input_size)
    network = build_on_meta(model) if isinstance(model, str) else model
    inputs = meta_inputs(network, size)
    inputs = inputs._replace(image=inputs.image.expand(BATCH, -1, -1, -1))
    name = getattr(network, "decanet_name", "")
    recorder = _Recorder(network, inputs.image, inputs.parameters)
    hooks = (
        register_module_forward_pre_hook(recorder.enter),
        register_module_forward_hook(recorder.leave),
    )
    try:
        outputs = forward_on_meta(network, inputs, recorder, training=hasattr(network, "aux_weight"))
    except (RuntimeError, ValueError) as error:
        if name:
            raise  # a registered network explains wrong images itself
        raise DataError(
            f"{type(network).__name__}: the forward pass of a {'x'.join(map(str, size))} image fails: "
            f"{str(error).partition(chr(10))[0]}"
        ) from error
    finally:
        for hook in hooks:
            hook.remove()
    made = recorder.producers
    reached = tuple(dict.fromkeys(made[id(t)] for t in _tensors(outputs) if id(t) in made))
    return Graph(name or type(network).__name__, _with_stages(recorder.nodes, network), reached)


@dataclass
class _Frame:
    """A running module; one without submodules gathers its operations into one node."""

    module: nn.Module
    path: str
    is_leaf: bool
    arguments: tuple[Tensor, ...]
    operation: Operation | None = None
    unfolded: Operation | None = None
    arrays: tuple[Tensor, ...] = ()
    sources: dict[int, None] = field(default_factory=dict)
    params: int = 0
    macs: int = 0


class _Recorder(TorchDispatchMode):
    """Records a node for each layer, and for each operation between layers that changes or joins feature maps."""

    def __init__(self, model: nn.Module, image: Tensor, parameters: dict[str, Tensor]) -> None:
        super().__init__()
        shape = tuple(image.shape[1:])
        self.nodes = [Node("", "", "input", "image", shape)]
        self.producers = {id(image): 0}
        self._paths = {module: path for path, module in model.named_modules()}
        self._frames: list[_Frame] = []
        self._keep: list[Any] = [image, *parameters.values()]  # an id stays unique while its tensor lives
        self._parameters_of = {id(tensor): frozenset({name}) for name, tensor in parameters.items()}
        self._sizes = {name: tensor.numel() for name, tensor in parameters.items()}
        self._counted: set[str] = set()

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # see ShapesOnly: PyTorch would import its compiler

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """Hook before a module; those of other networks, which other threads run, are left out."""
        if module in self._paths:
            is_leaf = next(module.children(), None) is None
            self._frames.append(_Frame(module, self._paths[module], is_leaf, tuple(_tensors(args))))

    def leave(self, module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
        """Hook after a module."""
        if module not in self._paths:
            return
        frame, outputs = self._frames.pop(), _tensors(output)
        if not frame.is_leaf or not outputs:
            return
        sources = frame.sources or dict.fromkeys(
            self.producers[id(t)] for t in frame.arguments if id(t) in self.producers
        )
        known = function_of(module)
        storages = {t.untyped_storage()._cdata for t in frame.arguments}
        is_view = outputs[0].untyped_storage()._cdata in storages
        if not sources or not (known or frame.operation or frame.params or not is_view):
            return
        kind, text = known or self._label(frame, outputs[0])
        if text:
            operation = frame.operation or Operation(text)
            self._add(
                frame.path, kind, text, outputs, sources, operation.groups, frame.params, frame.macs // BATCH
            )

    def _label(self, frame: _Frame, output: Tensor) -> tuple[str, str]:
        operation = frame.operation
        if frame.unfolded and frame.macs:
            return "conv", window_label("local", frame.unfolded, frame.arrays, output)
        if operation is None:
            if type(frame.module).__name__.startswith("Adaptive"):
                return "other", ""  # of a feature map that has the wanted size
            words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", type(frame.module).__name__).lower()
            return "other", words
        return count_label(operation, frame.arrays, output)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = func(*args, **(kwargs or {}))
        arguments, outputs = _tensors(args), _tensors(output)
        names = frozenset().union(*(self._parameters_of.get(id(t), frozenset()) for t in arguments))
        inputs = tuple(t for t in arguments if id(t) in self.producers)
        self._keep += outputs
        if not inputs:  # made of parameters and constants alone
            for t in outputs:
                self._parameters_of[id(t)] = names
            return output
        sources = dict.fromkeys(self.producers[id(t)] for t in inputs)
        name = func.overloadpacket.__name__
        operation = describe(name, args, outputs[0], inputs)
        new = names - self._counted
        self._counted |= new
        for t in outputs:
            self.producers[id(t)] = next(iter(sources))
        frame = self._frames[-1] if self._frames else None
        if frame and frame.is_leaf:
            frame.params += sum(self._sizes[n] for n in new)
            frame.sources |= sources
            if operation:
                frame.macs += operation.macs
                if operation.name == "unfold":
                    frame.unfolded, frame.arrays = operation, inputs
                elif frame.operation is None or operation.windows or operation.macs:
                    frame.operation, frame.arrays = operation, inputs
            return output
        kind, text = count_label(operation, inputs, outputs[0]) if operation else ("", "")
        if operation is None and len(sources) > 1:
            kind, text = "join", name.strip("_").replace("_", " ")
        elif operation is None and new and name.startswith("add") and all(n.endswith("bias") for n in new):
            # PyTorch adds the bias of a linear layer after the product where its input is not contiguous.
            (source,) = sources
            more = sum(self._sizes[n] for n in new)
            self.nodes[source] = replace(self.nodes[source], params=self.nodes[source].params + more)
        elif operation is None and new:
            kind, text = "other", _with_parameter(name, sorted(new), outputs[0])
        if text:
            params, macs = sum(self._sizes[n] for n in new), operation.macs // BATCH if operation else 0
            groups = operation.groups if operation else 1
            self._add(frame.path if frame else "", kind, text, outputs, sources, groups, params, macs)
        return output

    def _add(
        self, path: str, kind: str, text: str, outputs: list[Tensor], sources: Iterable[int], groups: int,
        params: int, macs: int,
    ) -> None:  # fmt: skip
        shape = tuple(outputs[0].shape[1:])
        node = Node(path, "", kind, text, shape, tuple(sources), groups, params, macs)
        last = self.nodes[-1]
        # Attention on the meta device: the product of queries and keys, then the product of scores and values.
        if text == last.text == "matrix product" and path == last.path and len(self.nodes) - 1 in sources:
            heads = len(outputs[0]) // BATCH
            node = replace(
                node, kind="attention", text=f"attention, {heads} heads", macs=macs + last.macs,
                shape=(shape[0], heads * shape[1]),
                inputs=tuple(dict.fromkeys([*last.inputs, *(s for s in sources if s != len(self.nodes) - 1)])),
            )  # fmt: skip
            self.nodes.pop()
        for t in outputs:
            self.producers[id(t)] = len(self.nodes)
        self.nodes.append(node)


def _with_parameter(operation: str, names: list[str], output: Tensor) -> str:
    """``"add position"``: an operation with a parameter that no layer holds."""
    if operation.startswith("index_add"):  # adds feature maps to the bias
        return f"summed to {output.shape[1]} maps"
    owned = " and ".join(name.rpartition(".")[2].replace("_", " ") for name in names)
    verb = {"cat": "concatenate", "add": "add", "mul": "multiply by"}.get(operation.strip("_"), operation)
    return f"{verb} {owned}"


def _tensors(values: Any) -> list[Tensor]:
    """The tensors among the arguments or outputs of a module or an operation."""
    if isinstance(values, Tensor):
        return [values]
    if type(values) in (tuple, list):  # faster than torch's general way, for nearly all operations
        return [tensor for value in values for tensor in _tensors(value)]
    return [t for t in tree_leaves(values) if isinstance(t, Tensor)]


def _with_stages(nodes: list[Node], model: nn.Module) -> tuple[Node, ...]:
    """Name the stage of each node, as a trace does; an auxiliary classifier is a stage of its own."""
    stages = {path: stage for stage, path in getattr(model, "stages", {}).items()}
    if not stages:
        stages = {
            name: name for name, child in model.named_children() if any(True for _ in child.parameters())
        }
    for path in getattr(model, "head_layers", ())[1:]:
        own = path.partition(".")[0]
        stages[own] = own
    staged, current = nodes[:1], ""
    for node in nodes[1:]:
        parts = node.path.split(".")
        prefixes = (".".join(parts[:end]) for end in range(len(parts), 0, -1))
        current = next((stages[prefix] for prefix in prefixes if prefix in stages), current)
        staged.append(replace(node, stage=current))
    return tuple(staged)
