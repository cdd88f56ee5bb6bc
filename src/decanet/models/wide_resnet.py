"""Wide residual networks: fewer and wider layers instead of more layers.

S. Zagoruyko, N. Komodakis, "Wide Residual Networks", BMVC 2016, arXiv:1605.07146.

The idea: residual networks had grown to a thousand layers, each of which added little. 16 or 28 layers that are several
times wider do better: WRN-16-4 is nearly as accurate as the thin network of 1001 layers, WRN-28-10 more accurate, and
both train many times faster, since few large convolutions use the hardware better than many small ones.

Follows Table 1 and section 2. WRN-d-k has d = 6n + 4 layers and k times the channels of ResNet; the count includes the
three projections but not the fully connected layer. Its blocks are of type B(3, 3), pre-activated:

``wrn_16_4_cifar``, ``wrn_28_10_cifar``
    ``dropout`` is between the two convolutions of a block (section 2.4; 0.3 on CIFAR, 0 by default). In the first block
    of a stage the branch and the projection have the same activation, as in the authors' code.
``wide_resnet50_2``
    WRN-50-2-bottleneck of Table 8: ResNet-50 with the 3x3 convolutions of its bottlenecks twice as wide and with the
    stride. Its blocks have as many output channels as those of ResNet-50. No source in the facts states how it was
    trained on ImageNet, so it has no recipe.

The paper states no initialization. The convolutional layers of the CIFAR networks have that of the authors' code, He's
Gaussian over the inputs (models/utils.lua, MSRinit; its first version counted the outputs).

Where it departs from the authors' code: the scales of batch normalization start at 1; Torch drew them from 0 to 1, and
so does the authors' PyTorch version.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Model, Recipe, Schedule, Sgd
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import initialize_he, replace_head, stage
from decanet.models.protocol import named_stages
from decanet.models.registry import Departure, PretrainedWeights, register_model
from decanet.models.resnet import BOTTLENECK_CHANNELS, Bottleneck, ResNet, from_torchvision


class WideBlock(nn.Module):
    """B(3, 3) with dropout between the convolutions: (N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.grows = in_channels != out_channels
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = (
            nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)
            if self.grows
            else nn.Identity()
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        activated = self.relu(self.bn1(x))
        out = self.relu(self.bn2(self.conv1(activated)))
        out = self.conv2(self.dropout(out))
        out += self.shortcut(activated if self.grows else x)
        return out


class WideResNetCifar(nn.Module):
    """Table 1: 6n + 4 layers, ``k`` times as wide as ResNet's 16, 32 and 64 channels."""

    stages: ClassVar = named_stages("conv1", "stage1", "stage2", "stage3", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(self, n: int, k: int, num_classes: int = 10, dropout: float = 0.0) -> None:
        super().__init__()

        def block(in_channels: int, out_channels: int, stride: int) -> WideBlock:
            return WideBlock(in_channels, out_channels, stride, dropout)

        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1, bias=False)
        self.stage1 = stage(block, n, 16, 16 * k, stride=1)
        self.stage2 = stage(block, n, 16 * k, 32 * k, stride=2)
        self.stage3 = stage(block, n, 32 * k, 64 * k, stride=2)
        self.bn = nn.BatchNorm2d(64 * k)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(64 * k, num_classes)
        initialize_he(self, counts="fan_in")

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 64k, 8, 8)."""
        x = self.conv1(x)  # (N, 16, 32, 32)
        x = self.stage1(x)  # (N, 16k, 32, 32)
        x = self.stage2(x)  # (N, 32k, 16, 16)
        x = self.stage3(x)  # (N, 64k, 8, 8)
        return self.relu(self.bn(x))

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 64k, 8, 8) -> (N, num_classes)."""
        return self.fc(torch.flatten(self.pool(x), 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize_he(self.fc, counts="fan_in")


PAPER = Recipe(
    # Section 3: the learning rate is multiplied by 0.2 at epochs 60, 120 and 160 of 200.
    model=Model(name="wrn_28_10_cifar"),
    augmentation=Augmentation(flip="random", crop_padding=4, padding_mode="reflect"),
    batch_size=128,
    epochs=200,
    optimizer=Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
    schedule=Schedule(shape="steps", milestones=(0.3, 0.6, 0.8), gamma=0.2),
    precision="float32",
    log_every=100,
    departures=(
        "the scales of batch normalization start at 1; in the authors' code at random values from 0 to 1",
    ),
)

DEPTH = (
    "the paper counts the projections and not the fully connected layer (6n + 4); the longest path has 6n + 2"
)


@register_model(
    input_size=(3, 32, 32),
    paper="zagoruyko2016",
    facts="wrn_16_4",
    departures={"depth": Departure(14, DEPTH)},
    recipe=PAPER,
)
def wrn_16_4_cifar(num_classes: int = 10, dropout: float = 0.0) -> WideResNetCifar:
    """WRN-16-4 for 32x32 images: 16 layers, four times as wide."""
    return WideResNetCifar(n=2, k=4, num_classes=num_classes, dropout=dropout)


@register_model(
    input_size=(3, 32, 32),
    paper="zagoruyko2016",
    facts="wrn_28_10",
    departures={"depth": Departure(26, DEPTH)},
    recipe=PAPER,
)
def wrn_28_10_cifar(num_classes: int = 10, dropout: float = 0.0) -> WideResNetCifar:
    """WRN-28-10 for 32x32 images: 28 layers, ten times as wide."""
    return WideResNetCifar(n=4, k=10, num_classes=num_classes, dropout=dropout)


@register_model(
    input_size=(3, 224, 224),
    paper="zagoruyko2016",
    facts="wide_resnet50_2",
    pretrained=(PretrainedWeights("torchvision", "wide_resnet50_2", from_torchvision),),
)
def wide_resnet50_2(num_classes: int = 1000) -> ResNet:
    """WRN-50-2-bottleneck: ResNet-50 with inner convolutions twice as wide."""

    def block(in_channels: int, out_channels: int, stride: int) -> Bottleneck:
        return Bottleneck(in_channels, out_channels, stride, width=2 * out_channels // 4, stride_in_3x3=True)

    return ResNet(block, (3, 4, 6, 3), BOTTLENECK_CHANNELS, num_classes)
