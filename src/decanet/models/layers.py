"""Layers and steps of several papers: shortcuts, stages of blocks, He's initialization, a new head."""

from collections.abc import Callable
from typing import Any, Literal

import torch.nn.functional as F
from torch import Tensor, nn

from decanet.core.errors import UsageError

Block = Callable[[int, int, int], nn.Module]  # (in_channels, out_channels, stride) -> block


class PaddedShortcut(nn.Module):
    """Identity shortcut where channels grow (He et al. 2015, section 3.3, option A): zeros fill the new channels.

    It keeps every ``stride``-th pixel. It has no parameters, so a residual network and the plain network of the same
    layers have equally many.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.new_channels = out_channels - in_channels
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, ceil(H/stride), ceil(W/stride))."""
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))


def stage(block: Block, count: int, in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    """``count`` blocks with feature maps of one size; the first block changes the channels and the resolution."""
    rest = (block(out_channels, out_channels, 1) for _ in range(count - 1))
    return nn.Sequential(block(in_channels, out_channels, stride), *rest)


def initialize_he(model: nn.Module, counts: Literal["fan_in", "fan_out"] = "fan_out") -> None:
    """Draw convolutional layers from a Gaussian of variance 2 / (k * k * channels) (K. He et al., arXiv:1502.01852).

    The output channels are counted by default, and the fully connected layer keeps PyTorch's weights with its bias at
    zero, as in the code that the authors released (resnet-1k-layers); ``counts="fan_in"`` counts the input channels.
    Batch normalization starts as the identity; no scale starts at zero: that came after these papers.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode=counts, nonlinearity="relu")
        elif isinstance(module, nn.Linear):
            nn.init.zeros_(module.bias)


def replace_head(model: nn.Module, num_classes: int) -> dict[str, nn.Module]:
    """Replace the ``head_layers`` of ``model`` by new ones with ``num_classes`` outputs, initialized by PyTorch.

    A network's ``reset_head`` calls this and then initializes the new layers as its paper does.

    Returns:
        The new layers by their dotted paths.

    Raises:
        UsageError: ``num_classes`` is less than 1.
    """
    if num_classes < 1:
        raise UsageError(f"a head needs at least 1 class, got num_classes={num_classes}")
    layers: dict[str, nn.Module] = {}
    for path in model.head_layers:  # type: ignore[union-attr]
        old = model.get_submodule(path)
        assert isinstance(old, nn.Linear | nn.Conv2d)
        kept: dict[str, Any] = {
            "bias": old.bias is not None,
            "device": old.weight.device,
            "dtype": old.weight.dtype,
        }
        if isinstance(old, nn.Linear):
            layers[path] = nn.Linear(old.in_features, num_classes, **kept)
        else:
            layers[path] = nn.Conv2d(old.in_channels, num_classes, kernel_size=1, **kept)
        model.set_submodule(path, layers[path])
    return layers
