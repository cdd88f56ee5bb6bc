"""VGG: deeper networks with 3x3 kernels only.

K. Simonyan, A. Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015,
arXiv:1409.1556.

The idea: two 3x3 convolutions have the receptive field of one of 5x5, three that of one of 7x7, with fewer parameters
and more non-linearities between them (section 2.3). Only the depth varies, 11 to 19 layers (Table 1), with every other
choice fixed. The error falls with depth up to 19 layers (Table 3).

Follows Table 1: configurations A, B, D and E as ``vgg11``, ``vgg13``, ``vgg16`` and ``vgg19``. Five blocks of 3x3
convolutions with padding 1, each followed by 2x2 max pooling; two hidden fully connected layers of 4096 units, with
dropout 0.5 after each (section 3.1).

Where this departs from the paper, and why:

- ``vgg11_bn`` to ``vgg19_bn`` have batch normalization after each convolution. They are later additions, in the layout
  of torchvision's pretrained weights; the paper has none.
- An average pooling to 7x7 before the fully connected layers allows image sizes other than 224, for which it is the
  identity. The paper applies the fully connected layers to larger images as convolutions and averages the class score
  maps (section 3.2).
- The initialization is Glorot and Bengio's. The paper trained A from Gaussian weights and initialized the deeper
  networks from it; its authors found later that Glorot's makes that unnecessary (section 3.1).

``vgg16_cifar`` is ours: configuration D with batch normalization for 32x32 images. Five poolings leave one pixel, so
one fully connected layer suffices. The paper has no network for 32x32.
"""

import re
from collections import OrderedDict
from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import COLOR_NOISE, MOMENTUM
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.registry import Departure, PretrainedWeights, register_model

# Table 1: the number of 3x3 convolutions in each of the five blocks.
A = (1, 1, 2, 2, 2)
B = (2, 2, 2, 2, 2)
D = (2, 2, 3, 3, 3)
E = (2, 2, 4, 4, 4)
WIDTHS = (64, 128, 256, 512, 512)


def vgg_block(number: int, in_channels: int, depth: int, batch_norm: bool) -> nn.Sequential:
    """Block ``number`` of Table 1, convolutions and pooling: (N, C_in, H, W) -> (N, C, H/2, W/2)."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    channels = WIDTHS[number - 1]
    for i in range(1, depth + 1):
        layers[f"conv{number}_{i}"] = nn.Conv2d(in_channels, channels, kernel_size=3, padding=1)
        if batch_norm:
            layers[f"bn{number}_{i}"] = nn.BatchNorm2d(channels)
        layers[f"relu{number}_{i}"] = nn.ReLU(inplace=True)
        in_channels = channels
    layers[f"pool{number}"] = nn.MaxPool2d(kernel_size=2, stride=2)
    return nn.Sequential(layers)


def stages(depths: tuple[int, ...], *linear: str) -> dict[str, str]:
    """The names that the literature uses, to the layers' paths: ``conv3_1`` is ``block3.conv3_1``."""
    paths = {}
    for number, depth in enumerate(depths, start=1):
        for i in range(1, depth + 1):
            paths[f"conv{number}_{i}"] = f"block{number}.conv{number}_{i}"
        paths[f"pool{number}"] = f"block{number}.pool{number}"
    return paths | {name: name for name in linear}


def initialize(model: nn.Module) -> None:
    """Glorot and Bengio's (section 3.1), biases 0."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class VGG(nn.Module):
    """Table 1 and section 2.1.

    Args:
        depths: convolutional layers in each of the five blocks.
    """

    head_layers: ClassVar = ("fc8",)

    def __init__(
        self, depths: tuple[int, ...], num_classes: int = 1000, dropout: float = 0.5, batch_norm: bool = False
    ) -> None:
        super().__init__()
        self.stages = stages(depths, "fc6", "fc7", "fc8")
        self.block1 = vgg_block(1, 3, depths[0], batch_norm)
        self.block2 = vgg_block(2, 64, depths[1], batch_norm)
        self.block3 = vgg_block(3, 128, depths[2], batch_norm)
        self.block4 = vgg_block(4, 256, depths[3], batch_norm)
        self.block5 = vgg_block(5, 512, depths[4], batch_norm)
        self.avgpool = nn.AdaptiveAvgPool2d((7, 7))  # the identity for 224x224 images
        self.fc6 = nn.Linear(512 * 7 * 7, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, num_classes)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(dropout)
        initialize(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 512, 7, 7)."""
        x = self.block1(x)  # (N, 64, 112, 112)
        x = self.block2(x)  # (N, 128, 56, 56)
        x = self.block3(x)  # (N, 256, 28, 28)
        x = self.block4(x)  # (N, 512, 14, 14)
        return self.block5(x)  # (N, 512, 7, 7)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 512, 7, 7) -> (N, num_classes)."""
        x = torch.flatten(self.avgpool(x), 1)  # (N, 25088)
        x = self.dropout(self.relu(self.fc6(x)))
        x = self.dropout(self.relu(self.fc7(x)))
        return self.fc8(x)

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc8`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.fc8)


class VGGCifar(nn.Module):
    """Configuration D with batch normalization for 32x32 images: one fully connected layer on one pixel."""

    head_layers: ClassVar = ("fc",)

    def __init__(self, num_classes: int = 10, dropout: float = 0.5) -> None:
        super().__init__()
        self.stages = stages(D, "fc")
        self.block1 = vgg_block(1, 3, D[0], batch_norm=True)
        self.block2 = vgg_block(2, 64, D[1], batch_norm=True)
        self.block3 = vgg_block(3, 128, D[2], batch_norm=True)
        self.block4 = vgg_block(4, 256, D[3], batch_norm=True)
        self.block5 = vgg_block(5, 512, D[4], batch_norm=True)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(512, num_classes)
        initialize(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 512, 1, 1)."""
        x = self.block1(x)  # (N, 64, 16, 16)
        x = self.block2(x)  # (N, 128, 8, 8)
        x = self.block3(x)  # (N, 256, 4, 4)
        x = self.block4(x)  # (N, 512, 2, 2)
        return self.block5(x)  # (N, 512, 1, 1)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 512, 1, 1) -> (N, num_classes)."""
        return self.fc(self.dropout(torch.flatten(x, 1)))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.fc)


def from_torchvision(state: Mapping[str, Tensor], convolutions: list[str]) -> dict[str, Tensor]:
    """Torchvision's keys -> ours: its numbers count the layers with parameters in the order of Table 1.

    Other keys stay as they are, so that loading the weights names them.
    """
    numbers = sorted({int(key.split(".")[1]) for key in state if re.match(r"features\.\d+\.", key)})
    layers = {"classifier.0": "fc6", "classifier.3": "fc7", "classifier.6": "fc8"}
    layers |= {f"features.{number}": name for number, name in zip(numbers, convolutions)}
    ours = {}
    for key, tensor in state.items():
        layer, _, tensor_name = key.rpartition(".")
        ours[f"{layers.get(layer, layer)}.{tensor_name}"] = tensor
    return ours


def _torchvision(name: str, depths: tuple[int, ...], *kinds: str) -> tuple[PretrainedWeights, ...]:
    layers = [
        f"block{block}.{kind}{block}_{i}"
        for block, depth in enumerate(depths, start=1)
        for i in range(1, depth + 1)
        for kind in kinds
    ]
    return (PretrainedWeights("torchvision", name, partial(from_torchvision, convolutions=layers)),)


PAPER = Recipe(
    # Section 3.1. The mean RGB value is subtracted, the scale stays 0..255. The learning rate was divided by 10 three
    # times, when the validation error stopped falling: 370,000 steps or 74 epochs in all.
    model=Model(name="vgg16"),
    data=Data(name="imagenet", image_size=224, mean=(0.485, 0.456, 0.406), std=(1 / 255,) * 3),
    augmentation=Augmentation(flip="random", resize=256, pca_noise=0.1),
    batch_size=256,
    epochs=74,
    optimizer=Sgd(lr=0.01, momentum=0.9, weight_decay=5e-4),
    schedule=Schedule(shape="plateau", gamma=0.1, patience=5),
    precision="float32",
    tta="flip",
    validation=0.05,
    log_every=100,
    departures=(
        COLOR_NOISE,
        "the learning rate follows the error on a held-out 5% of the training images; in the paper that on the "
        "validation set",
        "every network has Glorot's initialization; the paper initializes the deeper ones from its trained A",
        "one crop and its horizontal flip in the test; the paper's tests were dense (section 3.2)",
        MOMENTUM,
    ),
)


_register = partial(
    register_model, input_size=(3, 224, 224), paper="simonyan2014", too_small_use="vgg16_cifar"
)


@_register(facts="vgg11", pretrained=_torchvision("vgg11", A, "conv"), recipe=PAPER)
def vgg11(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """VGG configuration A: 8 convolutional and 3 fully connected layers."""
    return VGG(A, num_classes, dropout)


@_register(facts="vgg13", pretrained=_torchvision("vgg13", B, "conv"), recipe=PAPER)
def vgg13(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """VGG configuration B: 10 convolutional and 3 fully connected layers."""
    return VGG(B, num_classes, dropout)


@_register(facts="vgg16", pretrained=_torchvision("vgg16", D, "conv"), recipe=PAPER)
def vgg16(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """VGG configuration D: 13 convolutional and 3 fully connected layers."""
    return VGG(D, num_classes, dropout)


@_register(facts="vgg19", pretrained=_torchvision("vgg19", E, "conv"), recipe=PAPER)
def vgg19(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """VGG configuration E: 16 convolutional and 3 fully connected layers."""
    return VGG(E, num_classes, dropout)


@_register(
    facts="vgg11",
    departures={
        "params": Departure(132_868_840, "batch normalization, a later addition: 2 x 2,752 scales and shifts")
    },
    pretrained=_torchvision("vgg11_bn", A, "conv", "bn"),
)
def vgg11_bn(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """VGG configuration A with batch normalization, as in torchvision."""
    return VGG(A, num_classes, dropout, batch_norm=True)


@_register(
    facts="vgg13",
    departures={
        "params": Departure(133_053_736, "batch normalization, a later addition: 2 x 2,944 scales and shifts")
    },
    pretrained=_torchvision("vgg13_bn", B, "conv", "bn"),
)
def vgg13_bn(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """VGG configuration B with batch normalization, as in torchvision."""
    return VGG(B, num_classes, dropout, batch_norm=True)


@_register(
    facts="vgg16",
    departures={
        "params": Departure(138_365_992, "batch normalization, a later addition: 2 x 4,224 scales and shifts")
    },
    pretrained=_torchvision("vgg16_bn", D, "conv", "bn"),
)
def vgg16_bn(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """VGG configuration D with batch normalization, as in torchvision."""
    return VGG(D, num_classes, dropout, batch_norm=True)


@_register(
    facts="vgg19",
    departures={
        "params": Departure(143_678_248, "batch normalization, a later addition: 2 x 5,504 scales and shifts")
    },
    pretrained=_torchvision("vgg19_bn", E, "conv", "bn"),
)
def vgg19_bn(num_classes: int = 1000, dropout: float = 0.5) -> VGG:
    """VGG configuration E with batch normalization, as in torchvision."""
    return VGG(E, num_classes, dropout, batch_norm=True)


@register_model(input_size=(3, 32, 32), paper="simonyan2014")
def vgg16_cifar(num_classes: int = 10, dropout: float = 0.5) -> VGGCifar:
    """Our VGG for 32x32 images: configuration D, batch normalization, one fully connected layer."""
    return VGGCifar(num_classes, dropout)
