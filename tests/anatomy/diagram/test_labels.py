"""Labels: what the boxes say of a layer's settings."""

import pytest
from torch import nn

from decanet.anatomy.diagram.graph import record


@pytest.mark.parametrize(
    ("layer", "kind", "text"),
    [
        (nn.Conv2d(4, 8, 3), "conv", "3×3 conv, 8"),
        (nn.Conv2d(4, 8, (1, 7), stride=(1, 2)), "conv", "1×7 conv, 8, stride 1×2"),
        (nn.Conv2d(4, 8, 3, stride=2, groups=2), "conv", "3×3 conv, 8, stride 2, 2 groups"),
        (nn.Conv2d(4, 4, 7, groups=4), "conv", "7×7 depthwise conv, 4"),
        (nn.Conv2d(4, 8, 3, dilation=2), "conv", "3×3 conv, 8, dilation 2"),
        (nn.MaxPool2d(3, stride=2, ceil_mode=True), "pool", "3×3 max pool, stride 2"),
        (nn.AvgPool2d(3, stride=1, padding=1), "pool", "3×3 average pool"),
        (nn.AdaptiveAvgPool2d(1), "pool", "global average pool"),
        (nn.AdaptiveMaxPool2d(1), "pool", "global max pool"),
        (nn.BatchNorm2d(4), "norm", "batch norm"),
        (nn.LocalResponseNorm(5), "norm", "response norm"),
        (nn.Dropout(0.25), "dropout", "dropout 0.25"),
        (nn.SiLU(), "activation", "SiLU"),
        (nn.Linear(16, 5), "linear", "linear, 5"),
        (nn.PixelShuffle(2), "other", "pixel shuffle"),
    ],
)
def test_a_layer_is_named_with_its_settings(layer: nn.Module, kind: str, text: str) -> None:
    (_, node) = record(nn.Sequential(layer), (4, 16, 16)).nodes
    assert (node.kind, node.text) == (kind, text)


@pytest.mark.parametrize("layer", [nn.Identity(), nn.Flatten(), nn.AdaptiveAvgPool2d(16), nn.Dropout(0.0)])
def test_what_changes_no_number_is_left_out(layer: nn.Module) -> None:
    assert len(record(nn.Sequential(layer, nn.ReLU()), (4, 16, 16)).nodes) == 2
