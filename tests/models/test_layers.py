"""Layers and steps of several papers."""

import pytest
import torch
from torch import nn

from decanet.core.errors import UsageError
from decanet.models.layers import PaddedShortcut, initialize_he, replace_head, stage


def test_the_padded_shortcut_keeps_every_second_pixel_and_adds_channels_of_zeros() -> None:
    x = torch.randn(2, 3, 5, 7)
    y = PaddedShortcut(3, 8, stride=2)(x)
    assert y.shape == (2, 8, 3, 4)
    assert torch.equal(y[:, :3], x[:, :, ::2, ::2])
    assert not y[:, 3:].any()


def test_only_the_first_block_of_a_stage_changes_channels_and_resolution() -> None:
    blocks = stage(lambda *size: nn.Conv2d(*size[:2], kernel_size=1, stride=size[2]), 3, 4, 8, stride=2)
    assert [(conv.in_channels, conv.out_channels, conv.stride[0]) for conv in blocks] == [
        (4, 8, 2), (8, 8, 1), (8, 8, 1),
    ]  # fmt: skip


@pytest.mark.parametrize(("counts", "channels"), [("fan_out", 64), ("fan_in", 256)])
def test_hes_initialization_counts_the_channels_that_are_asked_for(counts: str, channels: int) -> None:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(256, 64, kernel_size=3), nn.Linear(4, 2))
    linear = model[1].weight.detach().clone()
    initialize_he(model, counts=counts)
    assert model[0].weight.std().item() == pytest.approx((2 / (9 * channels)) ** 0.5, rel=0.02)
    assert torch.equal(model[1].weight, linear)
    assert not model[1].bias.any()


class TwoHeads(nn.Module):
    head_layers = ("fc", "aux.0")

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8, 10, bias=False, dtype=torch.bfloat16)
        self.aux = nn.Sequential(nn.Conv2d(6, 10, kernel_size=1), nn.ReLU())


def test_replace_head_replaces_linear_and_1x1_convolutional_layers() -> None:
    model = TwoHeads()
    layers = replace_head(model, 3)
    assert list(layers) == ["fc", "aux.0"]
    assert layers["fc"] is model.fc
    assert layers["aux.0"] is model.aux[0]
    assert (model.fc.weight.shape, model.fc.bias, model.fc.weight.dtype) == ((3, 8), None, torch.bfloat16)
    assert model.aux[0].weight.shape == (3, 6, 1, 1)
    assert model.aux[0].bias.shape == (3,)


def test_replace_head_refuses_a_head_without_classes() -> None:
    with pytest.raises(UsageError, match="at least 1 class, got num_classes=0"):
        replace_head(TwoHeads(), 0)
