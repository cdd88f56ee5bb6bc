"""Passes without numbers: the shapes that are stated are those that PyTorch works out, and its compiler stays out."""

import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.models.meta_device import ShapesOnly


def maps(*shape: int, last: bool = False) -> Tensor:
    x = torch.empty(shape, device="meta")
    return x.to(memory_format=torch.channels_last) if last else x


CASES: dict[str, Callable[[], Any]] = {
    "conv": lambda: F.conv2d(maps(2, 4, 9, 11), maps(6, 2, 3, 5), maps(6), (2, 1), (1, 3), (2, 1), 2),
    "conv 1-d": lambda: F.conv1d(maps(2, 4, 9), maps(6, 4, 3), stride=2),
    "conv, channels last": lambda: F.conv2d(maps(2, 4, 9, 9, last=True), maps(6, 4, 3, 3)),
    "transposed": lambda: F.conv_transpose2d(maps(2, 4, 9, 9), maps(4, 6, 3, 3), stride=2),
    "unfold": lambda: F.unfold(maps(2, 3, 9, 11), 3, dilation=2, padding=1, stride=2),
    "max pool": lambda: F.max_pool2d(maps(2, 3, 9, 11), 3, stride=(2, 1), padding=1, dilation=2),
    "max pool, plain": lambda: F.max_pool2d(maps(2, 3, 9, 11), 2),
    "max pool, rounded up": lambda: F.max_pool2d(maps(2, 3, 9, 11), 2, ceil_mode=True),
    "global max pool": lambda: F.adaptive_max_pool2d(maps(2, 3, 9, 11), 1),
    "cat": lambda: torch.cat([maps(1, 2, 5, 5), maps(1, 7, 5, 5)], dim=1),
    "cat, negative": lambda: torch.cat([maps(1, 2, 5), maps(1, 2, 3)], dim=-1),
    "cat, channels last": lambda: torch.cat([maps(1, 2, 5, 5, last=True), maps(1, 7, 5, 5, last=True)], 1),
    "gate": lambda: maps(2, 3, 1, 1) * maps(2, 3, 5, 5),
    "number": lambda: 2 * maps(2, 3) + 1,
    "permuted": lambda: F.gelu(maps(2, 3, 4, 5).permute(0, 2, 3, 1)) + maps(3),
    "in place": lambda: maps(2, 3).add_(maps(3)).relu_().normal_(0, 1),
    "linear": lambda: F.linear(maps(7, 3), maps(5, 3), maps(5)),
    "product": lambda: maps(2, 7, 3) @ maps(2, 3, 4),
    "mean": lambda: maps(2, 3, 4, 5).mean((-1, 2)),
    "mean, kept": lambda: maps(2, 3, 4, 5).mean((2, 3), keepdim=True),
    "mean, first": lambda: maps(2, 3, 4).mean(0),
    "mean of all": lambda: maps(2, 3).mean(),
    "layer norm": lambda: F.layer_norm(maps(2, 3, 4), (4,)),
    "batch norm": lambda: F.batch_norm(maps(2, 3, 4, 4), maps(3), maps(3)),
    "softmax": lambda: maps(2, 3).softmax(1),
}


@pytest.mark.parametrize("case", CASES)
def test_shapes_and_strides_are_pytorchs(case: str) -> None:
    expected = CASES[case]()
    with ShapesOnly():
        found = CASES[case]()
    assert (found.shape, found.stride(), found.dtype) == (expected.shape, expected.stride(), expected.dtype)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: F.conv2d(maps(1, 4, 9, 9), maps(6, 3, 3, 3)),
        lambda: F.conv2d(maps(1, 4, 2, 2), maps(6, 4, 3, 3)),
        lambda: F.max_pool2d(maps(1, 3, 2, 2), 3),
        lambda: F.max_pool2d(maps(1, 3, 9, 9), 3, padding=2),
        lambda: F.linear(maps(7, 3), maps(5, 4)),
        lambda: maps(2, 3) + maps(2, 4),
        lambda: maps(3).add_(maps(2, 3)),
        lambda: torch.cat([maps(1, 2), maps(2, 3)], 1),
    ],
)
def test_wrong_shapes_raise_pytorchs_errors(wrong: Callable[[], Any]) -> None:
    with ShapesOnly(), pytest.raises(RuntimeError):
        wrong()


def test_a_trace_does_not_import_pytorchs_compiler() -> None:
    """It takes as long as importing all the rest of PyTorch."""
    code = (
        "import sys; from decanet.anatomy.cost import cost; from decanet.anatomy.trace import trace\n"
        "for name in ('alexnet_two_tower', 'convnext_t', 'vit_b16', 'densenet121', 'cuda_convnet_11', 'decanet_m'):\n"
        "    trace(name), cost(name, num_classes=3, input_size=trace(name).input_size)\n"
        "assert 'torch._dynamo' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
