"""The multiply-add counter against PyTorch's own, and against numbers worked out by hand."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count

from decanet.anatomy.cost import MultiplyAddCounter, cost
from decanet.convolution.arithmetic import Cost

FORWARD: dict[str, Callable[[], Tensor]] = {
    "conv2d": lambda: F.conv2d(
        torch.rand(2, 3, 9, 7), torch.rand(4, 3, 3, 2), torch.rand(4), stride=2, padding=1
    ),
    "grouped conv2d": lambda: F.conv2d(torch.rand(2, 4, 9, 7), torch.rand(6, 2, 3, 3), groups=2),
    "conv1d": lambda: F.conv1d(torch.rand(2, 3, 9), torch.rand(4, 3, 3)),
    "conv3d": lambda: F.conv3d(torch.rand(2, 3, 5, 6, 7), torch.rand(4, 3, 2, 3, 1)),
    "conv_transpose2d": lambda: F.conv_transpose2d(torch.rand(2, 4, 5, 5), torch.rand(4, 3, 3, 3), stride=2),
    "linear": lambda: F.linear(torch.rand(5, 3), torch.rand(4, 3), torch.rand(4)),
    "linear of a sequence": lambda: F.linear(torch.rand(2, 5, 3), torch.rand(4, 3)),
    "bmm": lambda: torch.rand(2, 5, 3) @ torch.rand(2, 3, 4),
    "baddbmm": lambda: torch.baddbmm(torch.rand(2, 5, 4), torch.rand(2, 5, 3), torch.rand(2, 3, 4)),
    "elementwise": lambda: torch.relu(torch.rand(2, 3) * 2 + 1).mean(),
    "pooling": lambda: F.max_pool2d(torch.rand(2, 3, 8, 8), 2),
}


@pytest.mark.parametrize("name", FORWARD)
def test_forward_counts_are_half_of_pytorchs(name: str) -> None:
    with FlopCounterMode(display=False) as theirs, MultiplyAddCounter() as ours:
        FORWARD[name]()
    assert 2 * ours.macs == theirs.get_total_flops()
    assert (ours.macs > 0) == (name not in ("elementwise", "pooling"))


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(3, 4, 3, stride=2), nn.ConvTranspose2d(3, 4, 3), nn.Linear(8, 5)]
)
@pytest.mark.parametrize("image_needs_gradient", [False, True])
def test_backward_counts_are_half_of_pytorchs(layer: nn.Module, image_needs_gradient: bool) -> None:
    image = torch.rand(2, 3, 8, 8, requires_grad=image_needs_gradient)
    output = layer(image).sum()
    with FlopCounterMode(display=False) as theirs, MultiplyAddCounter() as ours:
        output.backward()
    assert ours.macs > 0
    assert 2 * ours.macs == theirs.get_total_flops()


def test_backward_of_a_grouped_convolution_costs_two_forward_passes() -> None:
    """PyTorch's counter ignores the groups there."""
    layer = nn.Conv2d(6, 6, 3, groups=3)
    image = torch.rand(2, 6, 8, 8, requires_grad=True)
    with MultiplyAddCounter() as counter:
        output = layer(image)
        forward = counter.macs
        output.sum().backward()
    assert forward == 2 * (6 * 6 * 6) * (2 * 3 * 3)
    assert counter.macs == 3 * forward


def test_a_frozen_weight_costs_no_backward_pass() -> None:
    layer = nn.Conv2d(3, 4, 3).requires_grad_(False)
    image = torch.rand(2, 3, 8, 8, requires_grad=True)
    with MultiplyAddCounter() as counter:
        output = layer(image)
        forward = counter.macs
        output.sum().backward()
    assert counter.macs == 2 * forward


def test_attention_counts_are_those_of_pytorchs_formulas() -> None:
    """PyTorch's counter has no rule for the attention kernel of the CPU, but the formulas of the others."""
    query, key, value = (torch.rand(2, 3, n, d, requires_grad=True) for n, d in ((5, 8), (7, 8), (7, 8)))
    shapes = [tuple(t.shape) for t in (query, key, value)]
    with MultiplyAddCounter() as counter:
        output = F.scaled_dot_product_attention(query, key, value)
        forward = counter.macs
        output.sum().backward()
    assert 2 * forward == sdpa_flop_count(*shapes)
    assert 2 * (counter.macs - forward) == sdpa_backward_flop_count(tuple(output.shape), *shapes)


def test_cost_of_lenet5_modern_by_hand() -> None:
    macs = 28 * 28 * 6 * 25 + 10 * 10 * 16 * 6 * 25 + 400 * 120 + 120 * 84 + 84 * 10
    params = 6 * 26 + 16 * 151 + 401 * 120 + 121 * 84 + 85 * 10
    assert cost("lenet5_modern", num_classes=10, input_size=(1, 32, 32)) == Cost(params, macs)


def test_cost_depends_on_classes_and_options() -> None:
    small, large = (cost("alexnet_cifar", num_classes=n, input_size=(3, 32, 32)) for n in (10, 100))
    assert large.macs > small.macs
    assert large.params - small.params == large.macs - small.macs + 90  # one bias a class
