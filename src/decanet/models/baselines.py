"""Fully connected against convolutional: two small networks for 32x32 images with equally many parameters.

Ours, without a paper: the comparison with which every account of convolutional networks begins.

The idea: a fully connected network weighs every pixel for every unit. It does not know that neighboring pixels belong
together, nor that an object stays the same when it moves: it would have to learn a pattern anew for each position. A
convolution has both built in: its kernel reads neighbors only, and all positions share its weights. With the same
number of parameters it therefore needs fewer images to generalize, and 30 times as many multiply-adds, because each
weight is used at many positions.

``mlp_cifar``
    a multilayer perceptron: 3072 - 112 - 112 - 10, ReLU; 357,962 parameters, 357,728 multiply-adds.
``convnet_cifar``
    three 3x3 convolutions of 32, 64 and 128 filters, each with ReLU and a 2x2 maximum pooling, and two fully connected
    layers, 2048 - 128 - 10; 356,810 parameters, 10,585,344 multiply-adds.
"""

from collections import OrderedDict
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.errors import DataError
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import register_model

PIXELS = 3 * 32 * 32


class Mlp(nn.Module):
    """A multilayer perceptron of two hidden layers; its input are the pixels in a row."""

    stages: ClassVar = named_stages("fc1", "fc2", "fc3")
    head_layers: ClassVar = ("fc3",)

    def __init__(self, num_classes: int = 10, width: int = 112) -> None:
        super().__init__()
        self.fc1 = nn.Linear(PIXELS, width)
        self.fc2 = nn.Linear(width, width)
        self.fc3 = nn.Linear(width, num_classes)
        self.relu = nn.ReLU(inplace=True)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, width, 1, 1): a feature map of one position."""
        if x.shape[1] != 3:  # flattened, a missing channel would look like a smaller image
            raise DataError(f"mlp_cifar takes images with 3 channels; got {x.shape[1]}")
        x = self.relu(self.fc1(torch.flatten(x, 1)))
        return self.relu(self.fc2(x))[:, :, None, None]

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, width, 1, 1) -> (N, num_classes)."""
        return self.fc3(torch.flatten(x, 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc3`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)


class ConvNet(nn.Module):
    """Three convolutions with pooling, two fully connected layers."""

    stages: ClassVar = {
        **{name: f"features.{name}" for name in ("conv1", "pool1", "conv2", "pool2", "conv3", "pool3")},
        **named_stages("fc4", "fc5"),
    }
    head_layers: ClassVar = ("fc5",)

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, 32, kernel_size=3, padding=1), relu1=nn.ReLU(inplace=True), pool1=nn.MaxPool2d(2),
                conv2=nn.Conv2d(32, 64, kernel_size=3, padding=1), relu2=nn.ReLU(inplace=True), pool2=nn.MaxPool2d(2),
                conv3=nn.Conv2d(64, 128, kernel_size=3, padding=1), relu3=nn.ReLU(inplace=True), pool3=nn.MaxPool2d(2),
            )
        )  # fmt: skip
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
def mlp_cifar(num_classes: int = 10, width: int = 112) -> Mlp:
    """Fully connected network for 32x32 images, with as many parameters as convnet_cifar."""
    return Mlp(num_classes, width)


@register_model(input_size=(3, 32, 32))
def convnet_cifar(num_classes: int = 10) -> ConvNet:
    """Small plain convolutional network for 32x32 images, to compare with mlp_cifar."""
    return ConvNet(num_classes)
