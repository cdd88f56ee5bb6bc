"""``decanet convolve arithmetic``: the size, the receptive field and the cost of one layer, step by step."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from decanet.cli._shared import JsonFlag, print_json
from decanet.convolution.arithmetic import Cost, Window, convolution_cost, output_size, receptive_field
from decanet.convolution.arithmetic_steps import cost_steps, size_steps
from decanet.core.errors import UsageError


def command(
    *,
    input: int,
    kernel: int,
    stride: int | None = None,
    padding: int = 0,
    dilation: int = 1,
    pool: Annotated[bool, Parameter(negative=())] = False,
    ceil_mode: Annotated[bool, Parameter(negative=())] = False,
    in_channels: int | None = None,
    out_channels: int | None = None,
    groups: int = 1,
    bias: bool = True,
    json: JsonFlag = False,
) -> None:
    """Compute the output size, the receptive field and the cost of a layer, step by step.

    Sizes are in pixels along one axis; height and width follow the same rule. Costs are multiply-adds.

    For example AlexNet's first layer, and a pooling layer; `--in-channels 3 --out-channels 64` adds the cost:

    ```
    decanet convolve arithmetic --input 224 --kernel 11 --stride 4 --padding 2
    decanet convolve arithmetic --input 56 --kernel 3 --pool --ceil-mode
    ```

    Args:
        input: Size of the image.
        kernel: Size of the kernel or of the pooling window.
        stride: Distance from one window to the next; 1 by default, and the kernel size for a pooling layer.
        padding: Pixels added at each end.
        dilation: Distance between neighboring weights of the kernel.
        pool: A pooling layer instead of a convolutional layer.
        ceil_mode: Round the output size of a pooling layer up instead of down.
        in_channels: Channels of the input, to count parameters and multiply-adds.
        out_channels: Channels of the output.
        groups: Groups of channels that are convolved separately.
        bias: Whether each output channel has a bias.
    """
    if pool:
        if (in_channels, out_channels, groups, bias) != (None, None, 1, True):
            raise UsageError("a pooling layer has no weights; leave out channels, groups and bias")
        window = Window.pooling(kernel, stride, padding, dilation, ceil_mode)
    else:
        if ceil_mode:
            raise UsageError("a convolutional layer always rounds down; use --ceil-mode with --pool")
        window = Window(kernel, 1 if stride is None else stride, padding, dilation)
    size = output_size(input, window)
    steps = size_steps(input, window, "pooling" if pool else "convolution")
    cost = Cost(params=0, macs=0) if pool else None
    if in_channels is not None and out_channels is not None:
        cost = convolution_cost(
            in_channels, out_channels, (kernel, kernel), (size, size), groups=groups, bias=bias
        )
        steps += ["", *cost_steps(in_channels, out_channels, kernel, size, groups, bias, cost)]
    elif (in_channels, out_channels, groups, bias) != (None, None, 1, True):
        raise UsageError("the cost of a convolution needs both --in-channels and --out-channels")
    if not json:
        print("\n".join(steps))
        return
    field = receptive_field([window])
    print_json(
        {
            "layer": "pooling" if pool else "convolution",
            "input": input,
            **asdict(window),
            "output_size": size,
            "receptive_field": field.size,
            "jump": field.jump,
            "offset": field.offset,
            "params": cost.params if cost else None,
            "macs": cost.macs if cost else None,
            "steps": [step for step in steps if step],
        }
    )
