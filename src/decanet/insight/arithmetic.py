"""How one number of a forward pass came about: the numbers that a step multiplied, summed, compared or passed on.

:func:`explain` gives the terms of one step as plain values; :func:`trace_back` follows a number back to the
convolution or linear layer that it began with. The result computed from the terms is the network's own number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from decanet.core.errors import UsageError
from decanet.insight.steps import Input, Recording, Step

Index = tuple[
    int, ...
]  # (channel, row, column) of feature maps, (number,) of a vector; without the batch axis
LONGEST = 8  # steps of :func:`trace_back`


@dataclass(frozen=True)
class Explained:
    """One number of one step.

    Attributes:
        step: number of the step.
        kind: ``"convolution"``, ``"linear"``, ``"batch_norm"``, ``"layer_norm"``, ``"activation"``, ``"max_pool"``,
            ``"average_pool"``, ``"local_response_norm"``, ``"add"``, ``"multiply"``, ``"concatenate"``, ``"scale"``,
            ``"shift"``, ``"pad"``, ``"copy"``, or ``"other"`` where the terms are not shown.
        index: of the number in the step's output.
        value: the number.
        terms: what it was computed from, by name; arrays are float32. See the functions of this module.
        before: step and index of the number to follow further back; None where there are many.
    """

    step: int
    kind: str
    index: Index
    value: float
    terms: Mapping[str, Any]
    before: tuple[int, Index] | None = None


Terms = tuple[str, dict[str, Any], tuple[int, Index] | None]
_EXPLAINERS: dict[str, Callable[[Recording, Step, Index], Terms]] = {}


def explain(recording: Recording, number: int, index: Index) -> Explained:
    """Explain the number at ``index`` of the output of step ``number``.

    Raises:
        UsageError: there is no such step, or no such number in its output.
    """
    if not 0 <= number < len(recording.steps):
        raise UsageError(f"there is no step {number}: the network has {len(recording.steps)}, from 0")
    step = recording.steps[number]
    shape = tuple(step.output.shape[1:])
    if len(index) != len(shape) or not all(0 <= i < n for i, n in zip(index, shape, strict=True)):
        raise UsageError(f"there is no number {index} in an output of shape {shape}")
    kind, terms, before = _EXPLAINERS.get(step.operation, _other)(recording, step, index)
    return Explained(number, kind, index, float(step.output[0][index]), terms, before)


def trace_back(recording: Recording, number: int, index: Index) -> list[Explained]:
    """Explain a number, and those that it came from one by one, the last step first.

    It ends at the first step that combines many numbers (a convolution, a linear layer, an average); a pooling is
    followed to the greatest number of its window, a sum of two branches to the one that was computed last.
    """
    found = [explain(recording, number, index)]
    while (before := found[-1].before) is not None and before[0] >= 0 and len(found) < LONGEST:
        found.append(explain(recording, *before))
    return found


def _explains(*operations: str) -> Callable[[Callable[..., Terms]], Callable[..., Terms]]:
    def register(explainer: Callable[..., Terms]) -> Callable[..., Terms]:
        _EXPLAINERS.update(dict.fromkeys(operations, explainer))
        return explainer

    return register


def _source(recording: Recording, step: Step, argument: int = 0) -> tuple[int, Tensor]:
    """Number and output, without the batch axis, of the step that an argument stands for."""
    given = step.arguments[argument]
    assert isinstance(given, Input)
    return given.number, recording.output(given.number)[0]


def _array(values: Tensor) -> np.ndarray:
    return values.detach().float().cpu().numpy()


@_explains("convolution")
def _convolution(recording: Recording, step: Step, index: Index) -> Terms:
    """``patch`` and ``weights`` (C, kh, kw), ``sums`` (C,) over each channel, ``bias``; ``first`` channel of a group.

    ``top`` and ``left`` are the window's corner in the input, below 0 in the padding; ``dilation`` (down, right).
    """
    number, maps = _source(recording, step)
    _, weight, bias, stride, padding, dilation, _, _, groups = step.arguments[:9]
    channel, row, column = index
    own = weight[channel]
    first = channel // (weight.shape[0] // groups) * own.shape[0]
    top, left = row * stride[0] - padding[0], column * stride[1] - padding[1]
    rows, columns = ([at + i * d for i in range(n)] for at, d, n in zip((top, left), dilation, own.shape[1:]))
    patch = torch.zeros_like(own)
    inside_rows = [i for i, y in enumerate(rows) if 0 <= y < maps.shape[1]]
    inside_columns = [j for j, x in enumerate(columns) if 0 <= x < maps.shape[2]]
    if inside_rows and inside_columns:
        i, j = torch.tensor(inside_rows), torch.tensor(inside_columns)
        picked = maps[first : first + own.shape[0]][:, [rows[k] for k in inside_rows]]
        patch[:, i[:, None], j] = picked[:, :, [columns[k] for k in inside_columns]]
    terms = {
        "patch": _array(patch), "weights": _array(own), "sums": _array((patch * own).sum((1, 2))),
        "bias": 0.0 if bias is None else float(bias[channel]), "first": first, "top": top, "left": left,
        "dilation": list(dilation), "source": number,
    }  # fmt: skip
    return "convolution", terms, None


@_explains("addmm", "mm")
def _linear(recording: Recording, step: Step, index: Index) -> Terms:
    """``inputs`` and ``weights`` (features,), ``bias``."""
    given = step.arguments[-2:] if step.operation == "mm" else step.arguments[1:3]
    bias = step.arguments[0] if step.operation == "addmm" else None
    if len(index) != 1 or not isinstance(given[0], Input) or isinstance(given[1], Input):
        return _other(recording, step, index)
    inputs = recording.output(given[0].number)[0]
    weights = given[1][:, index[0]]
    terms = {
        "inputs": _array(inputs), "weights": _array(weights), "source": given[0].number,
        "bias": 0.0 if not isinstance(bias, Tensor) else float(bias[index[0]]),
    }  # fmt: skip
    return "linear", terms, None


@_explains("native_batch_norm", "_native_batch_norm_legit_no_training")
def _batch_norm(recording: Recording, step: Step, index: Index) -> Terms:
    """``x``, the channel's ``mean`` and ``variance`` in training, ``epsilon``, ``weight`` and ``bias``."""
    number, maps = _source(recording, step)
    _, weight, bias, mean, variance = step.arguments[:5]
    c = index[0]
    terms = {
        "x": float(maps[index]), "mean": float(mean[c]), "variance": float(variance[c]),
        "epsilon": float(step.arguments[-1]), "weight": 1.0 if weight is None else float(weight[c]),
        "bias": 0.0 if bias is None else float(bias[c]),
    }  # fmt: skip
    return "batch_norm", terms, (number, index)


@_explains("native_layer_norm")
def _layer_norm(recording: Recording, step: Step, index: Index) -> Terms:
    """As of a batch normalization; ``mean`` and ``variance`` are those of one position over its channels."""
    number, values = _source(recording, step)
    _, _, weight, bias, epsilon = step.arguments[:5]
    row = values[index[:-1]].double()
    terms = {
        "x": float(values[index]), "mean": float(row.mean()), "variance": float(row.var(unbiased=False)),
        "epsilon": float(epsilon), "weight": 1.0 if weight is None else float(weight[index[-1]]),
        "bias": 0.0 if bias is None else float(bias[index[-1]]),
    }  # fmt: skip
    return "layer_norm", terms, (number, index)


@_explains("relu", "gelu", "sigmoid", "tanh", "hardtanh")
def _activation(recording: Recording, step: Step, index: Index) -> Terms:
    """``x`` and the ``function`` in words."""
    number, values = _source(recording, step)
    return "activation", {"x": float(values[index]), "function": step.name}, (number, index)


@_explains("max_pool2d_with_indices", "max_pool2d", "avg_pool2d")
def _pool(recording: Recording, step: Step, index: Index) -> Terms:
    """``window`` (kh, kw), NaN where it reaches beyond the map; ``top`` and ``left``; ``divisor`` of a mean."""
    number, maps = _source(recording, step)
    maximum = step.operation.startswith("max")
    arguments = [list(a) if isinstance(a, tuple) else a for a in step.arguments]
    kernel = arguments[1]
    stride = arguments[2] if len(arguments) > 2 and arguments[2] else kernel
    padding = arguments[3] if len(arguments) > 3 and arguments[3] else [0, 0]
    high, wide, *_ = kernel * 2
    channel, row, column = index
    top = row * (stride * 2)[0] - (padding * 2)[0]
    left = column * (stride * 2)[1] - (padding * 2)[1]
    counted = maximum or (
        arguments[5] if len(arguments) > 5 else True
    )  # whether zeros of the padding count in a mean
    area = (min(top + high, maps.shape[1] + (padding * 2)[0]) - top) * (
        min(left + wide, maps.shape[2] + (padding * 2)[1]) - left
    )
    return _windowed(
        number, maps[channel], channel, (top, left, high, wide), maximum, area if counted else None
    )


@_explains("_adaptive_avg_pool2d", "adaptive_avg_pool2d", "adaptive_max_pool2d", "mean", "amax")
def _adaptive_pool(recording: Recording, step: Step, index: Index) -> Terms:
    """As of a pooling with a window."""
    number, maps = _source(recording, step)
    if maps.ndim != 3 or (step.output.ndim == 2 and len(step.output[0]) != len(maps)):
        return _other(recording, step, index)
    size = (*step.output.shape[2:], 1, 1)[:2] if step.output.ndim == 4 else (1, 1)
    at = (*index[1:], 0, 0)[:2]
    starts = [i * n // s for i, n, s in zip(at, maps.shape[1:], size)]
    stops = [-(-(i + 1) * n // s) for i, n, s in zip(at, maps.shape[1:], size)]
    box = (*starts, stops[0] - starts[0], stops[1] - starts[1])
    return _windowed(number, maps[index[0]], index[0], box, "max" in step.operation, None)


def _windowed(
    source: int,
    values: Tensor,
    channel: int,
    box: tuple[int, int, int, int],
    maximum: bool,
    divisor: int | None,
) -> Terms:
    top, left, high, wide = box
    window = torch.full((high, wide), torch.nan)
    rows, columns = (
        range(max(0, at), min(n, at + extent))
        for at, n, extent in zip((top, left), values.shape, (high, wide))
    )
    inside = values[rows.start : rows.stop, columns.start : columns.stop]
    window[rows.start - top : rows.stop - top, columns.start - left : columns.stop - left] = inside
    where = int(inside.argmax())
    position = (rows.start + where // inside.shape[1], columns.start + where % inside.shape[1])
    terms: dict[str, Any] = {"window": _array(window), "top": top, "left": left, "source": source}
    if maximum:
        return "max_pool", terms | {"position": list(position)}, (source, (channel, *position))
    return "average_pool", terms | {"divisor": divisor or inside.numel()}, None


@_explains("local_response_norm")
def _local_response_norm(recording: Recording, step: Step, index: Index) -> Terms:
    """``x``, the ``neighbors`` of its channel at its position, from channel ``first``; ``k``, ``alpha``, ``beta``.

    ``alpha`` multiplies the sum of squares, as in the paper.
    """
    number, maps = _source(recording, step)
    _, k, size, alpha, beta = step.arguments
    channel, row, column = index
    first = max(0, channel - size // 2)
    neighbors = maps[first : channel + (size - 1) // 2 + 1, row, column]
    terms = {
        "x": float(maps[index]), "neighbors": _array(neighbors), "first": first,
        "k": float(k), "alpha": float(alpha), "beta": float(beta),
    }  # fmt: skip
    return "local_response_norm", terms, (number, index)


@_explains("add", "mul", "div")
def _elementwise(recording: Recording, step: Step, index: Index) -> Terms:
    """``values`` of the maps that are added or multiplied, and their steps; of a scale ``x`` and the ``factor``."""
    given = [a for a in step.arguments if isinstance(a, Input | Tensor | int | float)][:2]
    maps = [a for a in given if isinstance(a, Input)]
    if len(given) < 2:
        return _other(recording, step, index)
    values = [_at(recording.output(a.number)[0] if isinstance(a, Input) else a, index) for a in given]
    if len(maps) == 2:
        kind = {"add": "add", "mul": "multiply"}.get(step.operation, "other")
        sources = [each.number for each in maps]
        # The branch that was computed last is followed; the shortcut, or the signal before its gate, is the other one.
        later = max(sources)
        followed = recording.output(later).shape == step.output.shape and kind == "add"
        return kind, {"values": values, "sources": sources}, (later, index) if followed else None
    x, factor = (values[0], values[1]) if isinstance(given[0], Input) else (values[1], values[0])
    terms = {"x": x, "factor": 1 / factor if step.operation == "div" else factor}
    before = (maps[0].number, index)
    if step.operation == "add":
        return "shift", {"x": x, "summand": factor}, before
    return "scale", terms, before


def _at(values: Tensor | float, index: Index) -> float:
    """The number that is broadcast to ``index``."""
    if not isinstance(values, Tensor) or values.ndim == 0:
        return float(values)
    own = (
        index[len(index) - values.ndim :]
        if values.ndim <= len(index)
        else (0,) * (values.ndim - len(index)) + index
    )
    return float(values[tuple(i if n > 1 else 0 for i, n in zip(own, values.shape))])


@_explains("cat")
def _concatenate(recording: Recording, step: Step, index: Index) -> Terms:
    """``sources``, the ``channels`` of each, and ``part``: from which of them this channel comes."""
    parts = [part.number for part in step.arguments[0] if isinstance(part, Input)]
    channels = [recording.output(number).shape[1] for number in parts]
    dimension = step.arguments[1] if len(step.arguments) > 1 else 0
    if dimension != 1 or len(parts) != len(step.arguments[0]):
        return _other(recording, step, index)
    start, part = 0, 0
    while index[0] >= start + channels[part]:
        start += channels[part]
        part += 1
    terms = {"sources": parts, "channels": channels, "part": part}
    return "concatenate", terms, (parts[part], (index[0] - start, *index[1:]))


@_explains(
    "view", "_unsafe_view", "reshape", "_reshape_alias", "squeeze", "unsqueeze", "clone", "alias", "detach"
)
def _reshape(recording: Recording, step: Step, index: Index) -> Terms:
    """``source`` and the index there: the order of the numbers stays, only their shape changes."""
    number, values = _source(recording, step)
    if values.numel() != step.output[0].numel():
        return _other(recording, step, index)
    flat = int(np.ravel_multi_index(index, tuple(step.output.shape[1:])))
    origin = tuple(int(i) for i in np.unravel_index(flat, tuple(values.shape)))
    return "copy", {"origin": list(origin), "source": number}, (number, origin)


@_explains("constant_pad_nd")
def _pad(recording: Recording, step: Step, index: Index) -> Terms:
    """Nothing where the number is padding; else as of a copy."""
    number, values = _source(recording, step)
    before = step.arguments[1][::2]  # for the last axis first
    origin = list(index)
    for axis, padding in enumerate(before, 1):
        origin[-axis] -= padding
    if all(0 <= i < n for i, n in zip(origin, values.shape)):
        return "copy", {"origin": origin, "source": number}, (number, tuple(origin))
    return "pad", {"value": float(step.output[0][index])}, None


@_explains("slice")
def _slice(recording: Recording, step: Step, index: Index) -> Terms:
    """As of a copy: every so many numbers along one axis are taken, as in a shortcut without parameters."""
    number, _ = _source(recording, step)
    given = step.arguments[1:]
    axis, start, every = (given[i] if len(given) > i else default for i, default in ((0, 0), (1, 0), (3, 1)))
    origin = list(index)
    if axis > 0:
        origin[axis - 1] = (start or 0) + origin[axis - 1] * every
    return "copy", {"origin": origin, "source": number}, (number, tuple(origin))


def _other(_: Recording, step: Step, __: Index) -> Terms:
    """Nothing: the terms of this operation are not shown."""
    return "other", {"operation": step.name}, None


def receptive_box(step: Step, index: Index, image_size: Sequence[int]) -> tuple[int, int, int, int]:
    """Return the pixels that a number depends on: (top, left, bottom, right), the last ones included."""
    height, width = image_size
    if step.fields is None or len(index) != 3:
        return 0, 0, height - 1, width - 1
    (top, bottom), (left, right) = (field.pixels(i) for field, i in zip(step.fields, index[1:]))
    return max(0, int(top)), max(0, int(left)), min(height - 1, int(bottom)), min(width - 1, int(right))
