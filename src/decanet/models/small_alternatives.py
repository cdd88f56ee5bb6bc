"""A Vision Transformer and a ConvNeXt for 24x24 images, as costly as a small residual network.

Ours, for the controlled experiments of :mod:`decanet.experiments`; the layers are those of :mod:`decanet.models.vit`
(A. Dosovitskiy et al., arXiv:2010.11929) and :mod:`decanet.models.convnext` (Z. Liu et al., arXiv:2201.03545).

The idea: a convolution knows that neighboring pixels belong together; attention has to learn it. With few images that
should cost accuracy, and less of it with many.

``small_vit``
    patches of 4x4 pixels, so 36 tokens and the class token; four encoder layers of width 96 with three heads. The
    position embedding fits images of 24 pixels alone.
``small_convnext``
    a stem of 2x2 pixels, two stages of two blocks, 48 and 96 channels, without drop path.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.models._input_errors import explain_input_errors
from decanet.models.convnext import Block, ChannelNorm, initialize
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import register_model
from decanet.models.vit import EncoderLayer

PATCHES = 6 * 6
VIT_WIDTH, HEADS, LAYERS = 96, 3, 4


class SmallViT(nn.Module):
    """Figure 1 of the paper, for 36 patches."""

    stages: ClassVar = named_stages("patch_embedding", "encoder", "head")
    head_layers: ClassVar = ("head",)

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.patch_embedding = nn.Conv2d(3, VIT_WIDTH, kernel_size=4, stride=4)
        self.class_token = nn.Parameter(torch.zeros(1, 1, VIT_WIDTH))
        self.position = nn.Parameter(torch.empty(1, 1 + PATCHES, VIT_WIDTH))
        layers = (EncoderLayer(VIT_WIDTH, HEADS, 2 * VIT_WIDTH, dropout=0.0) for _ in range(LAYERS))
        self.encoder = nn.Sequential(*layers)
        self.norm = nn.LayerNorm(VIT_WIDTH, eps=1e-6)
        self.head = nn.Linear(VIT_WIDTH, num_classes)
        nn.init.normal_(self.position, std=0.02)
        for layer in self.encoder.modules():
            if isinstance(layer, nn.Linear):
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) -> tokens (N, 37, 96), the class token first."""
        x = self.patch_embedding(x).flatten(2).transpose(1, 2)  # (N, 36, 96)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1)
        return self.encoder(x + self.position)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 37, 96) -> (N, num_classes), from the class token."""
        return self.head(self.norm(x[:, 0]))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``head`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)


class SmallConvNeXt(nn.Module):
    """A stem and two stages of two blocks."""

    stages: ClassVar = named_stages("stem", "stage1", "stage2", "head")
    head_layers: ClassVar = ("head",)

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 48, kernel_size=2, stride=2), ChannelNorm(48, eps=1e-6))
        self.stage1 = nn.Sequential(Block(48, 0.0), Block(48, 0.0))
        down = (ChannelNorm(48, eps=1e-6), nn.Conv2d(48, 96, kernel_size=2, stride=2))
        self.stage2 = nn.Sequential(*down, Block(96, 0.0), Block(96, 0.0))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.LayerNorm(96, eps=1e-6)
        self.head = nn.Linear(96, num_classes)
        initialize(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) -> (N, 96, 6, 6)."""
        return self.stage2(self.stage1(self.stem(x)))

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 96, 6, 6) -> (N, num_classes)."""
        return self.head(self.norm(torch.flatten(self.avgpool(x), 1)))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``head`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.head)


@register_model(input_size=(3, 24, 24))
def small_vit(num_classes: int = 10) -> SmallViT:
    """Vision Transformer of four layers for 24x24 images, for the experiments."""
    return SmallViT(num_classes)


@register_model(input_size=(3, 24, 24))
def small_convnext(num_classes: int = 10) -> SmallConvNeXt:
    """ConvNeXt of two stages for 24x24 images, for the experiments."""
    return SmallConvNeXt(num_classes)
