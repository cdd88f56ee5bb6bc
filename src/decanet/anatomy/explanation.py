"""The arithmetic of a layer in sentences: why its output has this size, and why it costs what it costs."""

import math

from decanet.anatomy.trace import Layer


def explain(layer: Layer) -> str:
    """Explain the output size, the parameters and the multiply-adds of a layer; empty where nothing needs it."""
    output, image = layer.output_shape, layer.input_shape
    if layer.operation.startswith("conv") and layer.windows and len(output) == 3:
        return f"{_output_size(layer)} {_convolution(layer)}"
    if layer.windows and len(output) == len(image) == 3:
        return f"{_output_size(layer)} Each of the {output[0]} feature maps is pooled alone; no parameters."
    if layer.windows and len(image) == 3 and len(output) == 1:
        channels, height, width = image
        return f"Each of the {channels} feature maps of {height}x{width} becomes one number; no parameters."
    if layer.operation == "flatten" and len(image) == 3:
        channels, height, width = image
        return (
            f"{channels} feature maps of {height}x{width} become one row of "
            f"{channels}*{height}*{width} = {math.prod(image)} numbers: (N, {channels}, {height}, {width}) becomes "
            f"(N, {math.prod(image)})."
        )
    if layer.operation == "linear" and len(output) == len(image) == 1:
        bias = f" + {output[0]} biases" if layer.params == math.prod(image + output) + output[0] else ""
        return (
            f"Each of the {output[0]} outputs is a weighted sum of all {image[0]} inputs: "
            f"{image[0]}*{output[0]}{bias} = {layer.params:,} parameters; each weight is used once."
        )
    if layer.operation == "concatenate" and len(output) == 3:
        return f"The feature maps of the branches are stacked: {output[0]} feature maps."
    return ""


def _output_size(layer: Layer) -> str:
    assert layer.windows is not None  # the caller makes sure
    (high, wide), (_, height, width) = layer.windows, layer.input_shape
    if (high, height) != (wide, width):
        return f"Height and width: {layer.formula}."
    step = f"moves by {high.stride} pixels" if high.stride > 1 else "moves pixel by pixel"
    pixels = "1 pixel" if high.padding == 1 else f"{high.padding} pixels"
    padded = f" with {pixels} of padding at each end" if high.padding else ""
    return (
        f"A window of {high.kernel} {step} along {height} pixels{padded}: it has {layer.formula} positions."
    )


def _convolution(layer: Layer) -> str:
    assert layer.windows is not None
    (high, wide), (filters, height, width) = layer.windows, layer.output_shape
    depth = layer.input_shape[0] // layer.groups
    weights = filters * depth * high.kernel * wide.kernel
    bias = " and a bias" if layer.params == weights + filters else ""
    groups = (
        f" ({layer.groups} groups: each filter reads 1/{layer.groups} of the channels)"
        if layer.groups > 1
        else ""
    )
    return (
        f"{filters} filters of {high.kernel}x{wide.kernel}x{depth} weights{bias} each{groups}: "
        f"{layer.params:,} parameters. Each weight is used at all {height}x{width} positions: "
        f"{layer.macs:,} multiply-adds."
    )
