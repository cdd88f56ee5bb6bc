"""ResNeXt: many narrow parallel paths in a block; second in ILSVRC 2016.

S. Xie, R. Girshick, P. Dollar, Z. Tu, K. He, "Aggregated Residual Transformations for Deep Neural Networks",
CVPR 2017, arXiv:1611.05431.

The idea: besides depth and width a network has a third dimension, cardinality: the number of paths whose outputs a
block sums. 32 paths of width 4 cost as much as the one bottleneck of width 64 in ResNet-50 and are more accurate.
Because the sum of the paths' last 1x1 convolutions is one wide 1x1 convolution on their concatenated outputs, the block
can be written as a bottleneck with a grouped 3x3 convolution, one group for each path (Figure 3c).

Follows Table 1 (stages ``conv2`` to ``conv5``) and Figure 3(c), with the stride in the 3x3 convolution and projections
where channels grow, as in section 4 and in the authors' code. A name CxDd means C paths of width D in the first stage;
every later stage doubles the width.

``resnext50_32x4d``, ``resnext101_64x4d``
    Of the paper.
``resnext101_32x8d``
    Not in the paper; torchvision's network with paths twice as wide as 32x4d.
``resnext29_8x64d_cifar``, ``resnext29_16x64d_cifar``
    Section 5.3: a 3x3 convolution and three stages of three blocks for 32x32 images. Batch normalization follows each
    convolution as on ImageNet; the first arXiv version had pre-activation and, according to the authors' README, was
    less accurate.

Where it departs from the paper: nowhere known. For 64x4d the paper prints 15.6 billion multiply-adds; its layers have
15.46 billion.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import FB_RESNET_TORCH
from decanet.models._input_errors import explain_input_errors
from decanet.models._key_maps import rename_parts
from decanet.models.layers import Block, initialize_he, replace_head, stage
from decanet.models.protocol import named_stages
from decanet.models.registry import Departure, PretrainedWeights, register_model


class ResNeXtBlock(nn.Module):
    """The sum of ``cardinality`` paths, as a grouped convolution (Figure 3c).

    (N, C_in, H, W) -> (N, C_out, H/stride, W/stride). ``path_width`` is the width that a path has in the
    first stage, where C_out is ``base``, 256 in the paper; it grows with C_out.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        cardinality: int,
        path_width: int,
        base: int = 256,
    ) -> None:
        super().__init__()
        width = cardinality * path_width * out_channels // base
        self.conv1 = nn.Conv2d(in_channels, width, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, stride=stride, padding=1, groups=cardinality, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.shortcut(x)
        return self.relu(out)


def _block(cardinality: int, path_width: int, base: int = 256) -> Block:
    return lambda in_channels, out_channels, stride: ResNeXtBlock(
        in_channels, out_channels, stride, cardinality, path_width, base
    )


class ResNeXt(nn.Module):
    """Table 1: ResNet's plan with blocks of ``cardinality`` paths, ``path_width`` wide in conv2."""

    stages: ClassVar = named_stages("conv1", "pool", "conv2", "conv3", "conv4", "conv5", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(
        self, blocks: tuple[int, int, int, int], cardinality: int, path_width: int, num_classes: int = 1000
    ) -> None:
        super().__init__()
        block = _block(cardinality, path_width)
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.conv2 = stage(block, blocks[0], 64, 256, stride=1)
        self.conv3 = stage(block, blocks[1], 256, 512, stride=2)
        self.conv4 = stage(block, blocks[2], 512, 1024, stride=2)
        self.conv5 = stage(block, blocks[3], 1024, 2048, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 2048, 7, 7)."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, 112, 112)
        x = self.pool(x)  # (N, 64, 56, 56)
        x = self.conv2(x)  # (N, 256, 56, 56)
        x = self.conv3(x)  # (N, 512, 28, 28)
        x = self.conv4(x)  # (N, 1024, 14, 14)
        return self.conv5(x)  # (N, 2048, 7, 7)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 2048, 7, 7) -> (N, num_classes)."""
        return self.fc(torch.flatten(self.avgpool(x), 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize_he(self.fc)


class ResNeXtCifar(nn.Module):
    """Section 5.3: 9n + 2 layers for 32x32 images; in the paper n = 3 blocks in each of three stages.

    ``channels`` is the number of output channels of the first stage, 256 in the paper, where a path is ``path_width``
    wide.
    """

    stages: ClassVar = named_stages("conv1", "stage1", "stage2", "stage3", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(
        self, n: int, cardinality: int, path_width: int, num_classes: int = 10, channels: int = 256
    ) -> None:
        super().__init__()
        block = _block(cardinality, path_width, channels)
        self.conv1 = nn.Conv2d(3, channels // 4, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels // 4)
        self.relu = nn.ReLU(inplace=True)
        self.stage1 = stage(block, n, channels // 4, channels, stride=1)
        self.stage2 = stage(block, n, channels, 2 * channels, stride=2)
        self.stage3 = stage(block, n, 2 * channels, 4 * channels, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * channels, num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 1024, 8, 8)."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, 32, 32)
        x = self.stage1(x)  # (N, 256, 32, 32)
        x = self.stage2(x)  # (N, 512, 16, 16)
        return self.stage3(x)  # (N, 1024, 8, 8)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 1024, 8, 8) -> (N, num_classes)."""
        return self.fc(torch.flatten(self.pool(x), 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize_he(self.fc)


def _from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision's keys -> ours."""
    stages = {f"layer{i}": f"conv{i + 1}" for i in range(1, 5)}
    return rename_parts(state, {**stages, "downsample": "shortcut"})


PAPER = Recipe(
    # Section 4: the learning rate is divided by 10 three times; in the authors' code (facebookresearch/ResNeXt,
    # opts.lua and train.lua) every 30 of 100 epochs, with Nesterov momentum; colors as in its datasets/imagenet.lua.
    model=Model(name="resnext50_32x4d"),
    data=Data(name="imagenet", image_size=224),
    augmentation=Augmentation(
        flip="random", resize=256, scale=(0.08, 1.0), color_jitter=0.4, pca_noise=0.1, pca_scale="eigenvalue"
    ),
    batch_size=256,
    epochs=100,
    optimizer=Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    schedule=Schedule(shape="steps", milestones=(0.3, 0.6, 0.9), gamma=0.1),
    precision="float32",
    log_every=100,
    departures=FB_RESNET_TORCH,
)

PAPER_CIFAR = Recipe(
    # Section 5.3: the learning rate is divided by 10 at epochs 150 and 225 of 300. Nesterov momentum is from the
    # authors' code.
    model=Model(name="resnext29_8x64d_cifar"),
    augmentation=Augmentation(flip="random", crop_padding=4, padding_mode="black"),
    batch_size=128,
    epochs=300,
    optimizer=Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
    schedule=Schedule(shape="steps", milestones=(0.5, 0.75), gamma=0.1),
    precision="float32",
    log_every=100,
    departures=(
        "the learning rate falls after epochs 150 and 225, as in the paper; in the authors' code after 147 and 222",
    ),
)


@register_model(
    input_size=(3, 224, 224),
    paper="xie2016",
    facts="resnext50_32x4d",
    pretrained=(PretrainedWeights("torchvision", "resnext50_32x4d", _from_torchvision),),
    recipe=PAPER,
)
def resnext50_32x4d(num_classes: int = 1000) -> ResNeXt:
    """ResNeXt-50: 32 paths of width 4, as costly as ResNet-50."""
    return ResNeXt((3, 4, 6, 3), cardinality=32, path_width=4, num_classes=num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="xie2016",
    facts="resnext101_32x8d",
    pretrained=(PretrainedWeights("torchvision", "resnext101_32x8d", _from_torchvision),),
)
def resnext101_32x8d(num_classes: int = 1000) -> ResNeXt:
    """ResNeXt-101 with 32 paths of width 8: in torchvision, not in the paper."""
    return ResNeXt((3, 4, 23, 3), cardinality=32, path_width=8, num_classes=num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="xie2016",
    facts="resnext101_64x4d",
    departures={
        "macs": Departure(
            15_460_270_080,
            "the paper prints 15.6 billion; its layers have 15.46 billion, in torchvision's network too, and the "
            "paper does not state what else it counts",
        )
    },
    pretrained=(PretrainedWeights("torchvision", "resnext101_64x4d", _from_torchvision),),
    recipe=PAPER,
)
def resnext101_64x4d(num_classes: int = 1000) -> ResNeXt:
    """ResNeXt-101: 64 paths of width 4, the network of the 2016 entry."""
    return ResNeXt((3, 4, 23, 3), cardinality=64, path_width=4, num_classes=num_classes)


@register_model(input_size=(3, 32, 32), paper="xie2016", facts="resnext29_8x64d", recipe=PAPER_CIFAR)
def resnext29_8x64d_cifar(num_classes: int = 10) -> ResNeXtCifar:
    """ResNeXt-29 for 32x32 images: 8 paths of width 64."""
    return ResNeXtCifar(n=3, cardinality=8, path_width=64, num_classes=num_classes)


@register_model(input_size=(3, 32, 32), paper="xie2016", facts="resnext29_16x64d", recipe=PAPER_CIFAR)
def resnext29_16x64d_cifar(num_classes: int = 10) -> ResNeXtCifar:
    """ResNeXt-29 for 32x32 images: 16 paths of width 64."""
    return ResNeXtCifar(n=3, cardinality=16, path_width=64, num_classes=num_classes)


@register_model(input_size=(3, 24, 24))
def small_resnext(
    num_classes: int = 10, cardinality: int = 4, path_width: int = 6, blocks: int = 1
) -> ResNeXtCifar:
    """The plan for 32x32 images with a quarter of the channels and any number of paths, for the experiments; ours."""
    return ResNeXtCifar(blocks, cardinality, path_width, num_classes, channels=64)
