"""Squeeze-and-excitation networks: a block that weights its channels; SENet won ILSVRC 2017.

J. Hu, L. Shen, S. Albanie, G. Sun, E. Wu, "Squeeze-and-Excitation Networks", CVPR 2018 and TPAMI,
arXiv:1709.01507.

The idea: a convolution weights its channels in the same way for every image. A squeeze-and-excitation block averages
each channel over the feature map (squeeze), computes from the averages one weight between 0 and 1 for each channel with
two small fully connected layers (excitation), and multiplies the channels by their weights. It costs almost no
multiply-adds, fits into any network and lowers the error of each.

Follows section 3 and Figure 3 (the block is at the end of the residual branch, before the addition), with the reduction
ratio r = 16 of section 3.2; ``reduction`` varies it as in Table 10.

``se_resnet50``
    ResNet-50 with the stride in the first 1x1 convolution, as the paper's base network and its released model.
``se_resnext50_32x4d``
    ResNeXt-50 32x4d, the stride in the grouped 3x3 convolution.
``senet154``
    The appendix: ResNeXt-152 64x4d with three 3x3 convolutions instead of the 7x7, the first 1x1 convolution of a block
    half as wide, 3x3 projections where the resolution falls, dropout 0.2 before the classifier.
``se_resnet20_cifar``, ``se_resnet56_cifar``
    Ours by the paper's rule: Tables 4 and 5 have the blocks in pre-activation ResNet-110 and ResNet-164 for 32x32
    images; these are shallower networks of the first, post-activation family. No source states their counts.

Where it departs from the paper: the fully connected layers of the block have biases as in the released models (the
paper's ablations leave them out: 16,048 of SE-ResNet-50's parameters). The max pooling rounds its size up without
padding, as in the released Caffe models.
"""

from collections.abc import Mapping
from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import DEVIATION, MOMENTUM
from decanet.models._input_errors import explain_input_errors
from decanet.models._key_maps import rename_parts
from decanet.models.layers import Block, PaddedShortcut, initialize_he, replace_head, stage
from decanet.models.protocol import named_stages
from decanet.models.registry import Departure, PretrainedWeights, register_model
from decanet.models.resnet_cifar import ResNetCifar


class SqueezeExcitation(nn.Module):
    """Weights each channel by a function of all channels' averages: (N, C, H, W) -> (N, C, H, W).

    Raises:
        UsageError: ``reduction`` leaves no hidden unit.
    """

    def __init__(self, channels: int, reduction: int) -> None:
        super().__init__()
        if not 1 <= reduction <= channels:
            raise UsageError(f"reduction must lie between 1 and the {channels} channels, got {reduction}")
        self.fc1 = nn.Linear(channels, channels // reduction)
        self.fc2 = nn.Linear(channels // reduction, channels)
        self.relu = nn.ReLU(inplace=True)
        for fc in (self.fc1, self.fc2):
            nn.init.kaiming_normal_(fc.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H, W)."""
        weights = x.mean(dim=(2, 3))  # squeeze: (N, C)
        weights = torch.sigmoid(self.fc2(self.relu(self.fc1(weights))))  # excitation: (N, C)
        return x * weights[:, :, None, None]


class SEBasicBlock(nn.Module):
    """Two 3x3 convolutions with the block at the end, for 32x32 images; the shortcut has no parameters."""

    def __init__(self, in_channels: int, out_channels: int, stride: int, reduction: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.se = SqueezeExcitation(out_channels, reduction)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels:
            self.shortcut = PaddedShortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.se(self.bn2(self.conv2(out)))
        out += self.shortcut(x)
        return self.relu(out)


class SEBottleneck(nn.Module):
    """1x1, 3x3, 1x1 with the block at the end: (N, C_in, H, W) -> (N, C_out, H/stride, W/stride).

    Args:
        widths: output channels of the first 1x1 and of the 3x3 convolution.
        strides: of these two convolutions.
        projection: kernel size of the shortcut's convolution where channels or resolution change.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        widths: tuple[int, int],
        strides: tuple[int, int],
        groups: int = 1,
        projection: int = 1,
        reduction: int = 16,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, widths[0], 1, stride=strides[0], bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.conv2 = nn.Conv2d(
            widths[0], widths[1], 3, stride=strides[1], padding=1, groups=groups, bias=False
        )
        self.bn2 = nn.BatchNorm2d(widths[1])
        self.conv3 = nn.Conv2d(widths[1], out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.se = SqueezeExcitation(out_channels, reduction)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut: nn.Module = nn.Identity()
        stride = max(strides)
        if stride != 1 or in_channels != out_channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(
                    in_channels, out_channels, projection, stride=stride, padding=projection // 2, bias=False
                ),
                nn.BatchNorm2d(out_channels),
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H/stride, W/stride)."""
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.se(self.bn3(self.conv3(out)))
        out += self.shortcut(x)
        return self.relu(out)


def _resnet_block(in_channels: int, out_channels: int, stride: int, reduction: int) -> SEBottleneck:
    width = out_channels // 4
    return SEBottleneck(in_channels, out_channels, (width, width), (stride, 1), reduction=reduction)


def _resnext_block(in_channels: int, out_channels: int, stride: int, reduction: int) -> SEBottleneck:
    width = out_channels // 2
    return SEBottleneck(
        in_channels, out_channels, (width, width), (1, stride), groups=32, reduction=reduction
    )


def _senet154_block(in_channels: int, out_channels: int, stride: int, reduction: int) -> SEBottleneck:
    return SEBottleneck(
        in_channels,
        out_channels,
        widths=(out_channels // 2, out_channels),
        strides=(1, stride),
        groups=64,
        projection=1 if stride == 1 else 3,
        reduction=reduction,
    )


class SEResNet(nn.Module):
    """ResNet's plan (its Table 1, 50 layers) with squeeze-and-excitation in every block."""

    stages: ClassVar = named_stages("conv1", "pool", "conv2_x", "conv3_x", "conv4_x", "conv5_x", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(self, block: Block, num_classes: int = 1000) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.conv2_x = stage(block, 3, 64, 256, stride=1)
        self.conv3_x = stage(block, 4, 256, 512, stride=2)
        self.conv4_x = stage(block, 6, 512, 1024, stride=2)
        self.conv5_x = stage(block, 3, 1024, 2048, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(2048, num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 2048, 7, 7)."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 64, 112, 112)
        x = self.pool(x)  # (N, 64, 56, 56)
        x = self.conv2_x(x)  # (N, 256, 56, 56)
        x = self.conv3_x(x)  # (N, 512, 28, 28)
        x = self.conv4_x(x)  # (N, 1024, 14, 14)
        return self.conv5_x(x)  # (N, 2048, 7, 7)

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


class SENet154(nn.Module):
    """The network of the 2017 entry: 3 + 3 * (3 + 8 + 36 + 3) + 1 = 154 layers."""

    stages: ClassVar = named_stages("stem", "pool", "stage1", "stage2", "stage3", "stage4", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(self, num_classes: int = 1000, dropout: float = 0.2, reduction: int = 16) -> None:
        super().__init__()
        block = partial(_senet154_block, reduction=reduction)
        self.stem = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=3, stride=2, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.Conv2d(64, 64, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(inplace=True),
            nn.Conv2d(64, 128, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(128),
            nn.ReLU(inplace=True),
        )
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.stage1 = stage(block, 3, 128, 256, stride=1)
        self.stage2 = stage(block, 8, 256, 512, stride=2)
        self.stage3 = stage(block, 36, 512, 1024, stride=2)
        self.stage4 = stage(block, 3, 1024, 2048, stride=2)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(2048, num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 2048, 7, 7)."""
        x = self.stem(x)  # (N, 128, 112, 112)
        x = self.pool(x)  # (N, 128, 56, 56)
        x = self.stage1(x)  # (N, 256, 56, 56)
        x = self.stage2(x)  # (N, 512, 28, 28)
        x = self.stage3(x)  # (N, 1024, 14, 14)
        return self.stage4(x)  # (N, 2048, 7, 7)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 2048, 7, 7) -> (N, num_classes)."""
        return self.fc(self.dropout(torch.flatten(self.avgpool(x), 1)))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize_he(self.fc)


def _from_timm(state: Mapping[str, Tensor], names: Mapping[str, str]) -> dict[str, Tensor]:
    """timm's keys -> ours; its excitation consists of 1x1 convolutions, ours of fully connected layers."""
    names = {**names, "downsample": "shortcut", "se_module": "se", "last_linear": "fc"}
    return {
        key: value.flatten(1) if key.endswith((".se.fc1.weight", ".se.fc2.weight")) else value
        for key, value in rename_parts(state, names).items()
    }


def _resnet_from_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    stages = {f"layer{i}": f"conv{i + 1}_x" for i in range(1, 5)}
    return _from_timm({key.removeprefix("layer0."): value for key, value in state.items()}, stages)


def _senet154_from_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    stem = {
        f"layer0.{kind}{i + 1}": f"stem.{3 * i + j}"
        for i in range(3)
        for j, kind in enumerate(("conv", "bn"))
    }
    stages = {f"layer{i}": f"stage{i}" for i in range(1, 5)}
    plain = {}
    for key, value in state.items():
        layer, _, tensor = key.rpartition(".")
        plain[f"{stem.get(layer, layer)}.{tensor}"] = value
    return _from_timm(plain, stages)


PAPER = Recipe(
    # Section 5.1: the learning rate is divided by 10 every 30 of 100 epochs.
    model=Model(name="se_resnet50"),
    data=Data(name="imagenet", image_size=224),
    augmentation=Augmentation(flip="random", resize=256, scale=(0.08, 1.0)),
    batch_size=1024,
    epochs=100,
    optimizer=Sgd(lr=0.6, momentum=0.9, weight_decay=1e-4),
    schedule=Schedule(shape="steps", milestones=(0.3, 0.6, 0.9), gamma=0.1),
    precision="float32",
    log_every=100,
    departures=(
        "weight decay: the paper states none; 1e-4 is ResNet's",
        "the released models' augmentation (README) also rotates by up to 10 degrees and shifts pixels by up to 20",
        DEVIATION,
        MOMENTUM,
    ),
)

PAPER_154 = PAPER.model_copy(
    update={
        # Appendix: eight servers, a batch of 2048, a learning rate of 1.0, label smoothing.
        "batch_size": 2048,
        "optimizer": PAPER.optimizer.model_copy(update={"lr": 1.0}),
        "label_smoothing": 0.1,
        "departures": (
            "batch normalization is not frozen in the last epochs; by the appendix it was",
            "label smoothing: the appendix states no number; 0.1 is that of the paper that it cites",
            "epochs and steps are those of section 5.1: the appendix states none",
            *PAPER.departures,
        ),
    }
)


@register_model(
    input_size=(3, 224, 224),
    paper="hu2017",
    facts="se_resnet50",
    pretrained=(PretrainedWeights("timm", "legacy_seresnet50", _resnet_from_timm),),
    too_small_use="se_resnet56_cifar",
    recipe=PAPER,
)
def se_resnet50(num_classes: int = 1000, reduction: int = 16) -> SEResNet:
    """SE-ResNet-50: squeeze-and-excitation in every block of ResNet-50."""
    return SEResNet(partial(_resnet_block, reduction=reduction), num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="hu2017",
    facts="se_resnext50",
    departures={
        "macs": Departure(
            4_232_994_816,
            "the paper prints 4.25 billion (4.24 without the blocks); its layers have 4.23 billion, in timm's port "
            "too, and the paper does not state what else it counts",
        )
    },
    pretrained=(PretrainedWeights("timm", "legacy_seresnext50_32x4d", _resnet_from_timm),),
    too_small_use="se_resnet56_cifar",
    recipe=PAPER,
)
def se_resnext50_32x4d(num_classes: int = 1000, reduction: int = 16) -> SEResNet:
    """SE-ResNeXt-50 32x4d: squeeze-and-excitation in every block of ResNeXt-50."""
    return SEResNet(partial(_resnext_block, reduction=reduction), num_classes)


@register_model(
    input_size=(3, 224, 224),
    paper="hu2017",
    facts="senet154",
    pretrained=(PretrainedWeights("timm", "legacy_senet154", _senet154_from_timm),),
    too_small_use="se_resnet56_cifar",
    recipe=PAPER_154,
)
def senet154(num_classes: int = 1000, dropout: float = 0.2, reduction: int = 16) -> SENet154:
    """SENet-154, the network of the entry that won ILSVRC 2017."""
    return SENet154(num_classes, dropout, reduction)


@register_model(input_size=(3, 32, 32), paper="hu2017")
def se_resnet20_cifar(num_classes: int = 10, reduction: int = 16) -> ResNetCifar:
    """ResNet-20 for 32x32 images with squeeze-and-excitation, by the paper's rule."""
    return ResNetCifar(partial(SEBasicBlock, reduction=reduction), 3, num_classes)


@register_model(input_size=(3, 32, 32), paper="hu2017")
def se_resnet56_cifar(num_classes: int = 10, reduction: int = 16) -> ResNetCifar:
    """ResNet-56 for 32x32 images with squeeze-and-excitation, by the paper's rule."""
    return ResNetCifar(partial(SEBasicBlock, reduction=reduction), 9, num_classes)
