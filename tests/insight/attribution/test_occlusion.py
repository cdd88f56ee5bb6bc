"""Occlusion, against captum."""

import pytest
import torch
from captum.attr import Occlusion
from hypothesis import given, settings
from hypothesis import strategies as st

from decanet.insight.attribution.occlusion import occlusion
from decanet.models import list_models
from tests.insight.attribution.test_gradients import FAMILIES, Smooth, assert_close, made


def assert_occlusion_equals_captums(name: str) -> None:
    model, x, target = made(name)
    channels, size = x.shape[1:3]
    window, stride = size // 4, size // 6  # does not divide the image: the last squares are cut
    theirs = Occlusion(model).attribute(
        x, (channels, window, window), (channels, stride, stride), 0.3, target, perturbations_per_eval=8
    )
    ours = occlusion(model, x, target, window=window, stride=stride, baseline=0.3)
    assert_close(ours.expand_as(x), theirs.to(ours))  # captum's are always float32


@pytest.mark.parametrize("name", FAMILIES)
def test_occlusion_equals_captums(name: str) -> None:
    assert_occlusion_equals_captums(name)


@pytest.mark.slow(reason="225 passes through all networks in float64: minutes")
@pytest.mark.parametrize("name", [name for name in list_models() if name not in FAMILIES])
def test_occlusion_of_every_network_equals_captums(name: str) -> None:
    assert_occlusion_equals_captums(name)


@settings(max_examples=25, deadline=None)
@given(size=st.integers(2, 9), window=st.integers(1, 5), stride=st.integers(1, 5))
def test_occlusion_equals_captums_for_any_window(size: int, window: int, stride: int) -> None:
    window = min(window, size)
    stride = min(stride, window)
    x = torch.randn(1, 1, size, size, generator=torch.Generator().manual_seed(size))
    theirs = Occlusion(Smooth()).attribute(x, (1, window, window), (1, stride, stride), target=0)
    assert_close(occlusion(Smooth(), x, 0, window=window, stride=stride), theirs)


def test_hiding_what_is_hidden_already_changes_nothing() -> None:
    model, x, target = made("resnet20_cifar")
    x[:, :, 8:24, 8:24] = 0.0
    found = occlusion(model, x, target, window=4, stride=4)
    assert found[:, :, 8:24, 8:24].abs().max() < 1e-5
    assert found[:, :, :8].abs().max() > 1e-4
