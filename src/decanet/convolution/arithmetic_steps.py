"""The arithmetic of one layer in words: every number and where it comes from."""

from decanet.convolution.arithmetic import Cost, Window, output_size, receptive_field


def size_steps(input_size: int, window: Window, layer: str) -> list[str]:
    """Return the lines that derive the output size and the receptive field of a square layer.

    Args:
        input_size: pixels along one axis.
        window: the kernel or the pooling window.
        layer: what the lines call it, for instance ``"convolution"``.

    Raises:
        UsageError: not even one window fits.
    """
    size = output_size(input_size, window)
    kernel, stride, padding, dilation = window.kernel, window.stride, window.padding, window.dilation
    padded = input_size + 2 * padding
    room = padded - window.span
    steps = [
        f"A {layer} with kernel size {kernel} and stride {stride}, along one axis of {input_size:,} pixels.",
        "",
    ]
    if padding:
        steps.append(
            f"1. Padding adds {padding} at each end: {input_size} + 2*{padding} = {padded} positions."
        )
    else:
        steps.append(f"1. Without padding there are {_count(padded, 'position')}.")
    if dilation > 1:
        steps.append(
            f"2. With dilation {dilation} the window reads positions {dilation} apart: "
            f"its {kernel} span {dilation}*({kernel} - 1) + 1 = {window.span} positions."
        )
    else:
        steps.append(f"2. The window spans {_count(window.span, 'position')}.")
    if room >= 0:
        further = f"{padded} - {window.span} = {_count(room, 'position')}"
        steps.append(f"3. From its first position the window can move by {further}.")
        steps += _moves(window, size, room)
        steps.append(f"5. The first position counts too: {size - 1} + 1 = {size}.")
    else:  # only with ceil_mode
        steps.append(
            f"3. That is {-room} more than there are. But with --ceil-mode a window may reach over the end, "
            f"by less than one stride ({stride}): there is 1 window."
        )
    rounding = "ceil" if window.ceil_mode else "floor"
    span = f"{dilation}*({kernel} - 1) - 1" if dilation > 1 else f"{kernel}"
    dropped = " - 1 (the dropped window)" if window.ceil_mode and -(-room // stride) >= size else ""
    field = receptive_field([window])
    gaps = f" ({kernel} of them, with gaps between)" if dilation > 1 else ""
    in_padding = f", {padding} into the padding" if padding else ""
    return [
        *steps,
        "",
        f"Output size: {rounding}(({input_size} + 2*{padding} - {span}) / {stride}) + 1{dropped} = {size}",
        f"An image of {input_size}x{input_size} pixels gives feature maps of {size}x{size}.",
        "",
        f"Receptive field of one output: {_count(field.size, 'pixel')} along an axis{gaps}.",
        f"Those of neighboring outputs lie {_count(field.jump, 'pixel')} apart; "
        f"the first begins at pixel {field.offset}{in_padding} (the image begins at pixel 0).",
    ]


def _moves(window: Window, size: int, room: int) -> list[str]:
    """Step 4: how many strides fit, how the quotient is rounded, and what is left over."""
    moves = size - 1
    left = room - moves * window.stride
    division = f"4. Each move is {_count(window.stride, 'position')}: {room} / {window.stride} = "
    if left == 0:
        return [f"{division}{_count(moves, 'move')} exactly; nothing is left over."]
    division += f"{round(room / window.stride, 2):,}, rounded {'up' if window.ceil_mode else 'down'} to "
    if left < 0:
        over = f"   With --ceil-mode the last window may reach over the end: by {_count(-left, 'position')}."
        return [f"{division}{_count(moves, 'move')}.", over]
    lost = max(0, left - window.padding)
    unread = f"{_count(lost, 'pixel')} of the image" if lost else "padding, no pixel of the image"
    rest = f"   Left over at the end, never read: {_count(left, 'position')} ({unread})."
    if window.ceil_mode:
        return [
            f"{division}{_count(-(-room // window.stride), 'move')}.",
            f"   But the last window would begin beyond the last pixel: it is dropped, {moves} remain.",
            rest,
        ]
    return [f"{division}{_count(moves, 'move')}.", rest]


def cost_steps(
    in_channels: int, out_channels: int, kernel: int, size: int, groups: int, bias: bool, cost: Cost
) -> list[str]:
    """Return the lines that derive ``cost``, the parameters and multiply-adds of a square convolution.

    Args:
        in_channels: C of the input.
        out_channels: C of the output.
        kernel: kernel size.
        size: output size.
        groups: groups of channels.
        bias: whether each output channel has a bias.
        cost: what :func:`~decanet.convolution.arithmetic.convolution_cost` gives for them.
    """
    per_group = in_channels // groups
    weights = per_group * kernel * kernel
    one_filter = f"{_count(per_group, 'channel')} * {kernel} * {kernel} = {_count(weights, 'weight')}"
    steps = [
        f"One filter: {one_filter}{' + 1 bias' if bias else ''}.",
        f"Parameters: {_count(out_channels, 'filter')} * {weights + bias:,} = {cost.params:,}.",
        f"Multiply-adds for one image: {out_channels} * {_count(weights, 'weight')} * {size} * {size} "
        f"positions = {cost.macs:,} (biases are not counted).",
    ]
    if groups > 1:
        steps.insert(
            0, f"{groups} groups: a filter has {in_channels} / {groups} = {_count(per_group, 'channel')}."
        )
    return steps


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
