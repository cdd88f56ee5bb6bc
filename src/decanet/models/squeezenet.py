"""SqueezeNet: the accuracy of AlexNet with a fiftieth of its parameters.

F. N. Iandola, S. Han, M. W. Moskewicz, K. Ashraf, W. J. Dally, K. Keutzer, "SqueezeNet: AlexNet-level accuracy with
50x fewer parameters and <0.5MB model size", arXiv:1602.07360, 2016.

The idea: three ways to save parameters without losing accuracy (section 3.1). Replace most 3x3 kernels by 1x1 kernels,
which have a ninth of the weights; give the 3x3 kernels few input channels, by a 1x1 convolution before them; pool late,
so that the feature maps stay large. The first two make the fire module: a 1x1 convolution squeezes the channels, then
1x1 and 3x3 kernels side by side expand them. There is no fully connected layer: the last convolution has a feature map
for each class, which is averaged, as in Network in Network.

Follows Table 1 and section 3.3 (ReLU, dropout of 50% after fire9), with torchvision's initialization, where the paper
names none (its section 3.3 refers to its Caffe files: Xavier, and a Gaussian of 0.01 for conv10). Table 1 prints an
input of 224 x 224 and a conv1 output of 111 x 111, which belongs to 227 x 227 pixels without padding; for 224 it is
109 x 109. ``squeezenet1_1`` is the authors' later file (forresti/SqueezeNet SqueezeNet_v1.1): 64 kernels of 3x3 in
conv1 instead of 96 of 7x7, and pooling two layers earlier, with 2.3 times fewer multiply-adds.
"""

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.models._input_errors import explain_input_errors
from decanet.models._key_maps import rename_patterns
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import PretrainedWeights, register_model

# Table 1: squeeze and expand channels of fire2 to fire9; each half of the expanded channels has 3x3 kernels.
FIRES = ((16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256), (64, 256))
POOLS = {"1.0": ("conv1", "fire4", "fire8"), "1.1": ("conv1", "fire3", "fire5")}  # a maximum pooling follows


class Fire(nn.Module):
    """Figure 1: (N, C, H, W) -> (N, 2 * expand, H, W)."""

    def __init__(self, channels: int, squeeze: int, expand: int) -> None:
        super().__init__()
        self.squeeze = nn.Conv2d(channels, squeeze, kernel_size=1)
        self.expand1x1 = nn.Conv2d(squeeze, expand, kernel_size=1)
        self.expand3x3 = nn.Conv2d(squeeze, expand, kernel_size=3, padding=1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, 2 * expand, H, W)."""
        x = self.relu(self.squeeze(x))
        return torch.cat([self.relu(self.expand1x1(x)), self.relu(self.expand3x3(x))], dim=1)


class SqueezeNet(nn.Module):
    """SqueezeNet of version "1.0" or "1.1": conv1, eight fire modules, conv10."""

    head_layers: ClassVar = ("conv10",)

    def __init__(self, version: str, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        size, channels = (7, 96) if version == "1.0" else (3, 64)
        self.conv1 = nn.Conv2d(3, channels, kernel_size=size, stride=2)
        self.relu = nn.ReLU(inplace=True)
        order = ["conv1"]
        for number, (squeeze, expand) in enumerate(FIRES, 2):
            self.add_module(f"fire{number}", Fire(channels, squeeze, expand))
            channels = 2 * expand
            order.append(f"fire{number}")
        for before in reversed(POOLS[version]):
            pool = f"maxpool{before[-1]}"
            self.add_module(pool, nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True))
            order.insert(order.index(before) + 1, pool)
        self.dropout = nn.Dropout(dropout)
        self.conv10 = nn.Conv2d(channels, num_classes, kernel_size=1)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.stages = named_stages(*order, "conv10")
        initialize(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 512, 13, 13)."""
        for name in self.stages:
            if name == "conv1":
                x = self.relu(self.conv1(x))  # (N, 96, 109, 109); version 1.1: (N, 64, 111, 111)
            elif name != "conv10":
                x = self.get_submodule(name)(x)
        return x

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 512, 13, 13) -> (N, num_classes)."""
        x = self.relu(
            self.conv10(self.dropout(x))
        )  # (N, num_classes, 13, 13): one feature map for each class
        return torch.flatten(self.avgpool(x), 1)

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``conv10`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.conv10, last=True)


def initialize(model: nn.Module, last: bool = False) -> None:
    """As torchvision: uniform by He for all convolutions but the last, which is a Gaussian of 0.01; biases 0."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            if last or name == "conv10":
                nn.init.normal_(module.weight, std=0.01)
            else:
                nn.init.kaiming_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def from_torchvision(version: str):  # type: ignore[no-untyped-def]
    """Torchvision's keys -> ours: it counts the layers of ``features``."""
    order = [f"fire{number}" for number in range(2, 10)]
    places, index = {"conv1": 0}, 3  # conv1, ReLU and the first pooling
    for fire in order:
        places[fire] = index
        index += 1 + (fire in POOLS[version])
    renames = [(rf"features\.{place}\.", f"{name}.") for name, place in places.items()]

    def key_map(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return rename_patterns(state, [*renames, (r"classifier\.1\.", "conv10.")])

    return key_map


@register_model(
    input_size=(3, 224, 224),
    paper="iandola2016",
    facts="squeezenet1_0",
    pretrained=(PretrainedWeights("torchvision", "squeezenet1_0", from_torchvision("1.0")),),
)
def squeezenet1_0(num_classes: int = 1000, dropout: float = 0.5) -> SqueezeNet:
    """SqueezeNet: the accuracy of AlexNet with 50 times fewer parameters."""
    return SqueezeNet("1.0", num_classes, dropout)


@register_model(
    input_size=(3, 224, 224),
    paper="iandola2016",
    facts="squeezenet1_1",
    pretrained=(PretrainedWeights("torchvision", "squeezenet1_1", from_torchvision("1.1")),),
)
def squeezenet1_1(num_classes: int = 1000, dropout: float = 0.5) -> SqueezeNet:
    """SqueezeNet 1.1: the same accuracy with 2.3 times fewer multiply-adds."""
    return SqueezeNet("1.1", num_classes, dropout)
