"""DenseNet: every layer takes the feature maps of all layers before it.

G. Huang, Z. Liu, L. van der Maaten, K. Q. Weinberger, "Densely Connected Convolutional Networks", CVPR 2017,
arXiv:1608.06993.

The idea: a residual network adds the output of each layer to its input; DenseNet concatenates them. A layer then need
not repeat what earlier layers computed and can be very narrow: it adds k feature maps (the growth rate, 12 to 48) to
the input of all later layers of its block. Few parameters, many connections: L(L+1)/2 in L layers.

Follows section 3 and Table 1. The order is always batch normalization, ReLU, convolution. B means a 1x1 convolution to
4k feature maps before each 3x3 convolution, C means that a transition halves their number (compression 0.5).

``densenet121``, ``densenet169``, ``densenet201``, ``densenet161``
    DenseNet-BC for ImageNet: ``conv1`` and ``pool``, four blocks (``block1`` ...), three transitions between them. 161
    has growth rate 48 and starts with 96 feature maps; it is not in Table 1 but in the authors' repository.
``densenet40_12_cifar``
    Section 3.4 for 32x32 images: three blocks of 12 layers, k = 12, without B and C, starts with 16 feature maps.
``densenet_bc100_12_cifar``
    With B and C: three blocks of 16 pairs of layers, k = 12, starts with 2k feature maps.

``dropout`` follows each convolution but the first; in the paper it is 0.2 on CIFAR without augmentation, else 0.

Where it departs from the paper: nowhere known. Concatenation is written plainly: in training it needs memory that grows
with the square of a block's depth.
"""

import re
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import FB_RESNET_TORCH
from decanet.models._input_errors import explain_input_errors
from decanet.models._key_maps import rename_parts
from decanet.models.layers import initialize_he, replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import PretrainedWeights, register_model


class DenseLayer(nn.Module):
    """A 3x3 convolution that adds ``growth`` feature maps to its input: (N, C, H, W) -> (N, C + growth, H, W)."""

    def __init__(self, in_channels: int, growth: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, growth, kernel_size=3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C + growth, H, W)."""
        new = self.dropout(self.conv1(self.relu(self.bn1(x))))
        return torch.cat([x, new], dim=1)


class BottleneckLayer(nn.Module):
    """The same after a 1x1 convolution to 4 * growth feature maps: (N, C, H, W) -> (N, C + growth, H, W)."""

    def __init__(self, in_channels: int, growth: int, dropout: float) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.conv1 = nn.Conv2d(in_channels, 4 * growth, kernel_size=1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, kernel_size=3, padding=1, bias=False)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C + growth, H, W)."""
        new = self.dropout(self.conv1(self.relu(self.bn1(x))))
        new = self.dropout(self.conv2(self.relu(self.bn2(new))))
        return torch.cat([x, new], dim=1)


class Transition(nn.Module):
    """Between two blocks, a 1x1 convolution and 2x2 average pooling, which halves height and width."""

    def __init__(self, in_channels: int, out_channels: int, dropout: float) -> None:
        super().__init__()
        self.bn = nn.BatchNorm2d(in_channels)
        self.relu = nn.ReLU(inplace=True)
        self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)
        self.dropout = nn.Dropout(dropout)
        self.pool = nn.AvgPool2d(kernel_size=2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/2, W/2)."""
        return self.pool(self.dropout(self.conv(self.relu(self.bn(x)))))


def _block(
    layer: type[nn.Module], count: int, in_channels: int, growth: int, dropout: float = 0.0
) -> nn.Sequential:
    return nn.Sequential(*(layer(in_channels + i * growth, growth, dropout) for i in range(count)))


class DenseNet(nn.Module):
    """DenseNet-BC of Table 1: four blocks of ``layers`` layers, each of which adds ``growth`` feature maps."""

    stages: ClassVar = named_stages(
        "conv1",
        "pool",
        "block1",
        "transition1",
        "block2",
        "transition2",
        "block3",
        "transition3",
        "block4",
        "fc",
    )
    head_layers: ClassVar = ("fc",)

    def __init__(self, layers: tuple[int, int, int, int], growth: int, num_classes: int = 1000) -> None:
        super().__init__()
        # Sections 3.3 and 3.4: the first convolution has 2k output channels, a transition halves their number.
        c0 = 2 * growth
        c1 = (c0 + layers[0] * growth) // 2
        c2 = (c1 + layers[1] * growth) // 2
        c3 = (c2 + layers[2] * growth) // 2
        c4 = c3 + layers[3] * growth
        self.conv1 = nn.Conv2d(3, c0, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(c0)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.block1 = _block(BottleneckLayer, layers[0], c0, growth)
        self.transition1 = Transition(2 * c1, c1, dropout=0.0)
        self.block2 = _block(BottleneckLayer, layers[1], c1, growth)
        self.transition2 = Transition(2 * c2, c2, dropout=0.0)
        self.block3 = _block(BottleneckLayer, layers[2], c2, growth)
        self.transition3 = Transition(2 * c3, c3, dropout=0.0)
        self.block4 = _block(BottleneckLayer, layers[3], c3, growth)
        self.bn2 = nn.BatchNorm2d(c4)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c4, num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, c4, 7, 7); the channels in the comments are DenseNet-121's."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, 112, 112)
        x = self.pool(x)  # (N, 64, 56, 56)
        x = self.transition1(self.block1(x))  # (N, 256, 56, 56), then (N, 128, 28, 28)
        x = self.transition2(self.block2(x))  # (N, 512, 28, 28), then (N, 256, 14, 14)
        x = self.transition3(self.block3(x))  # (N, 1024, 14, 14), then (N, 512, 7, 7)
        x = self.block4(x)  # (N, 1024, 7, 7)
        return self.relu(self.bn2(x))

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, c4, 7, 7) -> (N, num_classes)."""
        return self.fc(torch.flatten(self.avgpool(x), 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize_he(self.fc)


class DenseNetCifar(nn.Module):
    """Three blocks of ``layers`` layers for 32x32 images; ``bc`` adds bottlenecks and compression."""

    stages: ClassVar = named_stages("conv1", "block1", "transition1", "block2", "transition2", "block3", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(
        self, layers: int, growth: int, bc: bool = False, num_classes: int = 10, dropout: float = 0.0
    ) -> None:
        super().__init__()
        layer = BottleneckLayer if bc else DenseLayer
        added = layers * growth
        c0 = 2 * growth if bc else 16  # section 3.4
        c1 = (c0 + added) // 2 if bc else c0 + added
        c2 = (c1 + added) // 2 if bc else c1 + added
        c3 = c2 + added
        self.conv1 = nn.Conv2d(3, c0, kernel_size=3, padding=1, bias=False)
        self.block1 = _block(layer, layers, c0, growth, dropout)
        self.transition1 = Transition(c0 + added, c1, dropout)
        self.block2 = _block(layer, layers, c1, growth, dropout)
        self.transition2 = Transition(c1 + added, c2, dropout)
        self.block3 = _block(layer, layers, c2, growth, dropout)
        self.bn = nn.BatchNorm2d(c3)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(c3, num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, c3, 8, 8)."""
        x = self.conv1(x)  # (N, c0, 32, 32)
        x = self.transition1(self.block1(x))  # (N, c1, 16, 16)
        x = self.transition2(self.block2(x))  # (N, c2, 8, 8)
        x = self.block3(x)  # (N, c3, 8, 8)
        return self.relu(self.bn(x))

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, c3, 8, 8) -> (N, num_classes)."""
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
    """Torchvision's keys -> ours; its weight files have ``norm.1`` instead of ``norm1``."""
    names = {"conv0": "conv1", "norm0": "bn1", "norm5": "bn2", "norm1": "bn1", "norm2": "bn2", "norm": "bn"}
    names |= {f"denseblock{i}": f"block{i}" for i in range(1, 5)}
    names |= {f"denselayer{i}": str(i - 1) for i in range(1, 49)}
    names |= {"classifier": "fc"}
    plain = {
        re.sub(r"\.(norm|conv)\.([12])\.", r".\1\2.", key.removeprefix("features.")): value
        for key, value in state.items()
    }
    return rename_parts(plain, names)


PAPER = Recipe(
    # Sections 4.1 and 4.2: the learning rate is divided by 10 at epochs 30 and 60 of 90, and the augmentation is that
    # of fb.resnet.torch, whose datasets/imagenet.lua has color jitter.
    model=Model(name="densenet121"),
    data=Data(name="imagenet", image_size=224),
    augmentation=Augmentation(
        flip="random", resize=256, scale=(0.08, 1.0), color_jitter=0.4, pca_noise=0.1, pca_scale="eigenvalue"
    ),
    batch_size=256,
    epochs=90,
    optimizer=Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    schedule=Schedule(shape="steps", milestones=(30 / 90, 60 / 90), gamma=0.1),
    precision="float32",
    log_every=100,
    departures=FB_RESNET_TORCH,
)

PAPER_CIFAR = Recipe(
    # Section 4.2, the columns with augmentation (C10+), so without dropout: divided by 10 at half and three
    # quarters.
    model=Model(name="densenet40_12_cifar"),
    augmentation=Augmentation(flip="random", crop_padding=4, padding_mode="black"),
    batch_size=64,
    epochs=300,
    optimizer=Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    schedule=Schedule(shape="steps", milestones=(0.5, 0.75), gamma=0.1),
    precision="float32",
    log_every=100,
)


@register_model(
    input_size=(3, 224, 224),
    paper="huang2016",
    facts="densenet121",
    pretrained=(PretrainedWeights("torchvision", "densenet121", _from_torchvision),),
    too_small_use="densenet_bc100_12_cifar",
    recipe=PAPER,
)
def densenet121(num_classes: int = 1000) -> DenseNet:
    """DenseNet-121: growth rate 32, blocks of 6, 12, 24 and 16 layers."""
    return DenseNet((6, 12, 24, 16), growth=32, num_classes=num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="huang2016",
    facts="densenet161",
    pretrained=(PretrainedWeights("torchvision", "densenet161", _from_torchvision),),
    too_small_use="densenet_bc100_12_cifar",
)
def densenet161(num_classes: int = 1000) -> DenseNet:
    """DenseNet-161 of the authors' repository: growth rate 48, blocks of 6, 12, 36 and 24 layers."""
    return DenseNet((6, 12, 36, 24), growth=48, num_classes=num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="huang2016",
    facts="densenet169",
    pretrained=(PretrainedWeights("torchvision", "densenet169", _from_torchvision),),
    too_small_use="densenet_bc100_12_cifar",
    recipe=PAPER,
)
def densenet169(num_classes: int = 1000) -> DenseNet:
    """DenseNet-169: growth rate 32, blocks of 6, 12, 32 and 32 layers."""
    return DenseNet((6, 12, 32, 32), growth=32, num_classes=num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="huang2016",
    facts="densenet201",
    pretrained=(PretrainedWeights("torchvision", "densenet201", _from_torchvision),),
    too_small_use="densenet_bc100_12_cifar",
    recipe=PAPER,
)
def densenet201(num_classes: int = 1000) -> DenseNet:
    """DenseNet-201: growth rate 32, blocks of 6, 12, 48 and 32 layers."""
    return DenseNet((6, 12, 48, 32), growth=32, num_classes=num_classes)


@register_model(input_size=(3, 32, 32), paper="huang2016", facts="cifar_densenet_40_12", recipe=PAPER_CIFAR)
def densenet40_12_cifar(num_classes: int = 10, dropout: float = 0.0) -> DenseNetCifar:
    """DenseNet with 40 layers and growth rate 12 for 32x32 images, without bottlenecks."""
    return DenseNetCifar(layers=12, growth=12, num_classes=num_classes, dropout=dropout)


@register_model(
    input_size=(3, 32, 32),
    paper="huang2016",
    facts="cifar_densenet_bc_100_12",
    recipe=PAPER_CIFAR,
)
def densenet_bc100_12_cifar(num_classes: int = 10, dropout: float = 0.0) -> DenseNetCifar:
    """DenseNet-BC with 100 layers and growth rate 12 for 32x32 images: 0.8 million parameters."""
    return DenseNetCifar(layers=16, growth=12, bc=True, num_classes=num_classes, dropout=dropout)


@register_model(input_size=(3, 24, 24))
def small_densenet(num_classes: int = 10, layers: int = 4, growth: int = 12) -> DenseNetCifar:
    """The plan for 32x32 images with bottlenecks, three short blocks of any growth, for the experiments; ours."""
    return DenseNetCifar(layers, growth, bc=True, num_classes=num_classes)
