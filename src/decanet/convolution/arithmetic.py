"""The arithmetic of layers: output size, receptive field and cost.

Convolution and pooling move a window of ``kernel`` positions along a row of pixels. All sizes follow from the position
of window number ``o``. Let the pixels be numbered 0 ... n-1, and let the padding continue the numbers at both ends,
-p ... -1 and n ... n-1+p. Then element ``t`` of window ``o`` reads the position

    o * stride - padding + t * dilation          t = 0 ... kernel - 1                                   (1)

Height and width follow the same rule, so all functions here take the size of one axis.

Costs are multiply-adds (MACs): a multiplication together with the addition of its product counts as one. Biases,
activations, normalization and pooling are not counted. "FLOPs" in papers often means this number, sometimes twice as
much.

Sources: V. Dumoulin, F. Visin, "A guide to convolution arithmetic for deep learning", arXiv:1603.07285
(sizes); A. Araujo, W. Norris, J. Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill,
2019 (fields).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from decanet.core.errors import UsageError


@dataclass(frozen=True)
class Window:
    """Window of a convolution or pooling along one axis.

    Attributes:
        kernel: number of positions that the window reads.
        stride: distance from one window to the next.
        padding: positions added at each end.
        dilation: distance between the positions that the window reads.
        ceil_mode: whether a last window may reach over the end (pooling only; see :func:`output_size`).

    Raises:
        UsageError: a value is no integer or too small.
    """

    kernel: int
    stride: int = 1
    padding: int = 0
    dilation: int = 1
    ceil_mode: bool = False

    def __post_init__(self) -> None:
        for name, least in {"kernel": 1, "stride": 1, "padding": 0, "dilation": 1}.items():
            _check_at_least(least, name, getattr(self, name))

    @classmethod
    def pooling(
        cls,
        kernel: int,
        stride: int | None = None,
        padding: int = 0,
        dilation: int = 1,
        ceil_mode: bool = False,
    ) -> "Window":
        """Return the window of a pooling layer, whose stride is by default its kernel size.

        Raises:
            UsageError: also for a padding of more than half the kernel size, as in PyTorch: a window could otherwise
                lie in the padding alone, which has no maximum.
        """
        window = cls(kernel, kernel if stride is None else stride, padding, dilation, ceil_mode)
        if padding > kernel // 2:
            raise UsageError(
                f"padding {padding} is more than half of the pooling kernel {kernel}; "
                f"use a padding of at most {kernel // 2}"
            )
        return window

    @property
    def span(self) -> int:
        """Extent of the window in positions: dilation * (kernel - 1) + 1.

        By (1) the last element lies dilation * (kernel - 1) positions after the first; both ends count.
        """
        return self.dilation * (self.kernel - 1) + 1


def output_size(input_size: int, window: Window) -> int:
    """Return the output size of a layer: the number of windows in a row of ``input_size`` pixels.

    Window ``o`` ends, by (1), at position o * stride - padding + span - 1, and the last position is input - 1 +
    padding. So a window fits if

        o * stride <= room        with  room = input + 2 * padding - span

    The largest such o is floor(room / stride), and counting starts at 0:

        output = floor((input + 2 * padding - span) / stride) + 1

    With ``ceil_mode`` the quotient is rounded up, so that a last window may reach over the end and no pixel is left
    out. But that window must begin at a pixel or in the padding before, o * stride - padding < input, since it would
    otherwise contain no pixel. Hence the second term, as in PyTorch:

        output = min(ceil(room / stride), floor((input + padding - 1) / stride)) + 1

    Raises:
        UsageError: no window fits; the message states which sizes would.
    """
    _check_at_least(1, "input", input_size)
    room = input_size + 2 * window.padding - window.span
    if window.ceil_mode:
        last = min(-(-room // window.stride), (input_size + window.padding - 1) // window.stride)
    else:
        last = room // window.stride
    if last < 0:
        raise UsageError(_what_would_fit(input_size, window))
    return last + 1


def smallest_input(window: Window) -> int:
    """Return the smallest input size for which :func:`output_size` is at least 1.

    The first window must fit, room >= 0; with ``ceil_mode`` it may reach over the end by up to stride - 1 positions,
    for which ceil(room / stride) is still 0.
    """
    return max(1, window.span - 2 * window.padding - _overhang(window))


@dataclass(frozen=True)
class ReceptiveField:
    """Receptive fields of the units of a layer, along one axis.

    The receptive field of unit ``u`` begins at pixel offset + u * jump and has ``size`` pixels. Numbers below 0, or
    beyond the last pixel, lie in the padding. With dilation, a field has gaps that ``size`` includes. The default
    values are those of the image itself.

    Attributes:
        size: pixels of a field, from the first to the last.
        jump: distance in pixels between the fields of neighboring units.
        offset: number of the first pixel of the field of unit 0.
    """

    size: int = 1
    jump: int = 1
    offset: int = 0

    def after(self, window: Window) -> "ReceptiveField":
        """Return the receptive field after one more layer.

        Its unit ``o`` reads, by (1), the units a = o * stride - padding to b = a + span - 1 of this layer. The field of
        unit a begins at pixel offset + a * jump, and that of unit b ends at offset + b * jump + size - 1. So the new
        field

            begins at  (offset - padding * jump) + o * (stride * jump)
            and has    size + (span - 1) * jump   pixels,

        where the parentheses are the new offset and jump.
        """
        return ReceptiveField(
            size=self.size + (window.span - 1) * self.jump,
            jump=self.jump * window.stride,
            offset=self.offset - window.padding * self.jump,
        )

    def pixels(self, unit: int) -> tuple[int, int]:
        """Return the numbers of the first and the last pixel in the field of ``unit``."""
        first = self.offset + unit * self.jump
        return first, first + self.size - 1

    @property
    def center(self) -> float:
        """Center of the field of unit 0 in pixels; between two pixels for an even ``size``."""
        return self.offset + (self.size - 1) / 2


def receptive_field(windows: Iterable[Window]) -> ReceptiveField:
    """Return the receptive field of the last of a sequence of layers, from the image upwards.

    From :meth:`ReceptiveField.after`, size = 1 + sum over layers of (span - 1) times the product of the strides before.
    Several small kernels have the receptive field of a large one: three 3x3 kernels that of 7x7.
    """
    field = ReceptiveField()
    for window in windows:
        field = field.after(window)
    return field


@dataclass(frozen=True)
class Cost:
    """Cost of a layer: parameters, and multiply-adds for one image."""

    params: int
    macs: int


def convolution_cost(
    in_channels: int,
    out_channels: int,
    kernel: tuple[int, ...],
    output: tuple[int, ...],
    *,
    groups: int = 1,
    bias: bool = True,
) -> Cost:
    """Return the parameters of a convolution, and its multiply-adds for one image.

    The channels are divided into ``groups`` of equal size that are convolved separately. So the filter of an output
    channel has in_channels / groups * height * width weights and a bias:

        params = out_channels * (in_channels / groups * kernel_height * kernel_width + 1)

    Each weight is used once for each pixel of the output (padding included):

        macs = out_channels * in_channels / groups * kernel_height * kernel_width * out_height * out_width

    Args:
        in_channels: C of the input.
        out_channels: C of the output, the number of filters.
        kernel: (height, width) of the kernel.
        output: (height, width) of the output.
        groups: groups of channels that are convolved separately.
        bias: whether each output channel has a bias.

    Raises:
        UsageError: a value is no integer or too small, or ``groups`` does not divide the channels.
    """
    check_groups(in_channels, out_channels, groups)
    for name, pair in {"kernel": kernel, "output": output}.items():
        for size in pair:
            _check_at_least(1, name, size)
    weights = out_channels * (in_channels // groups) * math.prod(kernel)
    return Cost(params=weights + bias * out_channels, macs=weights * math.prod(output))


def linear_cost(in_features: int, out_features: int, *, bias: bool = True) -> Cost:
    """Return the parameters of a linear layer, and its multiply-adds for one image: in * out.

    A linear layer is a convolution whose kernel is as large as its input.
    """
    return convolution_cost(in_features, out_features, (1, 1), (1, 1), bias=bias)


def check_groups(in_channels: int, out_channels: int, groups: int) -> None:
    """Raise UsageError unless ``groups`` divides both numbers of channels."""
    for name, value in {"groups": groups, "in_channels": in_channels, "out_channels": out_channels}.items():
        _check_at_least(1, name, value)
    for name, channels in {"in_channels": in_channels, "out_channels": out_channels}.items():
        if channels % groups:
            common = math.gcd(in_channels, out_channels)
            works = f"a divisor of {common}" if common > 1 else "groups=1"
            raise UsageError(f"groups={groups} does not divide {name}={channels}; use {works}")


def _check_at_least(least: int, name: str, value: int) -> None:
    if not isinstance(value, int) or value < least:
        raise UsageError(f"{name} must be an integer of at least {least}, got {value}")


def _overhang(window: Window) -> int:
    """Return the number of positions by which the first window may reach over the end of the padded input."""
    return window.stride - 1 if window.ceil_mode else 0


def _what_would_fit(input_size: int, window: Window) -> str:
    padded = input_size + 2 * window.padding
    padding = -(-(window.span - _overhang(window) - input_size) // 2)
    kernel = (
        (padded - 1) // window.dilation + 1
    )  # valid for every stride, also for that of a pooling, which follows its kernel size
    works = [f"an input of at least {smallest_input(window)}"]
    if padding <= window.kernel // 2:  # the limit of a pooling layer
        works.append(f"a padding of at least {padding}")
    dilated = f" with dilation {window.dilation}" if window.dilation > 1 else ""
    return (
        f"the output would have no pixels: a kernel of {window.kernel}{dilated} spans {window.span} positions, "
        f"but the input with its padding has only {padded} ({input_size} + 2*{window.padding}); "
        f"use {', '.join(works)} or a kernel of at most {kernel}"
    )
