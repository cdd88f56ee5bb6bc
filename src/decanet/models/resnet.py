"""ResNet: the network that won ILSVRC 2015, 152 layers deep, and the plain networks of its comparison.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, arXiv:1512.03385.

The idea: a plain network of 34 layers has a higher training error than one of 18, although it could copy the 18 and
make the other layers the identity. So the identity is made easy to learn: a block adds its output to its input,
y = F(x) + x, which is the identity where F is zero. Depth then helps again, up to 152 layers and beyond.

Follows Table 1 (stages ``conv2_x`` to ``conv5_x``), Figure 3 (plain-34 and ResNet-34), Figure 5 (the two blocks),
section 3.4 (batch normalization after each convolution, before the activation; no dropout) and section 4.1
(shortcuts):

``resnet18``, ``resnet34``
    Two 3x3 convolutions in a block. ``shortcut`` chooses the shortcuts where channels grow: "A" pads the new channels
    with zeros, "B" has a projection (1x1 convolution) there, "C" has projections everywhere. Table 3 compares them. The
    paper's Table 2 has A; B is the default here, as in all known pretrained weights.
``plain18``, ``plain34``
    The same layers without shortcuts.
``resnet50``, ``resnet101``, ``resnet152``
    Bottlenecks: 1x1, 3x3, 1x1, projections where channels grow (option B). As in the paper and in its released models,
    the first 1x1 convolution of a stage has the stride of 2.
``resnet50_v1_5``, ``resnet101_v1_5``, ``resnet152_v1_5``
    The 3x3 convolution has the stride, so that no position is skipped. These are torchvision's networks of the plain
    names: equally many parameters, 6% more multiply-adds at 50 layers. The weights of one variant would load into the
    other without an error and give wrong outputs, so each is a network with a name of its own.

Where it departs from the paper: the max pooling has a padding of 1, where the released Caffe models round the size up
(both give 56 from 112), and ``conv1`` has no bias, which batch normalization makes redundant.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import CHANNEL_MEAN, COLOR_NOISE, DEVIATION, MOMENTUM
from decanet.models._input_errors import explain_input_errors
from decanet.models._key_maps import rename_parts
from decanet.models.layers import Block, PaddedShortcut, initialize_he, replace_head, stage
from decanet.models.protocol import named_stages
from decanet.models.registry import Departure, PretrainedWeights, register_model

BASIC_CHANNELS = (64, 128, 256, 512)  # Table 1: output channels of the stages
BOTTLENECK_CHANNELS = (256, 512, 1024, 2048)


def make_shortcut(option: str, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """Shortcut of a block: option "A", "B" or "C" of section 4.1.

    Raises:
        UsageError: unknown option.
    """
    grows = stride != 1 or in_channels != out_channels
    if option == "C" or (option == "B" and grows):
        return nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride, bias=False),
            nn.BatchNorm2d(out_channels),
        )
    if option not in {"A", "B"}:
        raise UsageError(f"the shortcut of a residual network is A, B or C, got {option!r}")
    return PaddedShortcut(in_channels, out_channels, stride) if grows else nn.Identity()


class BasicBlock(nn.Module):
    """Two 3x3 convolutions (Figure 5, left); without ``shortcut``, those of a plain network."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, shortcut: str | None) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.shortcut = make_shortcut(shortcut, in_channels, out_channels, stride) if shortcut else None
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.shortcut is not None:
            out += self.shortcut(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """1x1 down to ``width`` channels, 3x3, 1x1 up (Figure 5, right): (N, C_in, H, W) -> (N, C_out, H', W').

    Args:
        width: a quarter of ``out_channels`` by default.
        stride_in_3x3: version 1.5.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        width: int | None = None,
        stride_in_3x3: bool = False,
    ) -> None:
        super().__init__()
        width = width or out_channels // 4
        stride1, stride2 = (1, stride) if stride_in_3x3 else (stride, 1)
        self.conv1 = nn.Conv2d(in_channels, width, 1, stride=stride1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride2, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.shortcut = make_shortcut("B", in_channels, out_channels, stride)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.shortcut(x)
        return self.relu(out)


class ResNet(nn.Module):
    """Table 1: a 7x7 convolutional layer, four stages of ``blocks`` blocks with ``channels`` channels, ``fc``."""

    stages: ClassVar = named_stages("conv1", "pool", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(
        self,
        block: Block,
        blocks: tuple[int, int, int, int],
        channels: tuple[int, int, int, int],
        num_classes: int = 1000,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.conv2_x = stage(block, blocks[0], 64, channels[0], stride=1)
        self.conv3_x = stage(block, blocks[1], channels[0], channels[1], stride=2)
        self.conv4_x = stage(block, blocks[2], channels[1], channels[2], stride=2)
        self.conv5_x = stage(block, blocks[3], channels[2], channels[3], stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels[3], num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, channels[3], 7, 7)."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, 112, 112)
        x = self.pool(x)  # (N, 64, 56, 56)
        x = self.conv2_x(x)  # (N, channels[0], 56, 56)
        x = self.conv3_x(x)  # (N, channels[1], 28, 28)
        x = self.conv4_x(x)  # (N, channels[2], 14, 14)
        return self.conv5_x(x)  # (N, channels[3], 7, 7)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, channels[3], 7, 7) -> (N, num_classes)."""
        return self.fc(torch.flatten(self.avgpool(x), 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize_he(self.fc)


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision's keys -> ours."""
    stages = {f"layer{i}": f"conv{i + 1}_x" for i in range(1, 5)}
    return rename_parts(state, {**stages, "downsample": "shortcut"})


MACS_V1 = (
    "the first 1x1 convolution has the stride of 2, as in the paper and its released models; the stated number is that "
    "of version 1.5"
)


PAPER = Recipe(
    # Section 3.4: up to 600,000 steps, or 120 epochs; the learning rate is divided by 10 when the error plateaus.
    model=Model(name="resnet50"),
    data=Data(name="imagenet", image_size=224),
    augmentation=Augmentation(flip="random", resize=256, pca_noise=0.1),
    batch_size=256,
    epochs=120,
    optimizer=Sgd(lr=0.1, momentum=0.9, weight_decay=1e-4),
    schedule=Schedule(shape="plateau", gamma=0.1, patience=5),
    precision="float32",
    tta="ten_crop",
    validation=0.05,
    log_every=100,
    departures=(
        COLOR_NOISE,
        "images are resized to a shorter edge of 256 before cropping; in the paper to a random one of 256 to 480",
        CHANNEL_MEAN,
        DEVIATION,
        "the learning rate follows the error on a held-out 5% of the training images; the paper states no images",
        "ten crops in the test; the paper's best results are from dense evaluation at several sizes",
        MOMENTUM,
    ),
)


@register_model(
    input_size=(3, 224, 224),
    paper="he2015",
    facts="resnet18",
    pretrained=(PretrainedWeights("torchvision", "resnet18", from_torchvision),),
    recipe=PAPER,
)
def resnet18(num_classes: int = 1000, shortcut: str = "B") -> ResNet:
    """ResNet-18: two blocks of two 3x3 convolutions in each stage."""
    return ResNet(partial(BasicBlock, shortcut=shortcut), (2, 2, 2, 2), BASIC_CHANNELS, num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="he2015",
    facts="resnet34",
    pretrained=(PretrainedWeights("torchvision", "resnet34", from_torchvision),),
    recipe=PAPER,
)
def resnet34(num_classes: int = 1000, shortcut: str = "B") -> ResNet:
    """ResNet-34: the network of Figure 3."""
    return ResNet(partial(BasicBlock, shortcut=shortcut), (3, 4, 6, 3), BASIC_CHANNELS, num_classes)


@register_model(input_size=(3, 224, 224), paper="he2015", facts="plain18", recipe=PAPER)
def plain18(num_classes: int = 1000) -> ResNet:
    """The 18 layers without shortcuts."""
    return ResNet(partial(BasicBlock, shortcut=None), (2, 2, 2, 2), BASIC_CHANNELS, num_classes)


@register_model(input_size=(3, 224, 224), paper="he2015", facts="plain34", recipe=PAPER)
def plain34(num_classes: int = 1000) -> ResNet:
    """The 34 layers without shortcuts, whose training error is higher than that of the 18."""
    return ResNet(partial(BasicBlock, shortcut=None), (3, 4, 6, 3), BASIC_CHANNELS, num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="he2015",
    facts="resnet50",
    departures={"macs": Departure(3_857_973_248, MACS_V1)},
    recipe=PAPER,
)
def resnet50(num_classes: int = 1000) -> ResNet:
    """ResNet-50 of the paper: bottlenecks, stride in the first 1x1 convolution."""
    return ResNet(Bottleneck, (3, 4, 6, 3), BOTTLENECK_CHANNELS, num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="he2015",
    facts="resnet101",
    departures={"macs": Departure(7_570_194_432, MACS_V1)},
    recipe=PAPER,
)
def resnet101(num_classes: int = 1000) -> ResNet:
    """ResNet-101 of the paper: stride in the first 1x1 convolution."""
    return ResNet(Bottleneck, (3, 4, 23, 3), BOTTLENECK_CHANNELS, num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="he2015",
    facts="resnet152",
    departures={"macs": Departure(11_282_415_616, MACS_V1)},
    recipe=PAPER,
)
def resnet152(num_classes: int = 1000) -> ResNet:
    """ResNet-152 of the paper, the deepest of the winning entry of 2015."""
    return ResNet(Bottleneck, (3, 8, 36, 3), BOTTLENECK_CHANNELS, num_classes)


BottleneckV15 = partial(Bottleneck, stride_in_3x3=True)
MACS_V1_5 = "the 3x3 convolution has the stride of 2, as in torchvision; the paper counts version 1"


@register_model(
    input_size=(3, 224, 224),
    paper="he2015",
    facts="resnet50",
    departures={"macs": Departure(4_089_184_256, MACS_V1_5)},
    pretrained=(PretrainedWeights("torchvision", "resnet50", from_torchvision),),
)
def resnet50_v1_5(num_classes: int = 1000) -> ResNet:
    """ResNet-50 with the stride in the 3x3 convolution, as in torchvision."""
    return ResNet(BottleneckV15, (3, 4, 6, 3), BOTTLENECK_CHANNELS, num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="he2015",
    facts="resnet101",
    departures={"macs": Departure(7_801_405_440, MACS_V1_5)},
    pretrained=(PretrainedWeights("torchvision", "resnet101", from_torchvision),),
)
def resnet101_v1_5(num_classes: int = 1000) -> ResNet:
    """ResNet-101 with the stride in the 3x3 convolution, as in torchvision."""
    return ResNet(BottleneckV15, (3, 4, 23, 3), BOTTLENECK_CHANNELS, num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="he2015",
    facts="resnet152",
    departures={"macs": Departure(11_513_626_624, MACS_V1_5)},
    pretrained=(PretrainedWeights("torchvision", "resnet152", from_torchvision),),
)
def resnet152_v1_5(num_classes: int = 1000) -> ResNet:
    """ResNet-152 with the stride in the 3x3 convolution, as in torchvision."""
    return ResNet(BottleneckV15, (3, 8, 36, 3), BOTTLENECK_CHANNELS, num_classes)
