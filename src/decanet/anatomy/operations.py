"""PyTorch's tensor operations in the terms of a network's table: what each is called, its window and its cost."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from decanet.anatomy.cost import MATRIX_PRODUCTS, multiply_adds
from decanet.convolution.arithmetic import Window

Windows = tuple[Window, Window]  # along height and along width


class Operation(NamedTuple):
    """One tensor operation.

    Attributes:
        name: for instance ``"conv 11x11, stride 4, padding 2"``.
        windows: the window along height and along width, where there is one.
        groups: groups of a convolution; 1 elsewhere.
        macs: multiply-adds.
    """

    name: str
    windows: Windows | None = None
    groups: int = 1
    macs: int = 0


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
_RESHAPES = {"view", "_unsafe_view", "_reshape_alias", "reshape"}


def describe(name: str, args: Sequence[Any], output: Tensor, inputs: Sequence[Tensor]) -> Operation | None:
    """Describe a tensor operation; None for one that the table leaves out.

    Args:
        name: PyTorch's name of the operation.
        args: its positional arguments.
        output: what it returned.
        inputs: those of its arguments that depend on the image.
    """
    source = inputs[0]
    if name == "convolution":
        _, weight, _, stride, padding, dilation, _, _, groups = args[:9]
        windows = pair(Window, weight.shape[2:], stride, padding, dilation)
        grouped = f", {groups} groups" if groups > 1 else ""
        return Operation(
            f"conv {_text(windows)}{grouped}", windows, groups, multiply_adds(name, args, output)
        )
    if name in MATRIX_PRODUCTS:
        kind = "linear" if len(inputs) == 1 else "matrix product"
        return Operation(kind, macs=multiply_adds(name, args, output))
    if name.startswith("_scaled_dot_product"):
        return Operation("attention", macs=multiply_adds(name, args, output))
    if name in _POOLINGS:
        windows = _pooling_windows(name, args)
        return Operation(f"{_POOLINGS[name]} {_text(windows)}", windows)
    if name == "im2col":  # the windows of a locally connected layer as columns
        return Operation("unfold", pair(Window, args[1], args[4], args[3], args[2]))
    if name in _ADAPTIVE and source.ndim == 4:
        return _adaptive_pooling(name, source, output)
    # Where every position becomes a row of its own, as for a linear layer at each position, nothing is flattened.
    if name in _RESHAPES and source.ndim == 4 and output.ndim == 2 and len(source) == len(output):
        return Operation("flatten")
    if name in _JOINS and any(t is not source for t in inputs[1:]):  # the square of a tensor joins nothing
        return Operation(_JOINS[name])
    if name in _ACTIVATIONS:
        return Operation(_ACTIVATIONS[name])
    return None


def name_of(module: nn.Module) -> str:
    """Return the name of a layer that its tensor operations do not tell; empty for all others.

    Dropout does nothing in evaluation mode, and local response normalization is a chain of elementary operations.
    PyTorch divides the alpha of the latter by n; the name has the alpha by which the squares are multiplied.
    """
    if isinstance(module, nn.modules.dropout._DropoutNd) and module.p:
        return f"dropout p={module.p:g}"
    if isinstance(module, nn.LocalResponseNorm):
        k, n, alpha, beta = module.k, module.size, module.alpha / module.size, module.beta
        return f"local response norm k={k:g} n={n} alpha={alpha:g} beta={beta:g}"
    return ""


def pair(make: Callable[..., Window], *settings: Any) -> Windows:
    """Make the windows along height and along width from settings that hold one value or two."""
    high, wide = ([s[axis] if len(s) > 1 else s[0] for s in map(list, settings)] for axis in (0, 1))
    return make(*high), make(*wide)


def _pooling_windows(name: str, args: Sequence[Any]) -> Windows:
    kernel, stride, padding = (list(args[i]) if len(args) > i else [] for i in (1, 2, 3))
    dilation, ceil = (
        ([1], args[4:5]) if name == "avg_pool2d" else (args[4] if len(args) > 4 else [1], args[5:6])
    )
    return pair(Window, kernel, stride or kernel, padding or [0], dilation, [bool(ceil and ceil[0])])


def _adaptive_pooling(name: str, source: Tensor, output: Tensor) -> Operation | None:
    if source.shape[2:] == output.shape[2:]:
        return Operation(f"{_ADAPTIVE[name]}, here the identity") if "adaptive" in name else None
    windows = pair(_adaptive_window, source.shape[2:], output.shape[2:] or (1, 1))
    everywhere = "global " if output.numel() == output.shape[1] else ""
    return Operation(f"{everywhere}{_ADAPTIVE[name]}", windows)


def _adaptive_window(size: int, output: int) -> Window:
    """The window of an adaptive pooling whose input is a multiple of its output; else its widest window."""
    stride = size // output or 1
    return Window(max(1, size - (output - 1) * stride), stride)


def _text(windows: Windows) -> str:
    """``"3x3, stride 2, padding 1"``, without what is PyTorch's default."""

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
