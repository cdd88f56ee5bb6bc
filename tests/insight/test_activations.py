"""Outputs of ReLUs and of stages after their activation."""

import pytest
import torch
from torch import Tensor, nn

from decanet.insight.activations import record_rectified, stage_outputs
from decanet.models import create_model


@pytest.fixture(scope="module")
def x() -> Tensor:
    return torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))


def built(name: str) -> nn.Module:
    torch.manual_seed(0)
    return create_model(name).eval()


def test_every_call_of_a_relu_is_recorded_with_its_stage(x: Tensor) -> None:
    model = built("alexnet_cifar")
    with torch.no_grad(), record_rectified(model) as calls:
        model(x)
        model(x)
    assert [call.stage for call in calls] == 2 * ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7"]
    assert all((call.output >= 0).all() for call in calls)
    assert not any(module._forward_hooks for module in model.modules())
    assert not model._forward_pre_hooks


def test_further_calls_of_one_module_have_a_number(x: Tensor) -> None:
    model = built("resnet20_cifar")
    with torch.no_grad(), record_rectified(model) as calls:
        model(x)
    assert len({call.name for call in calls}) == len(calls) == 19  # one behind each convolution
    assert [call.stage for call in calls] == ["conv1"] + 6 * ["stage1"] + 6 * ["stage2"] + 6 * ["stage3"]


def test_a_stage_that_is_a_convolution_is_shown_after_its_activation(x: Tensor) -> None:
    model = built("alexnet_cifar")
    outputs = stage_outputs(model, x)
    first = model.get_submodule(model.stages["conv1"])  # type: ignore[index]
    with torch.no_grad():
        torch.testing.assert_close(outputs["conv1"], first(x).relu())
        torch.testing.assert_close(outputs["fc8"], model(x))
    assert outputs["pool1"].shape == (3, 64, 16, 16)
    assert [*stage_outputs(model, x, ["conv2"])] == ["conv2"]


def test_a_stage_is_shown_after_its_normalization_and_activation(x: Tensor) -> None:
    outputs = stage_outputs(built("resnet20_cifar"), x)
    assert (outputs["conv1"] >= 0).all()
    assert (outputs["conv1"] == 0).any()
