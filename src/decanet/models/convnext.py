"""ConvNeXt: a convolutional network with the design choices of Transformers.

Z. Liu, H. Mao, C.-Y. Wu, C. Feichtenhofer, T. Darrell, S. Xie, "A ConvNet for the 2020s", CVPR 2022,
arXiv:2201.03545.

The idea: ResNet-50 changes step by step towards a Swin Transformer (section 2, Figure 2): the recipe, the ratio of the
stages (3, 3, 9, 3), a stem of 4x4 patches, depthwise convolutions, an inverted bottleneck, 7x7 kernels, GELU, fewer
activations and normalizations, layer normalization, separate downsampling layers. The accuracy rises from 76.1% to
82.0%, without attention.

Follows section 2 and Figure 4: a block is a 7x7 depthwise convolution, layer normalization, a 1x1 convolution to four
times as many channels, GELU and a 1x1 convolution back, added to its input. ConvNeXt-T has 96, 192, 384 and 768
channels and 28,589,128 parameters. Layer scale starts at 1e-6; stochastic depth drops up to 0.1 of the branches, more
in deeper blocks (Appendix A.1). Weights are initialized from a Gaussian of 0.02 truncated at two, as in the authors'
code (facebookresearch/ConvNeXt models/convnext.py); Table 5 of the paper prints "trunc. normal (0.2)".
"""

import re
from collections.abc import Mapping
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decanet.core.recipe import Adam, Augmentation, Data, Model, Recipe, Schedule
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import PretrainedWeights, register_model

DEPTHS = (3, 3, 9, 3)
WIDTHS = (96, 192, 384, 768)


class ChannelNorm(nn.LayerNorm):
    """Layer normalization over the channels of each pixel."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), kept."""
        x = F.layer_norm(x.permute(0, 2, 3, 1), self.normalized_shape, self.weight, self.bias, self.eps)
        return x.permute(0, 3, 1, 2)


class Block(nn.Module):
    """Figure 4: (N, C, H, W), kept.

    Args:
        drop_path: probability that the branch is dropped for an image in training.
    """

    def __init__(self, channels: int, drop_path: float) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(channels, channels, kernel_size=7, padding=3, groups=channels)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.expand = nn.Linear(channels, 4 * channels)  # 1x1 convolutions, written as linear layers
        self.gelu = nn.GELU()
        self.reduce = nn.Linear(4 * channels, channels)
        self.scale = nn.Parameter(torch.full((channels,), 1e-6))
        self.drop_path = drop_path

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), kept."""
        branch = self.depthwise(x).permute(0, 2, 3, 1)  # (N, H, W, C)
        branch = self.scale * self.reduce(self.gelu(self.expand(self.norm(branch))))
        branch = branch.permute(0, 3, 1, 2)
        if self.training and self.drop_path > 0:
            kept = torch.rand(len(x), 1, 1, 1, device=x.device) >= self.drop_path
            branch = branch * kept / (1 - self.drop_path)
        return x + branch


def initialize(model: nn.Module) -> None:
    """As in the authors' code: Gaussian 0.02, biases 0. Truncation at two is at 100 standard deviations: no effect."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, std=0.02)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class ConvNeXt(nn.Module):
    """ConvNeXt-T of section 2.7: a stem and four stages."""

    stages: ClassVar = named_stages("stem", "stage1", "stage2", "stage3", "stage4", "head")
    head_layers: ClassVar = ("head",)

    def __init__(self, num_classes: int = 1000, drop_path: float = 0.1) -> None:
        super().__init__()
        drop_paths = torch.linspace(0, drop_path, sum(DEPTHS), device="cpu").tolist()
        self.stem = nn.Sequential(
            nn.Conv2d(3, WIDTHS[0], kernel_size=4, stride=4),
            ChannelNorm(WIDTHS[0], eps=1e-6),
        )
        self.stage1 = self._stage(0, drop_paths)
        self.stage2 = self._stage(1, drop_paths)
        self.stage3 = self._stage(2, drop_paths)
        self.stage4 = self._stage(3, drop_paths)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.norm = nn.LayerNorm(WIDTHS[3], eps=1e-6)
        self.head = nn.Linear(WIDTHS[3], num_classes)
        initialize(self)

    @staticmethod
    def _stage(index: int, drop_paths: list[float]) -> nn.Sequential:
        """Blocks of one width, preceded in all stages but the first by a downsampling layer."""
        layers: list[nn.Module] = []
        if index > 0:
            layers = [
                ChannelNorm(WIDTHS[index - 1], eps=1e-6),
                nn.Conv2d(WIDTHS[index - 1], WIDTHS[index], kernel_size=2, stride=2),
            ]
        first = sum(DEPTHS[:index])
        layers += [Block(WIDTHS[index], drop_path) for drop_path in drop_paths[first : first + DEPTHS[index]]]
        return nn.Sequential(*layers)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 768, 7, 7)."""
        x = self.stem(x)  # (N, 96, 56, 56)
        x = self.stage1(x)  # (N, 96, 56, 56)
        x = self.stage2(x)  # (N, 192, 28, 28)
        x = self.stage3(x)  # (N, 384, 14, 14)
        return self.stage4(x)  # (N, 768, 7, 7)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 768, 7, 7) -> (N, num_classes)."""
        return self.head(self.norm(torch.flatten(self.avgpool(x), 1)))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``head`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.head)


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision's keys -> ours: its ``features`` alternate between downsampling layers and blocks."""
    parts = {"block.0": "depthwise", "block.2": "norm", "block.3": "expand", "block.5": "reduce"}
    ours = {}
    for key, tensor in state.items():
        if not (match := re.fullmatch(r"features\.(\d)\.(\d)\.(.+)", key)):
            name = key.replace("classifier.0.", "norm.").replace("classifier.2.", "head.")
            ours[name] = tensor
            continue
        group, index, rest = int(match[1]), int(match[2]), match[3]
        if group == 0:
            ours[f"stem.{index}.{rest}"] = tensor
        elif group % 2 == 0:
            ours[f"stage{group // 2 + 1}.{index}.{rest}"] = tensor
        else:
            number = group // 2 + 1
            block = f"stage{number}.{index + 2 * (number > 1)}"
            if rest == "layer_scale":  # (C, 1, 1)
                ours[f"{block}.scale"] = tensor.flatten()
            else:
                part, _, kind = rest.rpartition(".")
                ours[f"{block}.{parts.get(part, part)}.{kind}"] = tensor
    return ours


def from_timm(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """timm's keys -> ours."""
    parts = {"conv_dw": "depthwise", "mlp.fc1": "expand", "mlp.fc2": "reduce"}
    ours = {}
    for key, tensor in state.items():
        if match := re.fullmatch(r"stages\.(\d)\.(downsample|blocks)\.(\d)\.(.+)", key):
            number, index, rest = int(match[1]) + 1, int(match[3]), match[4]
            if match[2] == "downsample":
                ours[f"stage{number}.{index}.{rest}"] = tensor
                continue
            block = f"stage{number}.{index + 2 * (number > 1)}"
            part, _, kind = rest.rpartition(".")
            ours[f"{block}.{parts.get(part, part)}.{kind}" if part else f"{block}.scale"] = tensor
        else:
            ours[key.replace("head.norm.", "norm.").replace("head.fc.", "head.")] = tensor
    return ours


PAPER = Recipe(
    # Section 2.1 and Appendix A.1 (Table 5), averaged weights included; weight decay is for the parameters that the
    # authors' optim_factory.py selects.
    model=Model(name="convnext_t"),
    data=Data(name="imagenet", image_size=224),
    augmentation=Augmentation(flip="random", resize=256, scale=(0.08, 1.0), mixup=0.8, cutmix=1.0),
    batch_size=4096,
    epochs=300,
    optimizer=Adam(name="adamw", lr=4e-3, weight_decay=0.05, decay_vectors=False),
    schedule=Schedule(
        shape="cosine", warmup=20 / 300, end_factor=1e-6 / 4e-3
    ),  # min_lr of the authors' main.py
    label_smoothing=0.1,
    precision="float32",
    ema=0.9999,
    log_every=100,
    departures=(
        "no RandAugment (9, 0.5) and no random erasing (0.25); Table 5 has both",
        "images are resized bilinearly; in the authors' code bicubically",
        "weights are initialized from a Gaussian of 0.02, as in the authors' code; Table 5 prints trunc. normal (0.2)",
    ),
)


@register_model(
    input_size=(3, 224, 224),
    paper="liu2022",
    facts="convnext_tiny",
    recipe=PAPER,
    pretrained=(
        PretrainedWeights("torchvision", "convnext_tiny", from_torchvision),
        PretrainedWeights("timm", "convnext_tiny.fb_in1k", from_timm),  # the authors' own
    ),
)
def convnext_t(num_classes: int = 1000, drop_path: float = 0.1) -> ConvNeXt:
    """ConvNeXt-T: a convolutional network of the 2020s."""
    return ConvNeXt(num_classes, drop_path)
