"""The arithmetic of layers: how large the output is, how much of the image a unit sees, what a layer costs.

A convolution and a pooling are the same movement: a window of ``kernel`` places slides over a row of pixels.
All sizes follow from where window number ``o`` stands. Let the pixels be numbered 0 ... n-1 and let the
padding continue the numbers on both sides, -p ... -1 and n ... n-1+p. Then tap number ``t`` of window ``o``
reads the place

    o * stride - padding + t * dilation          t = 0 ... kernel - 1                                   (1)

Height and width each obey this rule, so everything here speaks of one axis; an image uses it twice.

Costs are counted in multiply-adds ("macs"): one multiplication together with the addition of its product to
the sum is one. Biases, activations, normalization and pooling are not counted. Papers that say "FLOPs" often
mean this number, some mean twice as much.

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
    """A window that slides along one axis: what convolution and pooling have in common.

    Attributes:
        kernel: number of places that the window reads.
        stride: places from one window to the next.
        padding: places added at each of the two ends.
        dilation: distance between the places that the window reads; 1 is a window without holes.
        ceil_mode: whether a last window may reach over the end (poolings only; see :func:`output_size`).

    Raises:
        UsageError: a number is not whole or too small.
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
        """The window of a pooling layer: its stride is its kernel unless said otherwise.

        Raises:
            UsageError: also for a padding above half the kernel, which PyTorch refuses: without that limit a
                window can lie in the padding alone, where there is nothing to take a maximum of.
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
        """Places from the first to the last that a window reads: dilation * (kernel - 1) + 1.

        By (1) the last tap stands dilation * (kernel - 1) places after the first; counting both ends adds 1.
        """
        return self.dilation * (self.kernel - 1) + 1


def output_size(input_size: int, window: Window) -> int:
    """How many windows fit into a row of ``input_size`` pixels: the size of the layer's output.

    Window ``o`` ends, by (1), at place o * stride - padding + span - 1. The last place there is, is
    input - 1 + padding. A window fits if it ends there or before:

        o * stride <= room        with  room = input + 2 * padding - span

    The largest such o is floor(room / stride), and counting starts at 0:

        output = floor((input + 2 * padding - span) / stride) + 1

    With ``ceil_mode`` the quotient is rounded up, so that a last window may reach over the end and no pixel
    is left out. But it must begin at a pixel or in the padding before them, o * stride - padding < input:
    beginning later, it would see no pixel at all. Hence PyTorch's corner case, here the second term:

        output = min(ceil(room / stride), floor((input + padding - 1) / stride)) + 1

    Raises:
        UsageError: not even one window fits; the line says which sizes would.
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
    """The smallest input for which :func:`output_size` is at least 1.

    The first window must fit, room >= 0; with ``ceil_mode`` it may reach over the end by up to stride - 1
    places, as ceil(room / stride) is still 0 then.
    """
    return max(1, window.span - 2 * window.padding - _overhang(window))


@dataclass(frozen=True)
class ReceptiveField:
    """What the units of a layer see of the image, along one axis.

    Unit ``u`` sees the pixels from offset + u * jump on, ``size`` of them. A number below 0, or beyond the
    last pixel, lies in the padding. ``size`` counts from the first pixel to the last; dilation may leave
    holes between. The default values are the image's own: each pixel sees itself.

    Attributes:
        size: pixels from the first to the last that a unit sees.
        jump: pixels between the fields of two neighboring units.
        offset: number of the first pixel that unit 0 sees.
    """

    size: int = 1
    jump: int = 1
    offset: int = 0

    def after(self, window: Window) -> "ReceptiveField":
        """The field after one more layer.

        Its unit ``o`` reads, by (1), the units from a = o * stride - padding to b = a + span - 1 of the layer
        below. Unit a sees the pixels from offset + a * jump on, unit b those that end with
        offset + b * jump + size - 1. So the new unit sees

            from     (offset - padding * jump) + o * (stride * jump)
            in all   size + (span - 1) * jump   pixels

        and the brackets are the new offset and jump.
        """
        return ReceptiveField(
            size=self.size + (window.span - 1) * self.jump,
            jump=self.jump * window.stride,
            offset=self.offset - window.padding * self.jump,
        )

    def pixels(self, unit: int) -> tuple[int, int]:
        """Numbers of the first and the last pixel that ``unit`` sees."""
        first = self.offset + unit * self.jump
        return first, first + self.size - 1

    @property
    def center(self) -> float:
        """The middle of the field of unit 0, in pixels; half a pixel off where ``size`` is even."""
        return self.offset + (self.size - 1) / 2


def receptive_field(windows: Iterable[Window]) -> ReceptiveField:
    """The receptive field of the last of a chain of layers, given from the image upwards.

    Unrolling :meth:`ReceptiveField.after` from size 1: size = 1 + sum over layers of (span - 1) times the
    product of the strides before. Small kernels in depth see as much as a large one: three 3x3 see 7x7.
    """
    field = ReceptiveField()
    for window in windows:
        field = field.after(window)
    return field


@dataclass(frozen=True)
class Cost:
    """What a layer costs: numbers to be learned, and multiply-adds for one image."""

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
    """Parameters, and multiply-adds for one image, of a convolution.

    The channels are dealt into ``groups`` equal parts that do not see each other. So one output channel owns
    a kernel of in_channels / groups * height * width weights, plus a bias:

        params = out_channels * (in_channels / groups * kernel_height * kernel_width + 1)

    Each weight is multiplied once at each place of the output (places in the padding included):

        macs = out_channels * in_channels / groups * kernel_height * kernel_width * out_height * out_width

    Args:
        in_channels: C of the input.
        out_channels: C of the output, the number of kernels.
        kernel: (height, width) of the kernel.
        output: (height, width) of the output.
        groups: independent parts of the channels.
        bias: whether each output channel adds a learned constant.

    Raises:
        UsageError: a number is not whole or too small, or ``groups`` does not divide the channels.
    """
    check_groups(in_channels, out_channels, groups)
    for name, pair in {"kernel": kernel, "output": output}.items():
        for size in pair:
            _check_at_least(1, name, size)
    weights = out_channels * (in_channels // groups) * math.prod(kernel)
    return Cost(params=weights + bias * out_channels, macs=weights * math.prod(output))


def linear_cost(in_features: int, out_features: int, *, bias: bool = True) -> Cost:
    """Parameters and multiply-adds of a linear layer: each of in * out weights is used once an image.

    A linear layer is a convolution whose kernel is as large as its input: it has a single place to stand.
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
        raise UsageError(f"{name} must be a whole number of at least {least}, got {value}")


def _overhang(window: Window) -> int:
    """Places by which the first window may reach over the end of the padded input."""
    return window.stride - 1 if window.ceil_mode else 0


def _what_would_fit(input_size: int, window: Window) -> str:
    padded = input_size + 2 * window.padding
    padding = -(-(window.span - _overhang(window) - input_size) // 2)
    kernel = (
        padded - 1
    ) // window.dilation + 1  # right for any stride, also for a pooling's that follows its kernel
    works = [f"an input of at least {smallest_input(window)}"]
    if padding <= window.kernel // 2:  # more is not allowed to a pooling
        works.append(f"a padding of at least {padding}")
    dilated = f" with dilation {window.dilation}" if window.dilation > 1 else ""
    return (
        f"the output would have no pixels: a kernel of {window.kernel}{dilated} spans {window.span} places, "
        f"but the input with its padding has only {padded} ({input_size} + 2*{window.padding}); "
        f"use {', '.join(works)} or a kernel of at most {kernel}"
    )
