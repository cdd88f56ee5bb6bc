"""Two towers for 32x32 images: does one of them see color, and the other form?

Ours, after A. Krizhevsky et al., NIPS 2012. AlexNet was split over two graphics cards: each half of the second layer
reads only the half of the first layer's filters that is on its own card. The paper finds (section 6.1, Figure 3) that
the filters on one card become "largely color-agnostic", those on the other "largely color-specific", in every run and
"independent of any particular random weight initialization (modulo a renumbering of the GPUs)".

The idea: the smallest network that can show it. First filters large enough to be seen as images (7x7, 24 a tower),
a second convolution that reads one tower alone, and a third that reads both. ``towers=1`` is the control: the same
network with a second convolution that reads all filters, so nothing distinguishes its first 24 from its last 24.

``two_tower_cifar``
    conv1 7x7/2, 48 filters; pool; conv2 5x5, 128 in two groups; pool; conv3 3x3, 128; two fully connected layers,
    2048 - 128 - 10. Without response normalization and dropout, which the claim does not need.
"""

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import register_model


class TwoTower(nn.Module):
    """Three convolutions, of which the second is grouped, and two fully connected layers."""

    stages: ClassVar = {
        **{name: f"features.{name}" for name in ("conv1", "pool1", "conv2", "pool2", "conv3")},
        **named_stages("fc4", "fc5"),
    }
    head_layers: ClassVar = ("fc5",)

    def __init__(self, num_classes: int = 10, towers: int = 2) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, 48, kernel_size=7, stride=2, padding=3),  # (N, 48, 16, 16)
                relu1=nn.ReLU(inplace=True),
                pool1=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # (N, 48, 8, 8)
                conv2=nn.Conv2d(48, 128, kernel_size=5, padding=2, groups=towers),
                relu2=nn.ReLU(inplace=True),
                pool2=nn.MaxPool2d(kernel_size=3, stride=2, padding=1),  # (N, 128, 4, 4)
                conv3=nn.Conv2d(128, 128, kernel_size=3, padding=1),
                relu3=nn.ReLU(inplace=True),
            )
        )
        self.fc4 = nn.Linear(128 * 4 * 4, 128)
        self.relu4 = nn.ReLU(inplace=True)
        self.fc5 = nn.Linear(128, num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 128, 4, 4)."""
        return self.features(x)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 128, 4, 4) -> (N, num_classes)."""
        return self.fc5(self.relu4(self.fc4(torch.flatten(x, 1))))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc5`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)


@register_model(input_size=(3, 32, 32))
def two_tower_cifar(num_classes: int = 10, towers: int = 2) -> TwoTower:
    """Two towers for 32x32 images, as AlexNet's on two graphics cards; ``towers=1`` is the control."""
    return TwoTower(num_classes, towers)
