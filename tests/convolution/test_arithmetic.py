"""The arithmetic of layers, against what PyTorch really does."""

import itertools
import re
import subprocess
import sys

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from decanet.convolution.arithmetic import (
    ReceptiveField,
    Window,
    check_groups,
    convolution_cost,
    linear_cost,
    output_size,
    receptive_field,
    smallest_input,
)
from decanet.core.errors import UsageError


def ours(input_size: int, window: Window) -> int | None:
    """Our output size, or None where we refuse."""
    try:
        return output_size(input_size, window)
    except UsageError:
        return None


def torch_pooling(input_size: int, w: Window) -> int | None:
    """PyTorch's output size on the meta device, or None where it refuses."""
    x = torch.empty(1, 1, input_size, 1, device="meta")
    try:
        y = F.max_pool2d(x, (w.kernel, 1), (w.stride, 1), (w.padding, 0), (w.dilation, 1), w.ceil_mode)
    except RuntimeError:
        return None
    return y.shape[2]


def torch_convolution(input_size: int, w: Window) -> int | None:
    x = torch.empty(1, 1, input_size, 1, device="meta")
    weight = torch.empty(1, 1, w.kernel, 1, device="meta")
    try:
        y = F.conv2d(x, weight, None, (w.stride, 1), (w.padding, 0), (w.dilation, 1))
    except RuntimeError:
        return None
    return y.shape[2]


def test_pooling_size_equals_torch_for_every_small_setting() -> None:
    """Every corner case of ceil_mode is among them."""
    checked = corner_cases = 0
    for size, kernel, stride, dilation, ceil in itertools.product(
        range(1, 9), range(1, 6), range(1, 6), range(1, 4), (False, True)
    ):
        for padding in range(kernel // 2 + 1):
            window = Window.pooling(kernel, stride, padding, dilation, ceil)
            got = ours(size, window)
            assert got == torch_pooling(size, window), (size, window)
            checked += 1
            room = size + 2 * padding - window.span
            corner_cases += ceil and got is not None and got < -(-room // stride) + 1
    assert checked == 2640
    assert corner_cases > 50


def test_convolution_size_equals_torch_for_thousands_of_settings() -> None:
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(3000):
        size, kernel, stride, padding, dilation = (
            int(rng.integers(*r)) for r in [(1, 80), (1, 14), (1, 9), (0, 9), (1, 6)]
        )
        window = Window(kernel, stride, padding, dilation)
        got = ours(size, window)
        assert got == torch_convolution(size, window), (size, window)
        refused += got is None
    assert 100 < refused < 2900


def test_large_poolings_equal_torch() -> None:
    rng = np.random.default_rng(1)
    for _ in range(2000):
        kernel = int(rng.integers(1, 12))
        stride, padding, dilation = (
            int(rng.integers(1, 15)),
            int(rng.integers(kernel // 2 + 1)),
            int(rng.integers(1, 5)),
        )
        window = Window.pooling(kernel, stride, padding, dilation, bool(rng.integers(2)))
        size = int(rng.integers(1, 300))
        assert ours(size, window) == torch_pooling(size, window), (size, window)


@pytest.mark.parametrize(
    ("size", "window", "expected"),
    [
        (224, Window(11, 4, 2), 55),  # AlexNet conv1, Figure 2 of the paper
        (55, Window.pooling(3, 2), 27),
        (227, Window(11, 4), 55),
        (224, Window(7, 2, 3), 112),  # ResNet and GoogLeNet
        (112, Window.pooling(3, 2, ceil_mode=True), 56),  # GoogLeNet's pooling rounds up
        (112, Window.pooling(3, 2), 55),
        (3, Window.pooling(1, 3, ceil_mode=True), 1),  # the second window would begin after the last pixel
    ],
)
def test_sizes_known_from_the_papers(size: int, window: Window, expected: int) -> None:
    assert output_size(size, window) == expected


def test_a_pooling_refuses_the_paddings_that_torch_refuses() -> None:
    for kernel, padding, dilation in itertools.product(range(1, 6), range(5), (1, 3)):
        x = torch.empty(1, 1, 40, 1, device="meta")
        try:
            F.max_pool2d(x, (kernel, 1), (1, 1), (padding, 0), (dilation, 1))
            allowed = True
        except RuntimeError:
            allowed = False
        if allowed:
            Window.pooling(kernel, 1, padding, dilation)
        else:
            with pytest.raises(UsageError, match=f"use a padding of at most {kernel // 2}$"):
                Window.pooling(kernel, 1, padding, dilation)


def test_the_sizes_in_the_error_message_fit_and_no_smaller_ones_do() -> None:
    advised = 0
    for size, kernel, stride, padding, dilation in itertools.product(
        range(1, 6), range(1, 8), (1, 3), range(3), (1, 2)
    ):
        window = Window(kernel, stride, padding, dilation)
        if ours(size, window) is not None:
            continue
        with pytest.raises(UsageError) as raised:
            output_size(size, window)
        line = str(raised.value)
        assert "\n" not in line
        advice = {
            what: int(value)
            for what, value in re.findall(r"(input|padding|kernel) of at (?:least|most) (\d+)", line)
        }
        least = advice["input"]
        assert ours(least, window) == 1
        assert least == smallest_input(window)
        assert ours(least - 1, window) is None
        assert ours(size, Window(advice["kernel"], stride, padding, dilation)) is not None
        assert ours(size, Window(advice["kernel"] + 1, stride, padding, dilation)) is None
        if "padding" in advice:
            assert ours(size, Window(kernel, stride, advice["padding"], dilation)) is not None
            assert ours(size, Window(kernel, stride, advice["padding"] - 1, dilation)) is None
            advised += 1
    assert advised > 50


def test_smallest_input_with_ceil_mode() -> None:
    for kernel, stride, dilation in itertools.product(range(1, 6), range(1, 5), (1, 2)):
        for padding in range(kernel // 2 + 1):
            window = Window.pooling(kernel, stride, padding, dilation, ceil_mode=True)
            by_trial = next(size for size in itertools.count(1) if torch_pooling(size, window))
            assert smallest_input(window) == by_trial


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"kernel": 0}, "kernel must be an integer of at least 1, got 0"),
        ({"kernel": 3, "stride": 0}, "stride must be an integer of at least 1, got 0"),
        ({"kernel": 3, "padding": -1}, "padding must be an integer of at least 0, got -1"),
        ({"kernel": 3, "dilation": 0}, "dilation must be an integer of at least 1, got 0"),
        ({"kernel": 2.5}, "kernel must be an integer of at least 1, got 2.5"),
    ],
)
def test_impossible_windows_are_refused(wrong: dict, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        Window(**wrong)


def test_an_empty_image_is_refused() -> None:
    with pytest.raises(UsageError, match="input must be an integer of at least 1, got 0"):
        output_size(0, Window(3, padding=1))


def test_receptive_field_is_the_support_of_the_gradient() -> None:
    """Which pixels can change an output is read from autograd, through chains of random layers."""
    rng = np.random.default_rng(2)
    checked = 0
    for _ in range(150):
        windows, layers = [], []
        for _ in range(int(rng.integers(1, 5))):
            kernel, stride, dilation = (
                int(rng.integers(1, 5)),
                int(rng.integers(1, 4)),
                int(rng.integers(1, 3)),
            )
            if rng.integers(2):
                windows.append(Window(kernel, stride, int(rng.integers(4)), dilation))
                layer = nn.Conv1d(
                    1, 1, kernel, stride, windows[-1].padding, dilation, bias=False, dtype=torch.float64
                )
                nn.init.ones_(layer.weight)  # positive: no gradients cancel
            else:
                windows.append(
                    Window.pooling(
                        kernel, stride, int(rng.integers(kernel // 2 + 1)), 1, bool(rng.integers(2))
                    )
                )
                layer = nn.AvgPool1d(kernel, stride, windows[-1].padding, windows[-1].ceil_mode)
            layers.append(layer)
        field = receptive_field(windows)
        pixels = field.size + 6 * field.jump + 2 * abs(field.offset)
        if pixels > 500:
            continue
        x = torch.zeros(1, 1, pixels, dtype=torch.float64, requires_grad=True)
        y = nn.Sequential(*layers)(x)[0, 0]
        for unit in range(0, len(y), 1 + len(y) // 12):
            (gradient,) = torch.autograd.grad(y[unit], x, retain_graph=True)
            seen = gradient[0, 0].nonzero().flatten().tolist()
            first, last = field.pixels(unit)
            if first >= 0 and last < pixels:
                assert (seen[0], seen[-1]) == (first, last), (windows, unit)
                checked += 1
            else:  # a field that reaches into the padding contains all pixels with a gradient
                assert all(first <= pixel <= last for pixel in seen)
    assert checked > 300


def test_receptive_fields_known_from_the_papers() -> None:
    vgg = [Window(3, padding=1)] * 3
    assert receptive_field(vgg).size == 7  # VGG, section 2.3: the receptive field of three 3x3 layers is 7x7
    alexnet = [Window(11, 4, 2), Window.pooling(3, 2), Window(5, 1, 2), Window.pooling(3, 2)]
    alexnet += [Window(3, 1, 1)] * 3 + [Window.pooling(3, 2)]
    assert (receptive_field(alexnet).size, receptive_field(alexnet).jump) == (195, 32)
    assert receptive_field([]) == ReceptiveField(size=1, jump=1, offset=0)


def test_the_center_is_that_of_the_field_of_unit_0() -> None:
    field = receptive_field([Window(11, 4, 2)])
    assert field.pixels(0) == (-2, 8)
    assert field.center == 3


def test_cost_equals_torch() -> None:
    rng = np.random.default_rng(3)
    for _ in range(300):
        groups = int(rng.integers(1, 5))
        c_in, c_out = groups * int(rng.integers(1, 5)), groups * int(rng.integers(1, 5))
        kernel = (int(rng.integers(1, 5)), int(rng.integers(1, 5)))
        bias = bool(rng.integers(2))
        layer = nn.Conv2d(
            c_in, c_out, kernel, int(rng.integers(1, 4)), 2, groups=groups, bias=bias, device="meta"
        )
        with FlopCounterMode(display=False) as counter:
            y = layer(torch.empty(1, c_in, 9, 11, device="meta"))
        cost = convolution_cost(c_in, c_out, kernel, tuple(y.shape[2:]), groups=groups, bias=bias)
        assert cost.params == sum(p.numel() for p in layer.parameters())
        assert cost.macs == counter.get_total_flops() // 2  # torch counts a multiply-add as two


def test_linear_cost() -> None:
    assert linear_cost(9216, 4096).params == 9216 * 4096 + 4096
    assert linear_cost(9216, 4096).macs == 9216 * 4096
    assert linear_cost(8, 2, bias=False).params == 16


def test_alexnet_conv1_cost() -> None:
    cost = convolution_cost(3, 64, (11, 11), (55, 55))
    assert (cost.params, cost.macs) == (23_296, 70_276_800)


@pytest.mark.parametrize(
    ("channels", "message"),
    [
        ((64, 64, 3), "groups=3 does not divide in_channels=64; use a divisor of 64"),
        ((6, 8, 3), "groups=3 does not divide out_channels=8; use a divisor of 2"),
        ((3, 8, 3), "groups=3 does not divide out_channels=8; use groups=1"),
        ((3, 8, 0), "groups must be an integer of at least 1, got 0"),
        ((0, 8, 1), "in_channels must be an integer of at least 1, got 0"),
    ],
)
def test_groups_that_do_not_divide(channels: tuple[int, int, int], message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)):
        check_groups(*channels)
    with pytest.raises(UsageError, match=re.escape(message)):
        convolution_cost(*channels[:2], (3, 3), (5, 5), groups=channels[2])


def test_the_module_imports_neither_torch_nor_numpy() -> None:
    """Networks import this for their layer tables: it must cost nothing."""
    code = "import sys, decanet.convolution.arithmetic; print({'torch', 'numpy'} & set(sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"
