"""Summary of a network: its layers with shapes, parameters, multiply-adds and receptive fields, and the totals."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import nn

from decanet.anatomy.explanation import explain
from decanet.anatomy.meta_forward import build_on_meta, input_size_for
from decanet.anatomy.narrative import narrate
from decanet.anatomy.trace import Layer, trace


@dataclass(frozen=True)
class Summary:
    """What a network is and costs for one image. ``str(summary)`` is a table of the layers and the totals.

    Attributes:
        network: its registered name, or its class.
        input_size: (C, H, W) of the image.
        output_shape: shape of the output, batch axis included: (1, num_classes).
        layers: in the order in which they run; see :class:`decanet.anatomy.trace.Layer` for the fields of a row.
        params: all parameters.
        params_frozen: those of them that training does not change (``requires_grad=False``).
        params_training_only: those of them that only training uses (auxiliary classifiers).
        macs: multiply-adds for one image.
        depth: convolutions and linear layers on the longest path from image to output.
        parameter_bytes: memory of the parameters in their data type.
        activation_bytes: memory of all feature maps of one image in float32, as training has to keep them.
    """

    network: str
    input_size: tuple[int, int, int]
    output_shape: tuple[int, ...]
    layers: tuple[Layer, ...]
    params: int
    params_frozen: int
    params_training_only: int
    macs: int
    depth: int
    parameter_bytes: int
    activation_bytes: int

    def __str__(self) -> str:
        size = "x".join(map(str, self.input_size))
        lines = [
            f"{self.network}: (1, {', '.join(map(str, self.input_size))}) -> {self.output_shape}",
            f"{self.params:,} parameters, {self.macs:,} multiply-adds for one {size} image, "
            f"{self.depth} weighted layers deep",
            f"memory: {_memory(self.parameter_bytes)} for parameters, "
            f"{_memory(self.activation_bytes)} for feature maps in float32",
        ]
        if self.params_frozen:
            lines.append(f"{self.params_frozen:,} of the parameters are frozen.")
        if self.params_training_only:
            lines.append(f"{self.params_training_only:,} of the parameters are used in training only.")
        return "\n".join([*_table(self.layers), "", *lines])

    @property
    def explanation(self) -> str:
        """The network in words: its idea, the arithmetic of its layers, its cost and its memory, in sections."""
        return narrate(self.network, self.input_size, self.output_shape, self.layers, self.params, self.macs)

    def to_dict(self) -> dict[str, Any]:
        """Return all fields as plain values, for JSON; each layer with its ``formula`` and ``explanation``."""
        layers = [
            dataclasses.asdict(layer) | {"formula": layer.formula, "explanation": explain(layer)}
            for layer in self.layers
        ]
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)} | {
            "layers": layers
        }


def summarize(model: nn.Module | str, input_size: tuple[int, ...] | None = None) -> Summary:
    """Summarize a network, layer by layer, from a shape-only forward pass.

    Nothing is computed but shapes, so large networks and images take a fraction of a second and no memory.

    >>> summarize("alexnet").macs
    714188480
    >>> summarize(nn.Conv2d(3, 64, kernel_size=11, stride=4), (3, 227, 227)).output_shape
    (1, 64, 55, 55)

    Args:
        model: any network for images, which is left as it is, or a registered name.
        input_size: (C, H, W) of the image; a registered network's own by default.

    Raises:
        UsageError: unknown name, no image size, or none given for a network that is not registered.
        DataError: the image does not fit the network.
    """
    size = input_size_for(model, input_size)
    if isinstance(model, str):
        model = build_on_meta(model)
    traced, params = trace(model, size), list(model.parameters())
    return Summary(
        network=traced.network,
        input_size=size,
        output_shape=traced.output_shape,
        layers=traced.layers,
        params=traced.params,
        params_frozen=sum(p.numel() for p in params if not p.requires_grad),
        params_training_only=traced.params_training_only,
        macs=traced.macs,
        depth=traced.depth,
        parameter_bytes=sum(p.numel() * p.element_size() for p in params),
        activation_bytes=traced.activation_bytes,
    )


_COLUMNS = (
    "stage", "layer", "operation", "output", "parameters", "multiply-adds", "receptive field", "feature maps",
)  # fmt: skip
_TEXT_COLUMNS = 4  # the numbers behind them are aligned to the right


def _table(layers: Sequence[Layer]) -> list[str]:
    """The names of the columns, a rule, and a line for each layer; a stage is named in its first line."""
    rows: list[tuple[str, ...]] = [_COLUMNS]
    stage = ""
    for layer in layers:
        rows.append(("" if layer.stage == stage else layer.stage, *_cells(layer)))
        stage = layer.stage
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(
            cell.ljust(width) if column < _TEXT_COLUMNS else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    return [lines[0], "-" * max(map(len, lines)), *lines[1:]]


def _cells(layer: Layer) -> tuple[str, ...]:
    field = layer.receptive_field
    return (
        layer.path,
        layer.operation,
        "x".join(map(str, layer.output_shape)),
        f"{layer.params:,}" if layer.params else "",
        f"{layer.macs:,}" if layer.macs else "",
        "whole image" if field is None else f"{field[0]}x{field[1]}",
        _memory(layer.activation_bytes) if layer.activation_bytes else "",
    )


def _memory(count: int) -> str:
    """``"20 B"``, ``"6.0 KiB"``, ``"233.1 MiB"``."""
    if count < 1024:
        return f"{count} B"
    return f"{count / 1024:.1f} KiB" if count < 2**20 else f"{count / 2**20:,.1f} MiB"
