"""Grad-CAM, against captum."""

import pytest
import torch
from captum.attr import LayerGradCam

from decanet.core.errors import UsageError
from decanet.insight.attribution.grad_cam import grad_cam, resize_map
from decanet.insight.capture import spatial_stages, stage_path
from decanet.models import create_model, list_models
from tests.insight.attribution.test_gradients import FAMILIES, assert_close, made


def assert_grad_cam_equals_captums(name: str) -> None:
    model, x, target = made(name)
    for stage in spatial_stages(model, x):
        layer = model.get_submodule(stage_path(model, stage))
        theirs = LayerGradCam(model, layer).attribute(x, target, relu_attributions=True)
        assert_close(grad_cam(model, x, target, stage), theirs)


@pytest.mark.parametrize("name", [name for name in FAMILIES if name != "mlp_cifar"])
def test_grad_cam_of_every_stage_equals_captums(name: str) -> None:
    assert_grad_cam_equals_captums(name)


@pytest.mark.slow(reason="all stages of all networks in float64: minutes")
@pytest.mark.parametrize("name", [name for name in list_models() if name not in FAMILIES])
def test_grad_cam_of_every_network_equals_captums(name: str) -> None:
    assert_grad_cam_equals_captums(name)


def test_frozen_parameters_change_nothing() -> None:
    model, x, target = made("resnet20_cifar")
    before = grad_cam(model, x, target, "stage2")
    assert_close(grad_cam(model.requires_grad_(False), x, target, "stage2"), before)


def test_the_network_is_as_before() -> None:
    model, x, target = made("resnet20_cifar")
    logits = model(x)
    with pytest.raises(UsageError, match="no stage"):
        grad_cam(model, x, target, "conv9")
    grad_cam(model, x, target, "stage2")
    assert torch.equal(model(x), logits)
    assert all(parameter.grad is None for parameter in model.parameters())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_stage_without_positions_is_refused() -> None:
    with pytest.raises(UsageError, match="needs feature maps with positions, and stage 'fc6' has none"):
        grad_cam(create_model("alexnet_cifar").eval(), torch.zeros(1, 3, 32, 32), 0, "fc6")


def test_a_map_is_resized_to_the_image() -> None:
    flat = torch.full((1, 1, 3, 3), 0.7)
    torch.testing.assert_close(resize_map(flat, 32), torch.full((1, 1, 32, 32), 0.7))
