"""The methods as maps of pixels."""

import numpy as np

from decanet.insight.attribution.gradients import input_x_gradient, integrated_gradients, smooth_grad
from decanet.insight.attribution.maps import METHODS, SIGNED, attribution_maps
from tests.conftest import Heard
from tests.insight.attribution.test_gradients import made


def test_each_map_is_the_sum_over_the_channels() -> None:
    model, x, _ = made("resnet20_cifar")
    x = x[:1]
    found = attribution_maps(model, x, 4, "stage3", steps=16)
    assert tuple(found.values) == METHODS
    expected = {
        "gradient x input": input_x_gradient(model, x, 4).sum(1),
        "integrated gradients": integrated_gradients(model, x, 4, steps=16).attribution.sum(1),
        "SmoothGrad": smooth_grad(model, x, 4).abs().sum(1),
    }
    for name, values in expected.items():
        np.testing.assert_allclose(found.values[name], values[0].numpy(), rtol=1e-9)
    assert found.steps == 16
    for name in METHODS:
        assert found.values[name].shape == (32, 32)
        assert (found.values[name].min() < 0) == (name in SIGNED)


def test_methods_can_be_chosen_and_grad_cam_needs_a_stage(heard: Heard) -> None:
    model, x, _ = made("mlp_cifar")
    attribution_maps(model, x[:1], 0, None, ("gradient x input", "occlusion"), report=heard)
    assert [step[1:3] for step in heard.steps] == [(0, 2), (1, 2)]
    assert tuple(attribution_maps(model, x[:1], 0, None, ("Grad-CAM", "occlusion")).values) == ("occlusion",)
