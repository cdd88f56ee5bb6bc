"""Pre-activation ResNet: batch normalization and ReLU precede the convolutions, and the shortcut is the identity.

K. He, X. Zhang, S. Ren, J. Sun, "Identity Mappings in Deep Residual Networks", ECCV 2016, arXiv:1603.05027.

The idea: in the first ResNet a ReLU follows every addition, so each block changes the signal on its shortcut. With
batch normalization and ReLU at the start of the residual branch instead (Figure 1b, Figure 4e), the shortcut is the
identity from end to end: x_L = x_l + sum of the branches between. Signals and gradients propagate unchanged through any
number of blocks, and 1001 layers train as easily as 110.

Follows Figure 4(e), "full pre-activation", and the appendix: the activation of the first unit directly follows
``conv1``, before the paths split; another batch normalization and ReLU follow the last unit.

``preact_resnet110_cifar``
    Units of two 3x3 convolutions, shortcuts without parameters (1.7 million parameters, as ResNet-110).
``preact_resnet164_cifar``
    Bottleneck units; where channels grow, a projection of the *activated* feature maps, with the stride in the first
    1x1 convolution, both as in the authors' released code (resnet-1k-layers).
``preact_resnet200``
    Section 5: ResNet-152 with 16 more units on feature maps of 28x28, so (3, 24, 36, 3) units.

Where it departs from the paper: where channels grow, both paths of the 110-layer network have the same activation. The
paper states this for the first unit only; its released code does it wherever channels grow.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import CHANNEL_MEAN, DEVIATION, FB_RESNET_TORCH, MOMENTUM, WARM_UP
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import Block, PaddedShortcut, initialize_he, replace_head, stage
from decanet.models.protocol import named_stages
from decanet.models.registry import register_model


def _activation(channels: int) -> nn.Sequential:
    return nn.Sequential(nn.BatchNorm2d(channels), nn.ReLU(inplace=True))


class PreActBasicUnit(nn.Module):
    """x + conv(act(conv(act(x)))), where act is batch normalization and ReLU (Figure 4e)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.grows = in_channels != out_channels
        self.act1 = _activation(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.act2 = _activation(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.shortcut = PaddedShortcut(in_channels, out_channels, stride) if self.grows else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        activated = self.act1(x)
        out = self.conv1(activated)
        out = self.conv2(self.act2(out))
        out += self.shortcut(activated if self.grows else x)
        return out


class PreActBottleneckUnit(nn.Module):
    """The unit with 1x1, 3x3 and 1x1 convolutions and a quarter of ``out_channels`` in between."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        width = out_channels // 4
        self.grows = in_channels != out_channels
        self.act1 = _activation(in_channels)
        self.conv1 = nn.Conv2d(in_channels, width, 1, stride=stride, bias=False)
        self.act2 = _activation(width)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1, bias=False)
        self.act3 = _activation(width)
        self.conv3 = nn.Conv2d(width, out_channels, 1, bias=False)
        self.shortcut: nn.Module = nn.Identity()
        if self.grows:
            self.shortcut = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        activated = self.act1(x)
        out = self.conv1(activated)
        out = self.conv2(self.act2(out))
        out = self.conv3(self.act3(out))
        out += self.shortcut(activated if self.grows else x)
        return out


def _first_stage(unit: Block, count: int, in_channels: int, out_channels: int) -> nn.Sequential:
    """A stage with an activated input: the activation of its first unit directly follows conv1."""
    units = stage(unit, count, in_channels, out_channels, stride=1)
    units[0].act1 = nn.Identity()
    return units


class PreActResNetCifar(nn.Module):
    """Three stages of ``n`` units with feature maps of 32x32, 16x16 and 8x8."""

    stages: ClassVar = named_stages("conv1", "stage1", "stage2", "stage3", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(self, unit: Block, n: int, channels: tuple[int, int, int], num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, kernel_size=3, padding=1, bias=False)
        self.act1 = _activation(16)
        self.stage1 = _first_stage(unit, n, 16, channels[0])
        self.stage2 = stage(unit, n, channels[0], channels[1], stride=2)
        self.stage3 = stage(unit, n, channels[1], channels[2], stride=2)
        self.act2 = _activation(channels[2])
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels[2], num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, channels[2], 8, 8)."""
        x = self.act1(self.conv1(x))  # (N, 16, 32, 32)
        x = self.stage1(x)  # (N, channels[0], 32, 32)
        x = self.stage2(x)  # (N, channels[1], 16, 16)
        x = self.stage3(x)  # (N, channels[2], 8, 8)
        return self.act2(x)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, channels[2], 8, 8) -> (N, num_classes)."""
        return self.fc(torch.flatten(self.pool(x), 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize_he(self.fc)


class PreActResNet(nn.Module):
    """Four stages of bottleneck units for ImageNet (section 5)."""

    stages: ClassVar = named_stages("conv1", "pool", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(self, units: tuple[int, int, int, int], num_classes: int = 1000) -> None:
        super().__init__()
        unit = PreActBottleneckUnit
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.act1 = _activation(64)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.conv2_x = _first_stage(unit, units[0], 64, 256)
        self.conv3_x = stage(unit, units[1], 256, 512, stride=2)
        self.conv4_x = stage(unit, units[2], 512, 1024, stride=2)
        self.conv5_x = stage(unit, units[3], 1024, 2048, stride=2)
        self.act2 = _activation(2048)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 2048, 7, 7)."""
        x = self.act1(self.conv1(x))  # (N, 64, 112, 112)
        x = self.pool(x)  # (N, 64, 56, 56)
        x = self.conv2_x(x)  # (N, 256, 56, 56)
        x = self.conv3_x(x)  # (N, 512, 28, 28)
        x = self.conv4_x(x)  # (N, 1024, 14, 14)
        x = self.conv5_x(x)  # (N, 2048, 7, 7)
        return self.act2(x)

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


PAPER = Recipe(
    # Appendix: as ResNet on CIFAR, and the first 400 of 64,000 steps at a learning rate of 0.01.
    model=Model(name="preact_resnet110_cifar"),
    augmentation=Augmentation(flip="random", crop_padding=4, padding_mode="black"),
    batch_size=128,
    epochs=64_000 * 128 / 50_000,
    optimizer=Sgd(lr=0.1, momentum=0.9, weight_decay=1e-4),
    schedule=Schedule(
        shape="steps", milestones=(0.5, 0.75), gamma=0.1, warmup=400 / 64_000, start_factor=0.1
    ),
    precision="float32",
    log_every=100,
    departures=(WARM_UP, CHANNEL_MEAN, DEVIATION, MOMENTUM),
)

PAPER_IMAGENET = Recipe(
    # Section 5: the learning rate is divided by 10 at epochs 30 and 60, random resized crops in its best result: those
    # of fb.resnet.torch, which also has color jitter and Nesterov momentum.
    model=Model(name="preact_resnet200"),
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
    departures=(
        "batch size, weight decay and epochs: section 5 states none; those of fb.resnet.torch",
        "tested on crops of 224; the paper's best results are on crops of 320",
        *FB_RESNET_TORCH,
    ),
)


@register_model(input_size=(3, 32, 32), paper="he2016", facts="preact110", recipe=PAPER)
def preact_resnet110_cifar(num_classes: int = 10) -> PreActResNetCifar:
    """Pre-activation ResNet-110 for 32x32 images: units of two 3x3 convolutions."""
    return PreActResNetCifar(PreActBasicUnit, 18, (16, 32, 64), num_classes)


@register_model(input_size=(3, 32, 32), paper="he2016", facts="preact164", recipe=PAPER)
def preact_resnet164_cifar(num_classes: int = 10) -> PreActResNetCifar:
    """Pre-activation ResNet-164 for 32x32 images: bottleneck units."""
    return PreActResNetCifar(PreActBottleneckUnit, 18, (64, 128, 256), num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="he2016",
    facts="preact200",
    too_small_use="preact_resnet164_cifar",
    recipe=PAPER_IMAGENET,
)
def preact_resnet200(num_classes: int = 1000) -> PreActResNet:
    """Pre-activation ResNet-200 for ImageNet."""
    return PreActResNet((3, 24, 36, 3), num_classes)


@register_model(input_size=(3, 24, 24))
def small_preact_resnet(num_classes: int = 10, units: int = 3) -> PreActResNetCifar:
    """The plan for 32x32 images with three stages of ``units`` basic units, for the experiments; ours."""
    return PreActResNetCifar(PreActBasicUnit, units, (16, 32, 64), num_classes)
