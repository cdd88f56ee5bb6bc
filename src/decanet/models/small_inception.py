"""A small GoogLeNet for 24x24 images, whose modules can be exchanged at equal cost.

Ours, for the controlled experiments of :mod:`decanet.experiments`, after C. Szegedy et al., "Going Deeper with
Convolutions", CVPR 2015, arXiv:1409.4842, section 4. Four modules, each with batch normalization, between a 3x3
convolution and global average pooling.

The idea: a module looks at several scales at once (1x1, 3x3, 5x5 and a pooled view), and 1x1 convolutions before the
large kernels keep that affordable.

``module``
    "inception", the module with reductions (Figure 2b); "naive", without them (Figure 2a), with narrower branches;
    "plain", one 3x3 convolution. The widths (``WIDTHS``) are such that the whole networks agree in multiply-adds
    within 2%.
``auxiliary``
    adds the auxiliary classifier of section 5, after the second module.
"""

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

from decanet.models._input_errors import explain_input_errors
from decanet.models.googlenet import AuxiliaryClassifier, ConvReLU
from decanet.models.layers import replace_head
from decanet.models.protocol import Outputs, named_stages
from decanet.models.registry import register_model

Module = Literal["inception", "naive", "plain"]
# 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection; without reductions: 1x1, 3x3, 5x5, and the pooled input as it
# is; plain: 3x3. The first width belongs to modules 1 and 2, the second to 3 and 4.
WIDTHS: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = {
    "inception": ((24, 24, 40, 8, 16, 16), (48, 48, 80, 16, 32, 32)),
    "naive": ((11, 11, 8), (22, 22, 16)),
    "plain": ((48,), (96,)),
}


class InceptionSmall(nn.Module):
    """The module with reductions, Figure 2(b): (N, C, H, W) -> (N, sum of the branches, H, W)."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, projection = widths
        self.out_channels = n1x1 + n3x3 + n5x5 + projection
        self.conv1x1 = ConvReLU(channels, n1x1, 1, batch_norm=True)
        self.reduce3x3 = ConvReLU(channels, n3x3_reduce, 1, batch_norm=True)
        self.conv3x3 = ConvReLU(n3x3_reduce, n3x3, 3, batch_norm=True)
        self.reduce5x5 = ConvReLU(channels, n5x5_reduce, 1, batch_norm=True)
        self.conv5x5 = ConvReLU(n5x5_reduce, n5x5, 5, batch_norm=True)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.projection = ConvReLU(channels, projection, 1, batch_norm=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H, W)."""
        branches = [
            self.conv1x1(x),
            self.conv3x3(self.reduce3x3(x)),
            self.conv5x5(self.reduce5x5(x)),
            self.projection(self.pool(x)),
        ]
        return torch.cat(branches, dim=1)


class NaiveInception(nn.Module):
    """The module without reductions, Figure 2(a): the pooled input passes as it is, so channels only grow."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        n1x1, n3x3, n5x5 = widths
        self.out_channels = n1x1 + n3x3 + n5x5 + channels
        self.conv1x1 = ConvReLU(channels, n1x1, 1, batch_norm=True)
        self.conv3x3 = ConvReLU(channels, n3x3, 3, batch_norm=True)
        self.conv5x5 = ConvReLU(channels, n5x5, 5, batch_norm=True)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H, W)."""
        return torch.cat([self.conv1x1(x), self.conv3x3(x), self.conv5x5(x), self.pool(x)], dim=1)


class Plain(nn.Module):
    """A 3x3 convolution: (N, C, H, W) -> (N, C', H, W)."""

    def __init__(self, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        (self.out_channels,) = widths
        self.conv3x3 = ConvReLU(channels, self.out_channels, 3, batch_norm=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H, W)."""
        return self.conv3x3(x)


AUX_WEIGHT = 0.3  # section 5: of the auxiliary loss

MODULES: dict[str, type[InceptionSmall] | type[NaiveInception] | type[Plain]] = {
    "inception": InceptionSmall, "naive": NaiveInception, "plain": Plain,
}  # fmt: skip


class SmallInception(nn.Module):
    """A convolution, four modules on feature maps of 12x12 and 6x6, global average pooling."""

    stages: ClassVar = named_stages(
        "conv1", "pool1", "module1", "module2", "pool2", "module3", "module4", "fc"
    )

    def __init__(self, num_classes: int = 10, module: Module = "inception", auxiliary: bool = False) -> None:
        super().__init__()
        build, (low, high) = MODULES[module], WIDTHS[module]
        self.conv1 = ConvReLU(3, 32, 3, batch_norm=True)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.module1 = build(32, low)
        self.module2 = build(self.module1.out_channels, low)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.module3 = build(self.module2.out_channels, high)
        self.module4 = build(self.module3.out_channels, high)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(self.module4.out_channels, num_classes)
        self.aux: nn.Module | None = None
        if auxiliary:
            self.aux_weight = AUX_WEIGHT
            self.aux = AuxiliaryClassifier(self.module2.out_channels, num_classes, batch_norm=True)
        self._initialize(self)

    @property
    def head_layers(self) -> tuple[str, ...]:
        """The last layer, and that of the auxiliary classifier if there is one."""
        return ("fc", "aux.fc2") if self.aux is not None else ("fc",)

    @staticmethod
    def _initialize(part: nn.Module) -> None:
        """He's Gaussian for convolutions, PyTorch's weights and no bias for the linear layers."""
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            elif isinstance(layer, nn.Linear):
                nn.init.zeros_(layer.bias)

    def _features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        low = self.module2(self.module1(self.pool1(self.conv1(x))))  # (N, C, 12, 12)
        return low, self.module4(self.module3(self.pool2(low)))

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) -> (N, C, 6, 6)."""
        return self._features(x)[1]

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, C, 6, 6) -> (N, num_classes)."""
        return self.fc(torch.flatten(self.avgpool(x), 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor | Outputs:
        """(N, 3, 24, 24) -> (N, num_classes), or ``Outputs`` in training mode with the auxiliary classifier."""
        low, x = self._features(x)
        logits = self.forward_head(x)
        if self.aux is not None and self.training:
            return Outputs(logits, (self.aux(low),))
        return logits

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc``, and the last layer of the auxiliary classifier, by new ones of ``num_classes`` outputs."""
        for layer in replace_head(self, num_classes).values():
            self._initialize(layer)


@register_model(input_size=(3, 24, 24))
def small_inception(
    num_classes: int = 10, module: Module = "inception", auxiliary: bool = False
) -> SmallInception:
    """Four exchangeable modules for 24x24 images, for the experiments: inception, without reductions, or plain."""
    return SmallInception(num_classes, module, auxiliary)
