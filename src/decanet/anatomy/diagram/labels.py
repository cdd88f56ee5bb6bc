"""Texts and kinds of the boxes of a diagram: kernel sizes, channels, strides, groups."""

import re
from collections.abc import Sequence

from torch import Tensor, nn

from decanet.anatomy.operations import Operation

JOINS = {"add", "multiply", "concatenate", "matrix product"}
ACTIVATIONS = {"ReLU", "GELU", "sigmoid", "tanh", "softmax"}

_FUNCTIONS: tuple[tuple[type[nn.Module] | tuple[type[nn.Module], ...], str], ...] = (
    ((nn.BatchNorm1d, nn.BatchNorm2d, nn.SyncBatchNorm), "batch norm"),
    (nn.LocalResponseNorm, "response norm"),
    (nn.LayerNorm, "layer norm"),
    (nn.GroupNorm, "group norm"),
)


def function_of(module: nn.Module) -> tuple[str, str] | None:
    """Return (kind, text) of a layer that its class tells: normalization, dropout, activation; else None."""
    for classes, text in _FUNCTIONS:
        if isinstance(module, classes):
            return "norm", text
    name = type(module).__name__
    if isinstance(module, nn.Dropout | nn.Dropout2d):
        return ("dropout", f"dropout {module.p:g}") if module.p else ("dropout", "")
    if name.endswith("Norm"):
        return "norm", re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()
    if type(module).__module__ == "torch.nn.modules.activation" and not isinstance(
        module, nn.MultiheadAttention
    ):
        return "activation", {"Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax"}.get(name, name)
    return None


def count_label(operation: Operation, inputs: Sequence[Tensor], output: Tensor) -> tuple[str, str]:
    """Return (kind, text) of an operation; the text is empty where a diagram shows nothing.

    Args:
        operation: what it is.
        inputs: those of its arguments that depend on the image.
        output: what it returned.
    """
    name = operation.name
    if name.startswith("conv"):
        return "conv", window_label("conv", operation, inputs, output)
    if name == "linear":
        return "linear", f"linear, {output.shape[-1]}"
    if name == "attention":
        return "attention", f"attention, {output.shape[1]} heads" if output.ndim == 4 else "attention"
    if name in JOINS:
        return "join", name
    if name in ACTIVATIONS:
        return "activation", name
    if "identity" in name or name == "flatten":
        return "other", ""
    if "pool" in name:
        kind = "max pool" if "max" in name else "average pool"
        windows = operation.windows
        whole = windows is not None and tuple(w.kernel for w in windows) == tuple(inputs[0].shape[2:])
        return "pool", f"global {kind}" if whole else window_label(kind, operation, inputs, output)
    return "other", name


def window_label(kind: str, operation: Operation, inputs: Sequence[Tensor], output: Tensor) -> str:
    """Return for instance ``"3×3 conv, 64, stride 2"``; poolings keep the channels and do not state them."""
    assert operation.windows is not None
    high, wide = operation.windows
    text, groups = f"{high.kernel}×{wide.kernel} {kind}", ""
    channels = output.shape[1]
    if "pool" not in kind:
        text += f", {channels}"
        if operation.groups == channels == inputs[0].shape[1] > 1:
            text = f"{high.kernel}×{wide.kernel} depthwise conv, {channels}"
        elif operation.groups > 1:
            groups = f", {operation.groups} groups"
    if (high.stride, wide.stride) != (1, 1):
        text += f", stride {high.stride if high.stride == wide.stride else f'{high.stride}×{wide.stride}'}"
    if (high.dilation, wide.dilation) != (1, 1):
        text += f", dilation {high.dilation}"
    return text + groups
