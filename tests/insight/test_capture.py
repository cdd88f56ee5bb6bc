"""Capturing outputs and gradients of stages leaves the network as it was."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from decanet.core.errors import UsageError
from decanet.insight.capture import capture, plain_network, spatial_stages, stage_path, stages_of
from decanet.models import create_model


@pytest.fixture(scope="module")
def network() -> nn.Module:
    torch.manual_seed(0)
    return create_model("alexnet_cifar").eval()  # its activations work in place


@pytest.fixture(scope="module")
def x() -> Tensor:
    return torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def hooks(model: nn.Module) -> int:
    return sum(len(m._forward_hooks) + len(m._backward_hooks) for m in model.modules())


def test_outputs_are_those_before_an_activation_in_place(network: nn.Module, x: Tensor) -> None:
    with torch.no_grad(), capture(network, ["conv1", "conv2"]) as captured:
        network(x)
    first = network.get_submodule(stage_path(network, "conv1"))
    torch.testing.assert_close(captured.outputs["conv1"], F.conv2d(x, first.weight, first.bias, padding=1))
    assert (captured.outputs["conv1"] < 0).any()


def test_the_logits_are_bit_for_bit_those_without_hooks_which_are_gone_afterwards(
    network: nn.Module, x: Tensor
) -> None:
    before = hooks(network)
    expected = network(x)
    with capture(network, list(stages_of(network)), gradients=True):
        assert torch.equal(network(x), expected)
        assert hooks(network) > before
    assert torch.equal(network(x), expected)
    with pytest.raises(ZeroDivisionError), capture(network, ["conv1"]):
        raise ZeroDivisionError
    assert hooks(network) == before


def test_gradients_are_those_of_autograd(network: nn.Module, x: Tensor) -> None:
    with capture(network, ["conv5"], gradients=True) as captured:
        score = network(x)[:, 3].sum()
        (expected,) = torch.autograd.grad(score, captured.outputs["conv5"], retain_graph=True)
        captured.gradients.clear()
        score.backward()
    assert torch.equal(captured.gradients["conv5"], expected)
    assert expected.abs().max() > 0


def test_an_unknown_stage_is_answered_with_the_stages(network: nn.Module) -> None:
    with (
        pytest.raises(UsageError, match=r"no stage 'conv9'.*its stages: conv1, pool1"),
        capture(network, ["conv9"]),
    ):
        pass
    with pytest.raises(UsageError, match="does not declare its stages"):
        stages_of(nn.Linear(2, 2))


def test_a_parallel_network_is_looked_through(network: nn.Module, x: Tensor) -> None:
    parallel = nn.DataParallel(network)
    assert plain_network(parallel) is network
    with torch.no_grad(), capture(parallel, ["conv1"]) as captured:
        parallel(x)
    assert captured.outputs["conv1"].shape == (2, 64, 32, 32)


def test_spatial_stages_have_the_shapes_of_the_feature_maps(network: nn.Module, x: Tensor) -> None:
    shapes = spatial_stages(network, x)
    assert shapes["conv1"] == (64, 32, 32)
    assert shapes["conv5"] == (256, 8, 8)
    assert "fc6" not in shapes
