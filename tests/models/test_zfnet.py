"""ZFNet against Figure 3 of arXiv:1311.2901."""

import pytest
import torch

from decanet.models import create_model
from tests.models._checks import (
    check_counts,
    check_gradients,
    check_smallest,
    check_stages,
    check_wrong_channels,
    order_of_layers,
)


def test_counts() -> None:
    check_counts("zfnet", params=62_357_608, macs=1_168_032_896)  # counted from Figure 3 in the ledger


def test_feature_maps_are_those_of_figure_3() -> None:
    check_stages(
        "zfnet",
        {
            "conv1": (96, 110, 110), "pool1": (96, 55, 55), "conv2": (256, 26, 26), "pool2": (256, 13, 13),
            "conv3": (384, 13, 13), "conv4": (384, 13, 13), "conv5": (256, 13, 13), "pool5": (256, 6, 6),
        },
    )  # fmt: skip


def test_pooling_comes_before_normalization() -> None:
    # Figure 3, caption: rectified, pooled, contrast normalized. AlexNet normalizes before it pools.
    order = order_of_layers("zfnet")
    assert order[:8] == ["conv1", "relu", "pool1", "norm", "conv2", "relu", "pool2", "norm"]


def test_initial_weights_have_the_papers_deviation() -> None:
    torch.manual_seed(0)
    model = create_model("zfnet", num_classes=5)
    for layer in (model.conv1, model.conv4, model.fc7):
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.05)
        assert not layer.bias.any()


def test_gradients_reach_every_parameter() -> None:
    check_gradients("zfnet", 224)


def test_wrong_input() -> None:
    check_smallest("zfnet", 213, "fc6")
    check_wrong_channels("zfnet")
