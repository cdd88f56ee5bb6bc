"""A walk through a network: what each layer does to an image's shape, what it costs, and how far it sees.

One image without content, on PyTorch's "meta" device, is sent through the network: shapes flow, numbers do
not, so no weight is allocated and a network of 100 million parameters takes a fraction of a second. Every
elementary operation is watched. What comes out of it inherits from what went in:

- the receptive field: a convolution or pooling widens it (``decanet.convolution.arithmetic``); where branches
  meet, the widest counts. Flattening does not: each number of the row still depends on what it did. A linear
  layer behind it takes in the whole row, and attention everything;
- the weighted depth: a convolution or a linear layer adds one; where branches meet, the longest counts. So
  shortcuts with projections do not count, as in the papers. A gate that scales the signal (squeeze and
  excitation) is not on the signal's path: the papers do not count it either.

Multiply-adds are those of convolutions, linear layers and matrix products, the papers' convention: half of
what ``torch.utils.flop_counter`` counts.
"""

import functools
import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook
from torch.utils._pytree import tree_leaves

from decanet.anatomy.cost import MATRIX_PRODUCTS, multiply_adds
from decanet.convolution.arithmetic import ReceptiveField, Window
from decanet.core.errors import UsageError
from decanet.models.factory import create_model
from decanet.models.meta_device import ShapesOnly
from decanet.models.registry import model_entry

BYTES_PER_NUMBER = 4  # activations in float32


@dataclass(frozen=True)
class Layer:
    """One row of the table: a layer, or an operation between layers that changes or joins feature maps.

    Attributes:
        stage: the paper's name of the part that it belongs to.
        path: the attribute path in the network, for instance ``"features.0"``.
        operation: what it does, for instance ``"conv 11x11, stride 4, padding 2"``.
        input_shape: shape that arrives, (C, H, W) or (features,), without the image axis.
        output_shape: shape that leaves.
        windows: the window along height and width, where there is one.
        groups: groups of a convolution; 1 elsewhere.
        params: learned numbers used here for the first time.
        macs: multiply-adds for one image.
        receptive_field: (height, width) in pixels that one output depends on, padding included: it may exceed
            the image. None where the output has but one place and depends on the whole image.
        activation_bytes: memory of the output in float32; 0 where the output reuses the input's memory.
    """

    stage: str
    path: str
    operation: str
    input_shape: tuple[int, ...]
    output_shape: tuple[int, ...]
    windows: tuple[Window, Window] | None
    groups: int
    params: int
    macs: int
    receptive_field: tuple[int, int] | None
    activation_bytes: int

    @property
    def formula(self) -> str:
        """How the output's height (and width, where it differs) follows; empty where trivial."""
        # A squeeze takes maps and gives numbers, which have no height.
        if self.windows is None or len(self.input_shape) != 3 or len(self.output_shape) != 3:
            return ""
        axes = list(zip(self.input_shape[1:], self.windows, self.output_shape[1:], strict=True))
        formulas = [_formula(*axis) for axis in axes]
        return formulas[0] if formulas[0] == formulas[1] else "; ".join(formulas)


@dataclass(frozen=True)
class Trace:
    """The whole table.

    Attributes:
        network: its registered name, or its class.
        input_size: (C, H, W) of the image.
        layers: in the order in which they run.
        output_shape: shape that leaves the network, image axis included: (1, num_classes).
        params: all learned numbers of the network.
        params_training_only: those of them that only a forward pass in training uses (auxiliary classifiers).
        depth: convolutions and linear layers on the longest path from image to output.
        shapes: output shape of every module by attribute path, without the image axis.
        stages: the network's own map from the paper's stage name to the path of its submodule.
    """

    network: str
    input_size: tuple[int, int, int]
    layers: tuple[Layer, ...]
    output_shape: tuple[int, ...]
    params: int
    params_training_only: int
    depth: int
    shapes: Mapping[str, tuple[int, ...]]
    stages: Mapping[str, str]

    @property
    def macs(self) -> int:
        """Multiply-adds for one image."""
        return sum(layer.macs for layer in self.layers)

    @property
    def activation_bytes(self) -> int:
        """Memory of all feature maps of one image in float32, as training has to keep them."""
        return sum(layer.activation_bytes for layer in self.layers)


def trace(model: nn.Module | str, input_size: tuple[int, int, int] | None = None) -> Trace:
    """Walk one image through ``model`` in evaluation mode, layer by layer.

    Args:
        model: a network, which is left as it is, or a registered name, built without memory for weights.
        input_size: (C, H, W); the network's own by default.

    Raises:
        UsageError: unknown name, or no size given for a network that is not registered.
        DataError: the image does not fit the network.
    """
    if isinstance(model, str):
        return _trace_registered(model, input_size or model_entry(model).input_size)
    name = getattr(model, "decanet_name", "")
    if input_size is None:
        if not name:
            raise UsageError("walk: give the input size (C, H, W) of a network that is not registered")
        input_size = model_entry(name).input_size
    watch = _Watch(model)
    # Two hooks for all modules; two for each would take as long as the pass.
    entered, left = register_module_forward_pre_hook(watch.enter), register_module_forward_hook(watch.leave)
    try:
        output = run_on_meta(model, input_size, watch)
    finally:
        entered.remove()
        left.remove()
    total = sum(parameter.numel() for parameter in model.parameters())
    return Trace(
        network=name or type(model).__name__,
        input_size=input_size,
        layers=_with_stages(watch.layers, model),
        output_shape=tuple(output.shape),
        params=total,
        params_training_only=total - sum(layer.params for layer in watch.layers),
        depth=watch.history(output).depth,
        shapes=watch.shapes,
        stages=getattr(model, "stages", {}),
    )


@functools.cache  # a name and a size say all; the list, the proof and the lineage ask for the same walks
def _trace_registered(name: str, input_size: tuple[int, int, int]) -> Trace:
    with ShapesOnly(), torch.device("meta"):
        model = create_model(name)
    return trace(model, input_size)


class MetaWatch(ShapesOnly):
    """A dispatch mode that is told, before the pass, which tensors stand for the weights and the image."""

    def begin(self, parameters: Mapping[str, Tensor], image: Tensor) -> None:
        """Learn the tensors of the pass that begins."""


def run_on_meta(model: nn.Module, input_size: tuple[int, int, int], watch: MetaWatch) -> Tensor:
    """One forward pass in evaluation mode without numbers, seen by ``watch``; ``model`` is left as it is.

    Returns:
        The output, a meta tensor (1, num_classes).

    Raises:
        DataError: an image of ``input_size`` (C, H, W) does not fit the network.
    """
    parameters, buffers = (
        dict(map(_to_meta, named)) for named in (model.named_parameters(), model.named_buffers())
    )
    dtype = next((p.dtype for p in parameters.values()), torch.float32)
    image = torch.empty((1, *input_size), device="meta", dtype=dtype)
    modes = {module: module.training for module in model.modules()}
    model.eval()
    watch.begin(parameters, image)
    try:
        with torch.no_grad(), watch:
            tensors = {**parameters, **buffers}
            if all(
                t is own
                for t, own in zip(tensors.values(), (*model.parameters(), *model.buffers()), strict=True)
            ):
                return model(image)  # built without memory: there is nothing to replace
            return torch.func.functional_call(model, tensors, (image,))
    finally:
        for module, mode in modes.items():
            module.training = mode


def _to_meta(named: tuple[str, Tensor]) -> tuple[str, Tensor]:
    name, tensor = named
    return name, tensor if tensor.is_meta else torch.empty_like(tensor, device="meta")


def explain(layer: Layer) -> str:
    """The layer in the tutorial's words: why this size, why this cost; empty where obvious."""
    out, arrives = layer.output_shape, layer.input_shape
    if layer.operation.startswith("conv") and layer.windows and len(out) == 3:
        kernels, (high, wide) = out[0], layer.windows
        depth = arrives[0] // layer.groups
        weights = kernels * depth * high.kernel * wide.kernel
        bias = " and a bias each" if layer.params == weights + kernels else ""
        groups = (
            f" ({layer.groups} groups: each kernel sees 1/{layer.groups} of the maps)"
            if layer.groups > 1
            else ""
        )
        return (
            f"{_why(layer)} {kernels} kernels of {high.kernel}x{wide.kernel}x{depth} weights{bias}{groups}: "
            f"{layer.params:,} parameters. Each weight works at all {out[1]}x{out[2]} places: "
            f"{layer.macs:,} multiply-adds."
        )
    if layer.windows and len(out) == len(arrives) == 3:
        return f"{_why(layer)} The {out[0]} maps stay {out[0]}; nothing is learned."
    if layer.windows and len(arrives) == 3 and len(out) == 1:
        c, h, w = arrives
        return f"Each of the {c} maps of {h}x{w} becomes one number; nothing is learned."
    if layer.operation == "flatten" and len(arrives) == 3:
        c, h, w = arrives
        return f"{c} maps of {h}x{w} become one row of {c}*{h}*{w} = {math.prod(arrives)} numbers."
    if layer.operation == "linear" and len(out) == len(arrives) == 1:
        bias = f" + {out[0]} biases" if layer.params == math.prod(arrives + out) + out[0] else ""
        return (
            f"Each of the {out[0]} outputs is a weighted sum of all {arrives[0]} numbers: "
            f"{arrives[0]}*{out[0]}{bias} = {layer.params:,} parameters, each used once."
        )
    if layer.operation == "concatenate":
        return f"The branches' maps are stacked: {out[0]} maps." if len(out) == 3 else ""
    return ""


def _why(layer: Layer) -> str:
    assert layer.windows is not None  # the caller asks only then
    (high, wide), (_, height, width) = layer.windows, layer.input_shape
    step = f"moves by {high.stride}" if high.stride > 1 else "moves pixel by pixel"
    pixels = "1 pixel" if high.padding == 1 else f"{high.padding} pixels"
    padded = f", {pixels} of padding on each side" if high.padding else ""
    if (high, height) != (wide, width):
        return f"Height and width: {layer.formula}."
    return f"A window of {high.kernel} {step} over {height}{padded}: it fits {layer.formula} times."


def _formula(size: int, window: Window, output: int) -> str:
    padding = f" + 2*{window.padding}" if window.padding else ""
    top = f"{size}{padding} - {window.span}"
    quotient = (size + 2 * window.padding - window.span) / window.stride + 1
    divided = f"({top})/{window.stride} + 1" if window.stride > 1 else f"{top} + 1"
    if quotient == output:
        return f"{divided} = {output}"
    return f"{divided} = {quotient:.4g}, rounded {'up' if output > quotient else 'down'} to {output}"


@dataclass(frozen=True)
class _History:
    """What a tensor inherits: what it sees, how deep it lies, which parameters it is made of alone."""

    fields: tuple[ReceptiveField, ReceptiveField] | None = (ReceptiveField(), ReceptiveField())  # None: all
    depth: int = 0
    distinct: int = 0  # elements that are not mere repetition, tells a gate from the signal that it scales
    places: tuple[int, int] = (1, 1)  # of a flattened map: height and width that one row of numbers holds


@dataclass
class _Frame:
    """A module that is running; a leaf gathers its operations into one row."""

    path: str
    is_leaf: bool
    name: str
    inputs: tuple[Tensor, ...]
    operation: str = ""
    windows: tuple[Window, Window] | None = None
    groups: int = 1
    params: int = 0
    macs: int = 0


class _Step(NamedTuple):
    """What one elementary operation is, in the table's terms."""

    operation: str
    windows: tuple[Window, Window] | None = None
    groups: int = 1
    macs: int = 0


class _Watch(MetaWatch):
    """Sees every elementary operation of one forward pass."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.layers: list[Layer] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self._paths = {module: path for path, module in model.named_modules()}
        self._frames: list[_Frame] = []
        self._counted: set[str] = set()

    def begin(self, parameters: Mapping[str, Tensor], image: Tensor) -> None:
        """Nothing has flowed yet but the image."""
        self._keep = [image, *parameters.values()]  # an id stays unique while its tensor lives
        self._made_of = {id(tensor): frozenset({name}) for name, tensor in parameters.items()}
        self._sizes = {name: tensor.numel() for name, tensor in parameters.items()}
        self._histories = {id(image): _History(distinct=image.numel())}
        self._size = tuple(image.shape[2:])

    def history(self, tensor: Tensor) -> _History:
        """What ``tensor`` inherited; nothing for one that does not come from the image."""
        return self._histories.get(id(tensor), _History())

    def enter(self, module: nn.Module, args: tuple[Any, ...]) -> None:
        """A module begins; modules of other networks, run by other threads, are none of ours."""
        if module in self._paths:
            is_leaf = next(module.children(), None) is None
            frame = _Frame(self._paths[module], is_leaf, type(module).__name__, tuple(_tensors(args)))
            self._frames.append(frame)

    def leave(self, module: nn.Module, _: tuple[Any, ...], output: Any) -> None:
        """A module has given its output."""
        if module not in self._paths:
            return
        frame = self._frames.pop()
        outputs = _tensors(output)
        if not outputs:
            return
        self.shapes[frame.path] = tuple(outputs[0].shape[1:])
        idle = outputs[0] is (frame.inputs[0] if frame.inputs else None) and not frame.operation
        if frame.is_leaf and not idle:
            step = _Step(frame.operation or frame.name, frame.windows, frame.groups, frame.macs)
            self._add(frame.path, step, frame.params, frame.inputs, outputs[0])

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        inputs = _tensors(args)
        before = [(t, self._histories[id(t)]) for t in inputs if id(t) in self._histories]
        output = self.run(func, args, kwargs or {})
        outputs = _tensors(output)
        made_of = frozenset().union(*(self._made_of.get(id(t), frozenset()) for t in inputs))
        self._keep += outputs
        if not before:
            for t in outputs:
                self._made_of[id(t)] = made_of
            return output
        name = func.overloadpacket.__name__
        step = _describe(name, args, outputs[0], [t for t, _ in before])
        history = _inherit(name, step, args, outputs[0], before, bool(made_of), self._size)
        for t in outputs:
            self._histories[id(t)] = history
        new = made_of - self._counted
        self._counted |= new
        self._note(step, sum(self._sizes[n] for n in new), tuple(t for t, _ in before), outputs[0])
        return output

    def _note(self, step: _Step | None, params: int, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        frame = self._frames[-1] if self._frames else _Frame("", False, "", ())
        if frame.is_leaf:
            frame.params += params
            if step is not None:
                frame.macs += step.macs
                if not frame.operation or step.windows or step.macs:
                    frame.operation, frame.windows, frame.groups = step.operation, step.windows, step.groups
        elif step is not None or params:
            self._add(frame.path, step or _Step("learned numbers"), params, inputs, output)

    def _add(self, path: str, step: _Step, params: int, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        fields = self.history(output).fields
        storages = {t.untyped_storage()._cdata for t in inputs}
        reused = output.untyped_storage()._cdata in storages
        self.layers.append(
            Layer(
                stage="",  # known when all have run
                path=path,
                operation=step.operation,
                input_shape=tuple(inputs[0].shape[1:]) if inputs else (),
                output_shape=tuple(output.shape[1:]),
                windows=step.windows,
                groups=step.groups,
                params=params,
                macs=step.macs,
                receptive_field=None if fields is None else (fields[0].size, fields[1].size),
                activation_bytes=0 if reused else output.numel() * BYTES_PER_NUMBER,
            )
        )


def _tensors(values: Any) -> list[Tensor]:
    """The tensors among what a module or an operation takes or gives."""
    if isinstance(values, Tensor):
        return [values]
    if type(values) in (tuple, list):  # quicker than torch's general way, for what nearly all operations take
        return [tensor for value in values for tensor in _tensors(value)]
    return [t for t in tree_leaves(values) if isinstance(t, Tensor)]


def _with_stages(layers: list[Layer], model: nn.Module) -> tuple[Layer, ...]:
    """Name the paper's stage of each layer: by the network's ``stages``, else the attribute's name.

    What has no stage of its own (an activation that several layers share, a join between modules) belongs to
    the stage before it.
    """
    stages = {path: stage for stage, path in getattr(model, "stages", {}).items()}
    holders = {path.split(".")[0] for path in stages}
    runs = Counter(layer.path.split(".")[0] for layer in layers)
    staged, current = [], ""
    for layer in layers:
        parts = layer.path.split(".")
        prefixes = [".".join(parts[:end]) for end in range(len(parts), 0, -1)]
        named = next((stages[prefix] for prefix in prefixes if prefix in stages), "")
        top = parts[0]
        if not named and top and top not in holders:
            weighted = any(True for _ in model.get_submodule(top).parameters())
            named = top if weighted or runs[top] == 1 else ""
        current = named or current
        staged.append(replace(layer, stage=current))
    return tuple(staged)


_JOINS = {"cat": "concatenate", "add": "add", "add_": "add", "mul": "multiply", "mul_": "multiply"}
_ACTIVATIONS = {
    "relu": "ReLU", "relu_": "ReLU", "gelu": "GELU", "sigmoid": "sigmoid", "tanh": "tanh",
    "_softmax": "softmax",
}  # fmt: skip
_POOLINGS = {"max_pool2d_with_indices": "max pool", "max_pool2d": "max pool", "avg_pool2d": "average pool"}
_ADAPTIVE = {
    "_adaptive_avg_pool2d": "average pool", "adaptive_avg_pool2d": "average pool",
    "adaptive_max_pool2d": "max pool", "mean": "average pool", "amax": "max pool",
}  # fmt: skip
_VIEWS = {"view", "_unsafe_view", "_reshape_alias", "reshape"}


def _describe(name: str, args: Any, output: Tensor, flowing: list[Tensor]) -> _Step | None:
    """The operation in the table's terms, or None for bookkeeping that the table leaves out."""
    source = flowing[0]
    if name == "convolution":
        _, weight, _, stride, padding, dilation, _, _, groups = args[:9]
        windows = _pair(Window, weight.shape[2:], stride, padding, dilation)
        grouped = f", {groups} groups" if groups > 1 else ""
        return _Step(f"conv {_text(windows)}{grouped}", windows, groups, multiply_adds(name, args, output))
    if name in MATRIX_PRODUCTS:
        return _Step(
            "linear" if len(flowing) == 1 else "matrix product", macs=multiply_adds(name, args, output)
        )
    if name.startswith("_scaled_dot_product"):
        return _Step("attention", macs=multiply_adds(name, args, output))
    if name in _POOLINGS:
        kernel, stride, padding = (list(args[i]) if len(args) > i else [] for i in (1, 2, 3))
        dilation, ceil = (
            ([1], args[4:5]) if name == "avg_pool2d" else (args[4] if len(args) > 4 else [1], args[5:6])
        )
        windows = _pair(Window, kernel, stride or kernel, padding or [0], dilation, [bool(ceil and ceil[0])])
        return _Step(f"{_POOLINGS[name]} {_text(windows)}", windows)
    if name == "im2col":  # the windows of a locally connected layer, one below the other
        return _Step("unfold", _pair(Window, args[1], args[4], args[3], args[2]))
    if name in _ADAPTIVE and source.ndim == 4:
        if tuple(source.shape[2:]) == tuple(output.shape[2:]):
            return _Step(f"{_ADAPTIVE[name]}, here the identity") if "adaptive" in name else None
        windows = _pair(_adaptive_window, source.shape[2:], output.shape[2:] or (1, 1))
        return _Step(
            f"global {_ADAPTIVE[name]}" if output.numel() == output.shape[1] else _ADAPTIVE[name], windows
        )
    if name in _VIEWS and source.ndim == 4 and output.ndim == 2 and len(source) == len(output):
        return _Step("flatten")  # not so where every place becomes a row of its own, for a linear layer
    if name in _JOINS and any(t is not source for t in flowing[1:]):  # a square joins nothing
        return _Step(_JOINS[name])
    if name in _ACTIVATIONS:
        return _Step(_ACTIVATIONS[name])
    return None


def _inherit(
    name: str,
    step: _Step | None,
    args: Any,
    output: Tensor,
    before: list[tuple[Tensor, _History]],
    learned: bool,
    size: tuple[int, ...],
) -> _History:
    """What the output inherits from the tensors ``before`` the operation, of an image of ``size`` (H, W)."""
    histories = [history for _, history in before]
    if name in ("mul", "mul_"):  # a gate scales the signal and is not on its path
        most = max(history.distinct for history in histories)
        histories = [history for history in histories if history.distinct == most]
    fields = _widest([history.fields for history in histories])
    depth = max(history.depth for history in histories)
    distinct = histories[0].distinct if name == "expand" else output.numel()
    source, places = before[0][0], histories[0].places if output.ndim == 2 else (1, 1)
    if step is not None and step.windows is not None and fields is not None:
        fields = (fields[0].after(step.windows[0]), fields[1].after(step.windows[1]))
        if tuple(output.shape[2:]) in ((), (1, 1)):
            fields = _unless_all(fields, size)
    elif step is not None and step.operation == "flatten":
        places = (source.shape[2], source.shape[3])
    elif name in MATRIX_PRODUCTS and learned and output.ndim == 2 and len(output) == 1 and fields is not None:
        whole = _pair(Window, places)
        fields, places = _unless_all((fields[0].after(whole[0]), fields[1].after(whole[1])), size), (1, 1)
    elif name == "constant_pad_nd" and fields is not None and source.ndim == 4 and len(args[1]) == 4:
        left, _, top, _ = args[1]
        fields = (_shifted(fields[0], top), _shifted(fields[1], left))
    elif step is not None and step.operation in ("matrix product", "attention"):
        fields = None
    if name == "convolution" or (name in MATRIX_PRODUCTS and learned):
        depth += 1
    return _History(fields, depth, distinct, places)


def _unless_all(
    fields: tuple[ReceptiveField, ReceptiveField], size: tuple[int, ...]
) -> tuple[ReceptiveField, ReceptiveField] | None:
    """The fields of unit 0, or None where they take in every pixel of an image of ``size`` (H, W)."""
    ends = [field.pixels(0) for field in fields]
    whole = all(first <= 0 and last >= pixels - 1 for (first, last), pixels in zip(ends, size, strict=True))
    return None if whole else fields


def _widest(fields: list[Any]) -> tuple[ReceptiveField, ReceptiveField] | None:
    if any(pair is None for pair in fields):
        return None
    return (
        max((pair[0] for pair in fields), key=lambda f: f.size),
        max((pair[1] for pair in fields), key=lambda f: f.size),
    )


def _shifted(field: ReceptiveField, padding: int) -> ReceptiveField:
    return replace(field, offset=field.offset - padding * field.jump)


def _pair(make: Callable[..., Window], *settings: Any) -> tuple[Window, Window]:
    """The window along height and along width from settings that give one value or two."""
    high, wide = ([s[axis] if len(s) > 1 else s[0] for s in map(list, settings)] for axis in (0, 1))
    return make(*high), make(*wide)


def _adaptive_window(size: int, output: int) -> Window:
    """The window of an adaptive pooling whose input is a multiple of its output; else its widest window."""
    stride = size // output or 1
    return Window(max(1, size - (output - 1) * stride), stride)


def _text(windows: tuple[Window, Window]) -> str:
    def both(high: int, wide: int) -> str:
        return str(high) if high == wide else f"{high}x{wide}"

    high, wide = windows
    text = f"{high.kernel}x{wide.kernel}"
    if (high.stride, wide.stride) != (1, 1):
        text += f", stride {both(high.stride, wide.stride)}"
    if (high.padding, wide.padding) != (0, 0):
        text += f", padding {both(high.padding, wide.padding)}"
    if (high.dilation, wide.dilation) != (1, 1):
        text += f", dilation {both(high.dilation, wide.dilation)}"
    return text + (", rounded up" if high.ceil_mode else "")
