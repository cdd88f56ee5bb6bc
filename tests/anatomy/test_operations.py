"""Names and windows of tensor operations, as rows of a trace show them."""

import pytest
import torch
from torch import nn

from decanet.anatomy.operations import Operation, describe
from decanet.anatomy.trace import trace
from decanet.convolution.arithmetic import Window

ROWS = {
    "conv 3x5, stride 2x1, padding 1x2, dilation 2x1": nn.Conv2d(4, 4, (3, 5), (2, 1), (1, 2), (2, 1)),
    "conv 3x3, 2 groups": nn.Conv2d(4, 4, 3, groups=2),
    "max pool 3x3, stride 2, padding 1": nn.MaxPool2d(3, 2, 1),
    "max pool 3x3, stride 2, rounded up": nn.MaxPool2d(3, 2, ceil_mode=True),
    "average pool 2x2, stride 2": nn.AvgPool2d(2),
    "average pool": nn.AdaptiveAvgPool2d(2),
    "global average pool": nn.AdaptiveAvgPool2d(1),
    "global max pool": nn.AdaptiveMaxPool2d(1),
    "average pool, here the identity": nn.AdaptiveAvgPool2d(8),
    "flatten": nn.Flatten(),
    "unfold": nn.Unfold(3),
    "linear": nn.Linear(8, 3),
    "GELU": nn.GELU(),
    "BatchNorm2d": nn.BatchNorm2d(4),
}


@pytest.mark.parametrize("name", ROWS)
def test_rows_have_the_name_of_their_operation(name: str) -> None:
    (layer,) = trace(ROWS[name], (4, 8, 8)).layers
    assert layer.operation == name


def test_windows_follow_pytorchs_settings() -> None:
    (layer,) = trace(nn.MaxPool2d((3, 2), (2, 1), (1, 0), ceil_mode=True), (4, 8, 8)).layers
    assert layer.windows == (Window(3, 2, 1, ceil_mode=True), Window(2, 1, 0, ceil_mode=True))


def test_a_tensor_multiplied_by_itself_is_no_join() -> None:
    x, y = torch.empty(2, 2, 3, 3).unbind()
    assert describe("mul", (x, x), x, [x, x]) is None
    assert describe("mul", (x, y), x, [x, y]) == Operation("multiply")
