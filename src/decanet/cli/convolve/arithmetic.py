"""``decanet convolve arithmetic``: one layer's sizes and costs, worked out as on paper."""

from dataclasses import asdict
from typing import Annotated

from cyclopts import Parameter

from decanet.cli._shared import JsonFlag, print_json
from decanet.convolution.arithmetic import Cost, Window, convolution_cost, output_size, receptive_field
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
    """Explain the output size, receptive field and cost of a layer, step by step.

    All sizes are one side of a square image or kernel, in pixels. Costs are counted in multiply-adds.

    For example AlexNet's first layer, and a pooling; `--in-channels 3 --out-channels 64` adds a layer's cost:

    ```
    decanet convolve arithmetic --input 224 --kernel 11 --stride 4 --padding 2
    decanet convolve arithmetic --input 56 --kernel 3 --pool --ceil-mode
    ```

    Args:
        input: Side of the image.
        kernel: Side of the kernel or pooling window.
        stride: Pixels from one window to the next; 1 by default, for a pooling its kernel.
        padding: Places added at each side.
        dilation: Distance between the pixels that the window reads.
        pool: A pooling instead of a convolution.
        ceil_mode: Let the last pooling window reach over the end.
        in_channels: Channels of the input, to count parameters and multiply-adds.
        out_channels: Channels of the output.
        groups: Independent parts of the channels.
        bias: Whether each output channel has a bias.
    """
    if pool:
        if (in_channels, out_channels, groups, bias) != (None, None, 1, True):
            raise UsageError("a pooling has no weights to count; leave out channels, groups and bias")
        window = Window.pooling(kernel, stride, padding, dilation, ceil_mode)
    else:
        if ceil_mode:
            raise UsageError("a convolution always rounds down; --ceil-mode belongs to --pool")
        window = Window(kernel, 1 if stride is None else stride, padding, dilation)
    size = output_size(input, window)
    steps = _size_steps(input, window, size, pool)
    cost = Cost(params=0, macs=0) if pool else None
    if in_channels is not None and out_channels is not None:
        cost = convolution_cost(
            in_channels, out_channels, (kernel, kernel), (size, size), groups=groups, bias=bias
        )
        steps += _cost_steps(in_channels, out_channels, kernel, size, groups, bias, cost)
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


def _size_steps(pixels: int, window: Window, size: int, pool: bool) -> list[str]:
    """How the output size and the receptive field come about, a line a thought."""
    kernel, stride, padding, dilation = window.kernel, window.stride, window.padding, window.dilation
    layer = "pooling" if pool else "convolution"
    places = pixels + 2 * padding
    room = places - window.span
    steps = [f"A {layer} with kernel {kernel} and stride {stride}, on one side of {pixels:,} pixels.", ""]
    if padding:
        steps.append(f"1. Padding adds {padding} at each end: {pixels} + 2*{padding} = {places} places.")
    else:
        steps.append(f"1. There is no padding: the row has {_count(places, 'place')}.")
    if dilation > 1:
        steps.append(
            f"2. With dilation {dilation} the window reads places {dilation} apart: "
            f"its {kernel} span {dilation}*({kernel} - 1) + 1 = {window.span} places."
        )
    else:
        steps.append(f"2. The window spans {_count(window.span, 'place')}.")
    if room >= 0:
        further = f"{places} - {window.span} = {_count(room, 'place')}"
        steps.append(f"3. From its first position it can move on by {further}.")
        steps += _moves(window, size, room)
        steps.append(f"5. The first position counts too: {size - 1} + 1 = {size}.")
    else:  # only ceil_mode comes here
        steps.append(
            f"3. That is {-room} more than there are. But with --ceil-mode a window may reach over the end, "
            f"by less than one stride ({stride}): it stands in 1 position."
        )
    rounding = "ceil" if window.ceil_mode else "floor"
    span = f"{dilation}*({kernel} - 1) - 1" if dilation > 1 else f"{kernel}"
    dropped = " - 1 (the dropped window)" if window.ceil_mode and -(-room // stride) >= size else ""
    field = receptive_field([window])
    holes = f" ({kernel} of them, with holes between)" if dilation > 1 else ""
    in_padding = f", {padding} into the padding" if padding else ""
    return [
        *steps,
        "",
        f"Output size: {rounding}(({pixels} + 2*{padding} - {span}) / {stride}) + 1{dropped} = {size}",
        f"A {pixels}x{pixels} image gives {size}x{size} feature maps.",
        "",
        f"Receptive field of one output: {_count(field.size, 'pixel')} of a row{holes}.",
        f"Those of neighboring outputs lie {_count(field.jump, 'pixel')} apart; "
        f"the first begins at pixel {field.offset}{in_padding} (the image begins at pixel 0).",
    ]


def _moves(window: Window, size: int, room: int) -> list[str]:
    """Step 4: how many strides fit, which way the rounding goes, and what is left over."""
    moves = size - 1
    left = room - moves * window.stride
    division = f"4. Each move is {_count(window.stride, 'place')}: {room} / {window.stride} = "
    if left == 0:
        return [f"{division}{_count(moves, 'move')} exactly; nothing is left over."]
    division += f"{round(room / window.stride, 2):,}, rounded {'up' if window.ceil_mode else 'down'} to "
    if left < 0:
        over = f"   With --ceil-mode the last window may reach over the end: by {_count(-left, 'place')}."
        return [f"{division}{_count(moves, 'move')}.", over]
    lost = max(0, left - window.padding)
    unread = f"{_count(lost, 'pixel')} of the image" if lost else "padding, no pixel of the image"
    rest = f"   Left over at the end, never read: {_count(left, 'place')} ({unread})."
    if window.ceil_mode:
        return [
            f"{division}{_count(-(-room // window.stride), 'move')}.",
            f"   But the last window would begin beyond the last pixel: it is dropped, {moves} remain.",
            rest,
        ]
    return [f"{division}{_count(moves, 'move')}.", rest]


def _cost_steps(
    in_channels: int, out_channels: int, kernel: int, size: int, groups: int, bias: bool, cost: Cost
) -> list[str]:
    """How the parameters and the multiply-adds come about."""
    seen = in_channels // groups
    weights = seen * kernel * kernel
    share = f"{groups} groups: a kernel sees {in_channels} / {groups} = {_count(seen, 'channel')}."
    one_kernel = f"{_count(seen, 'channel')} * {kernel} * {kernel} = {_count(weights, 'weight')}"
    return [
        "",
        *([share] if groups > 1 else []),
        f"One kernel: {one_kernel}{' + 1 bias' if bias else ''}.",
        f"Parameters: {_count(out_channels, 'kernel')} * {weights + bias:,} = {cost.params:,}.",
        f"Multiply-adds for one image: {out_channels} * {_count(weights, 'weight')} * {size} * {size} "
        f"positions = {cost.macs:,} (biases are not counted).",
    ]


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
