"""EfficientNet-Lite0 against timm."""

import pytest
import torch
from torch.nn import functional as F

from decanet.models.efficientnet import STAGES, SameConv2d
from tests.models._checks import check_counts, check_gradients, check_stages, check_wrong_channels, on_meta
from tests.models._oracle import check_same_outputs


def test_counts() -> None:
    check_counts("efficientnet_lite0", params=4_652_008, macs=385_187_552)  # timm 1.0.31


def test_stages() -> None:
    # Table 1 of the paper for B0, which has the same shapes.
    check_stages(
        "efficientnet_lite0",
        {
            "stem": (32, 112, 112), "stage1": (16, 112, 112), "stage2": (24, 56, 56), "stage3": (40, 28, 28),
            "stage4": (80, 14, 14), "stage5": (112, 14, 14), "stage6": (192, 7, 7), "stage7": (320, 7, 7),
            "head": (1280, 7, 7),
        },
    )  # fmt: skip


def test_equals_timm() -> None:
    check_same_outputs("efficientnet_lite0", sizes=[64, 97], num_classes=[11], library="timm")


@pytest.mark.parametrize(
    ("size", "kernel", "stride"), [(224, 3, 2), (15, 3, 2), (14, 5, 2), (7, 3, 3), (9, 5, 1)]
)
def test_same_padding_is_tensorflows(size: int, kernel: int, stride: int) -> None:
    """TensorFlow's "SAME": ceil(size / stride) outputs; what is left over of the padding is below and right."""
    convolution = SameConv2d(1, 1, kernel, stride=stride, bias=False)
    x = torch.randn(1, 1, size, size)
    outputs = -(-size // stride)
    total = max(0, (outputs - 1) * stride + kernel - size)
    padded = torch.zeros(1, 1, size + total, size + total)
    padded[..., total // 2 : total // 2 + size, total // 2 : total // 2 + size] = x
    expected = F.conv2d(padded, convolution.weight, stride=stride)
    assert expected.shape[-1] == outputs
    torch.testing.assert_close(convolution(x), expected)


def test_the_shortcut_is_where_the_shape_stays() -> None:
    blocks = [b for n in range(1, 8) for b in on_meta("efficientnet_lite0").get_submodule(f"stage{n}")]
    assert [b.shortcut for b in blocks] == [block > 0 for row in STAGES for block in range(row[2])]


def test_gradients_reach_every_parameter() -> None:
    check_gradients("efficientnet_lite0", 64)


def test_wrong_input() -> None:
    check_wrong_channels("efficientnet_lite0")
