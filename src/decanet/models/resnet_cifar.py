"""The residual networks for CIFAR-10, and the plain networks of their comparison.

K. He, X. Zhang, S. Ren, J. Sun, "Deep Residual Learning for Image Recognition", CVPR 2016, arXiv:1512.03385,
section 4.2.

The idea: small networks that differ only in depth, to measure its effect. Without shortcuts the error grows from 20 to
56 layers, in training too, so it is not overfitting; with shortcuts it falls (Figure 6).

Follows section 4.2: a 3x3 convolution, then 6n layers of 3x3 convolutions with feature maps of 32x32, 16x16 and 8x8 and
16, 32 and 64 channels, global average pooling and a fully connected layer: 6n + 2 layers, n = 3, 5, 7, 9, 18. All
shortcuts are identities (option A), so a residual network and the plain network of the same depth have equally many
parameters; ``shortcut="B"`` has projections where channels grow. ``small_resnet``, of any depth and width, is ours, for
the controlled experiments.

Other implementations differ: some use projections (2,752 parameters more), and the wider ResNet-18 for 32x32 images
that is often called a "CIFAR ResNet" is not in the paper.

Where it departs from the paper: nowhere known. The paper does not state where the zero channels of option A are added;
here they follow the old channels, which is the same network up to the order of channels.
"""

from functools import partial
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.recipe import Augmentation, Model, Recipe, Schedule, Sgd
from decanet.models._departures import CHANNEL_MEAN, DEVIATION, MOMENTUM, WARM_UP
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import Block, initialize_he, replace_head, stage
from decanet.models.protocol import named_stages
from decanet.models.registry import register_model
from decanet.models.resnet import BasicBlock


class ResNetCifar(nn.Module):
    """6n + 2 layers for 32x32 images; ``block`` is (in_channels, out_channels, stride) -> module.

    ``width`` is the number of channels of the first stage, 16 in the paper.
    """

    stages: ClassVar = named_stages("conv1", "stage1", "stage2", "stage3", "fc")
    head_layers: ClassVar = ("fc",)

    def __init__(self, block: Block, n: int, num_classes: int = 10, width: int = 16) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, kernel_size=3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.stage1 = stage(block, n, width, width, stride=1)
        self.stage2 = stage(block, n, width, 2 * width, stride=2)
        self.stage3 = stage(block, n, 2 * width, 4 * width, stride=2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(4 * width, num_classes)
        initialize_he(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 64, 8, 8)."""
        x = self.relu(self.bn1(self.conv1(x)))  # (N, 16, 32, 32)
        x = self.stage1(x)  # (N, 16, 32, 32)
        x = self.stage2(x)  # (N, 32, 16, 16)
        return self.stage3(x)  # (N, 64, 8, 8)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 64, 8, 8) -> (N, num_classes)."""
        return self.fc(torch.flatten(self.pool(x), 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize_he(self.fc)


def _network(depth: int, num_classes: int, shortcut: str | None, width: int = 16) -> ResNetCifar:
    return ResNetCifar(partial(BasicBlock, shortcut=shortcut), (depth - 2) // 6, num_classes, width)


PAPER = Recipe(
    # Section 4.2: 64,000 steps of 128 images, the learning rate divided by 10 after 32,000 and 48,000.
    model=Model(name="resnet20_cifar"),
    augmentation=Augmentation(flip="random", crop_padding=4, padding_mode="black"),
    batch_size=128,
    epochs=64_000 * 128 / 50_000,
    optimizer=Sgd(lr=0.1, momentum=0.9, weight_decay=1e-4),
    schedule=Schedule(shape="steps", milestones=(0.5, 0.75), gamma=0.1),
    precision="float32",
    log_every=100,
    departures=(CHANNEL_MEAN, DEVIATION, MOMENTUM),
)
# The deepest starts at a learning rate of 0.01 until the training error is below 80%, about 400 steps.
PAPER_110 = PAPER.model_copy(
    update={
        "schedule": PAPER.schedule.model_copy(update={"warmup": 400 / 64_000, "start_factor": 0.1}),
        "departures": (WARM_UP, *PAPER.departures),
    }
)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_resnet20", recipe=PAPER)
def resnet20_cifar(num_classes: int = 10, shortcut: str = "A") -> ResNetCifar:
    """ResNet-20 for 32x32 images."""
    return _network(20, num_classes, shortcut)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_resnet32", recipe=PAPER)
def resnet32_cifar(num_classes: int = 10, shortcut: str = "A") -> ResNetCifar:
    """ResNet-32 for 32x32 images."""
    return _network(32, num_classes, shortcut)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_resnet44", recipe=PAPER)
def resnet44_cifar(num_classes: int = 10, shortcut: str = "A") -> ResNetCifar:
    """ResNet-44 for 32x32 images."""
    return _network(44, num_classes, shortcut)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_resnet56", recipe=PAPER)
def resnet56_cifar(num_classes: int = 10, shortcut: str = "A") -> ResNetCifar:
    """ResNet-56 for 32x32 images."""
    return _network(56, num_classes, shortcut)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_resnet110", recipe=PAPER_110)
def resnet110_cifar(num_classes: int = 10, shortcut: str = "A") -> ResNetCifar:
    """ResNet-110 for 32x32 images."""
    return _network(110, num_classes, shortcut)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_plain20", recipe=PAPER)
def plain20_cifar(num_classes: int = 10) -> ResNetCifar:
    """The 20 layers without shortcuts."""
    return _network(20, num_classes, None)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_plain32", recipe=PAPER)
def plain32_cifar(num_classes: int = 10) -> ResNetCifar:
    """The 32 layers without shortcuts."""
    return _network(32, num_classes, None)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_plain44", recipe=PAPER)
def plain44_cifar(num_classes: int = 10) -> ResNetCifar:
    """The 44 layers without shortcuts."""
    return _network(44, num_classes, None)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_plain56", recipe=PAPER)
def plain56_cifar(num_classes: int = 10) -> ResNetCifar:
    """The 56 layers without shortcuts, whose training error is higher than that of the 20."""
    return _network(56, num_classes, None)


@register_model(input_size=(3, 32, 32), paper="he2015", facts="cifar_plain110", recipe=PAPER_110)
def plain110_cifar(num_classes: int = 10) -> ResNetCifar:
    """The 110 layers without shortcuts, which hardly train at all (error above 60%, Figure 6)."""
    return _network(110, num_classes, None)


@register_model(input_size=(3, 24, 24))
def small_resnet(num_classes: int = 10, depth: int = 8, width: int = 16, shortcut: str = "A") -> ResNetCifar:
    """The same plan in any depth of 6n + 2 layers and any width, for the experiments; ``shortcut="none"`` is plain.

    Raises:
        UsageError: no network of the plan has so many layers.
    """
    if depth < 8 or (depth - 2) % 6:
        raise UsageError(f"small_resnet has 6n + 2 layers: 8, 14, 20, ...; got depth={depth}")
    return _network(depth, num_classes, None if shortcut == "none" else shortcut, width)
