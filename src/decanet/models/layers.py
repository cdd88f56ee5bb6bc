"""What the residual papers share: the shortcut without weights, stages of blocks, He's initialization."""

from collections.abc import Callable, Mapping
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Block = Callable[[int, int, int], nn.Module]  # (in_channels, out_channels, stride) -> block


class PaddedShortcut(nn.Module):
    """The identity where channels grow (He et al. 2015, section 3.3, option A): zeros fill the new channels.

    Every ``stride``-th pixel is kept. It has no weights, so a residual network and its plain twin count the
    same.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels = out_channels - in_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, ceil(H/stride), ceil(W/stride))."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def stage(block: Block, count: int, in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """``count`` blocks on maps of one size; the first one changes the channels and the resolution."""
    rest = (block(out_channels, out_channels, 1) for _ in range(count - 1))
    return nn.Sequential(block(in_channels, out_channels, stride), *rest)


def initialize_he(model: nn.Module, counts: Literal["fan_in", "fan_out"] = "fan_out") -> None:
    """Convolutions become Gaussian with variance 2 / (k * k * channels) (K. He et al., arXiv:1502.01852).

    The output channels are counted by default, and the linear layer keeps PyTorch's scale with its bias at zero,
    as in the code that the authors released (resnet-1k-layers); ``counts="fan_in"`` counts the input channels.
    Normalizations start as the identity; no scale starts at zero: that came after these papers.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode=counts, nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


def rename_keys(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """``state`` with every dotted part of its keys renamed by ``names``; parts that are not named stay."""
    return {".".join(names.get(part, part) for part in key.split(".")): value for key, value in state.items()}
