"""The small Vision Transformer and the small ConvNeXt of the experiments."""

import torch

from decanet.models import create_model
from tests.models._checks import check_counts, check_gradients, check_stages, check_wrong_channels


def test_counts_of_the_transformer() -> None:
    width, tokens = 96, 37
    layer = 4 * width * width + 2 * width * 2 * width  # queries, keys, values, projection; two linear layers
    biases = 4 * width + 2 * width + width + 4 * width  # and two normalizations
    params = 48 * width + width + width + tokens * width + 4 * (layer + biases) + 2 * width + width * 10 + 10
    macs = 36 * 48 * width + 4 * (tokens * layer + 2 * tokens * tokens * width) + width * 10
    check_counts("small_vit", params=params, macs=macs)


def test_counts_of_the_convnext() -> None:
    def block(channels: int) -> tuple[int, int]:
        weights = 49 * channels + 8 * channels**2
        return weights + channels + 2 * channels + 4 * channels + channels + channels, weights

    (low, low_macs), (high, high_macs) = block(48), block(96)
    params = 12 * 48 + 48 + 2 * 48 + 2 * low + 2 * 48 + 4 * 48 * 96 + 96 + 2 * high + 2 * 96 + 970
    macs = 144 * (12 * 48 + 2 * low_macs) + 36 * (4 * 48 * 96 + 2 * high_macs) + 960
    check_counts("small_convnext", params=params, macs=macs)


def test_stages() -> None:
    check_stages("small_convnext", {"stem": (48, 12, 12), "stage1": (48, 12, 12), "stage2": (96, 6, 6)})


def test_gradients_reach_every_parameter() -> None:
    check_gradients("small_vit", 24)
    check_gradients("small_convnext", 24)


def test_wrong_input() -> None:
    check_wrong_channels("small_vit")
    check_wrong_channels("small_convnext")


def test_every_patch_reaches_the_class_token() -> None:
    torch.manual_seed(0)
    model = create_model("small_vit").eval()
    x = torch.randn(1, 3, 24, 24, requires_grad=True)
    model.forward_head(model.forward_features(x)).square().sum().backward()
    assert x.grad is not None
    assert (x.grad.unfold(2, 4, 4).unfold(3, 4, 4).abs().sum((1, 4, 5)) > 0).all()
