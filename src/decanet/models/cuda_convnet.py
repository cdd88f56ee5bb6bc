"""cuda-convnet: Krizhevsky's networks for CIFAR-10, the predecessors of AlexNet.

A. Krizhevsky, cuda-convnet, 2011; its layer files ``layers-18pct``, ``layers-conv-local-13pct`` and
``layers-conv-local-11pct``. A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep
Convolutional Neural Networks", NIPS 2012, section 3.3, reports 13% test error without and 11% with response
normalization for "a four-layer CNN" that it does not describe; the last two files reach these numbers.

The idea: the layers of AlexNet in a size that trains in minutes: ReLU, overlapping pooling (3x3 with stride 2) and
response normalization. AlexNet did not keep the *locally connected* layer: a convolution without shared weights, in
which each position has kernels of its own.

``cuda_convnet_18``
    Three 5x5 convolutions, 18% error after 20 minutes on a graphics card of 2011, without augmentation. The first
    pooling takes the maximum and precedes ReLU, the others average. Normalization is over 3x3 positions of the same
    feature map.
``cuda_convnet_13``
    Two 5x5 convolutions and two locally connected layers, for crops of 24x24 (trained on random crops, tested on ten).
``cuda_convnet_11``
    The same with response normalization over 9 neighboring feature maps, after pool1 and before pool2, and with 64
    instead of 32 filters at each position of local3: 2,112,970 parameters. This is the last version of the file
    (dnouri/cuda-convnet, and cuda-convnet2); the first one normalized over 5 feature maps before both poolings and had
    32 filters. ``normalization`` "none" and "batch" are for the controlled experiments.

Sizes, constants and initialization are those of the layer files. Pooling rounds sizes up (32, 16, 8, 4) and averages
over the pixels inside the image, as in that code. A number of classes other than 10 changes only the last layer.
"""

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import CHANNEL_MEAN, MOMENTUM
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import register_model

Normalization = Literal["none", "response", "batch"]


class WithinMapNorm(nn.Module):
    """Response normalization over 3x3 positions of a feature map: x / (1 + scale / 9 * sum of squares) ** power."""

    def __init__(self, size: int = 3, scale: float = 5e-5, power: float = 0.75) -> None:
        super().__init__()
        self.size, self.scale, self.power = size, scale, power

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), kept."""
        # The zeros of the padding count: the average is the sum divided by the size squared everywhere.
        mean = F.avg_pool2d(x.square(), self.size, stride=1, padding=self.size // 2)
        return x / (1 + self.scale * mean) ** self.power


class LocallyConnected2d(nn.Module):
    """3x3 kernels without weight sharing: each of image_size x image_size positions has its own weights and biases."""

    def __init__(self, in_channels: int, out_channels: int, image_size: int) -> None:
        super().__init__()
        self.image_size = image_size
        self.weight = nn.Parameter(torch.empty(image_size * image_size, in_channels * 9, out_channels))
        self.bias = nn.Parameter(torch.zeros(out_channels, image_size, image_size))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, image_size, image_size) -> (N, C_out, image_size, image_size)."""
        patches = F.unfold(x, kernel_size=3, padding=1)  # (N, C_in * 9, positions)
        outputs = torch.bmm(patches.permute(2, 0, 1), self.weight)  # (positions, N, C_out)
        return outputs.permute(1, 2, 0).unflatten(2, (self.image_size, self.image_size)) + self.bias


def initialize(layer: nn.Conv2d | LocallyConnected2d | nn.Linear, std: float) -> None:
    """Gaussian weights, biases 0."""
    nn.init.normal_(layer.weight, std=std)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class CudaConvnet18(nn.Module):
    """``layers-18pct``: three convolutional layers."""

    stages: ClassVar = named_stages("conv1", "pool1", "conv2", "pool2", "conv3", "pool3", "fc10")
    head_layers: ClassVar = ("fc10",)

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 32, kernel_size=5, padding=2)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.rnorm1 = WithinMapNorm()
        self.conv2 = nn.Conv2d(32, 32, kernel_size=5, padding=2)
        self.pool2 = nn.AvgPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.rnorm2 = WithinMapNorm()
        self.conv3 = nn.Conv2d(32, 64, kernel_size=5, padding=2)
        self.pool3 = nn.AvgPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.fc10 = nn.Linear(64 * 4 * 4, num_classes)
        self.relu = nn.ReLU(inplace=True)
        self._initialize()

    def _initialize(self) -> None:
        """Gaussians of 0.0001, 0.01, 0.01, 0.01; biases 0."""
        initialize(self.conv1, 1e-4)
        initialize(self.conv2, 0.01)
        initialize(self.conv3, 0.01)
        initialize(self.fc10, 0.01)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 64, 4, 4)."""
        x = self.rnorm1(self.relu(self.pool1(self.conv1(x))))  # (N, 32, 16, 16)
        x = self.rnorm2(self.pool2(self.relu(self.conv2(x))))  # (N, 32, 8, 8)
        return self.pool3(self.relu(self.conv3(x)))  # (N, 64, 4, 4)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 64, 4, 4) -> (N, num_classes)."""
        return self.fc10(torch.flatten(x, 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc10`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.fc10, 0.01)


class CudaConvnetLocal(nn.Module):
    """``layers-conv-local-13pct``, and ``11pct`` with the width and the normalization of that file."""

    stages: ClassVar = named_stages("conv1", "pool1", "conv2", "pool2", "local3", "local4", "fc10")
    head_layers: ClassVar = ("fc10",)

    def __init__(self, num_classes: int, local3: int, normalization: Normalization) -> None:
        super().__init__()

        def norm() -> nn.Module:
            match normalization:
                case "response":  # the code divides the scale by the size, as PyTorch does
                    return nn.LocalResponseNorm(9, alpha=1e-3, beta=0.75, k=1.0)
                case "batch":
                    return nn.BatchNorm2d(64)
                case _:
                    return nn.Identity()

        self.conv1 = nn.Conv2d(3, 64, kernel_size=5, padding=2)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.rnorm1 = norm()
        self.conv2 = nn.Conv2d(64, 64, kernel_size=5, padding=2)
        self.rnorm2 = norm()
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.local3 = LocallyConnected2d(64, local3, image_size=6)
        self.local4 = LocallyConnected2d(local3, 32, image_size=6)
        self.fc10 = nn.Linear(32 * 6 * 6, num_classes)
        self.relu = nn.ReLU(inplace=True)
        self._initialize()

    def _initialize(self) -> None:
        """Gaussians of 0.0001, 0.01, 0.04, 0.04, 0.01; biases 0."""
        initialize(self.conv1, 1e-4)
        initialize(self.conv2, 0.01)
        initialize(self.local3, 0.04)
        initialize(self.local4, 0.04)
        initialize(self.fc10, 0.01)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) -> (N, 32, 6, 6)."""
        x = self.rnorm1(self.pool1(self.relu(self.conv1(x))))  # (N, 64, 12, 12)
        x = self.pool2(self.rnorm2(self.relu(self.conv2(x))))  # (N, 64, 6, 6)
        x = self.relu(self.local3(x))  # (N, 32 or 64, 6, 6)
        return self.relu(self.local4(x))  # (N, 32, 6, 6)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 32, 6, 6) -> (N, num_classes)."""
        return self.fc10(torch.flatten(x, 1))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc10`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.fc10, 0.01)


# The mean is subtracted from the images and their scale stays 0..255, for which learning rates and initialization are.
BIAS_RATE = "biases have the learning rate of the weights; in the file twice that rate"
PIXELS = Data(name="cifar10", mean=(0.4914, 0.48216, 0.44653), std=(1 / 255,) * 3)

PAPER_18 = Recipe(
    # The parameter file: 120 epochs, then 10 at a tenth and 10 at a hundredth of the learning rate, no augmentation.
    model=Model(name="cuda_convnet_18"),
    data=PIXELS,
    batch_size=128,
    epochs=140,
    optimizer=Sgd(lr=0.001, momentum=0.9, weight_decay=0.004, decay_vectors=False),
    schedule=Schedule(shape="steps", milestones=(120 / 140, 130 / 140), gamma=0.1),
    precision="float32",
    departures=(
        "weight decay of 0.004 in fc10 too; the file has 1.0 there",
        BIAS_RATE,
        CHANNEL_MEAN,
        MOMENTUM,
    ),
)

PAPER_11 = Recipe(
    # The parameter file of the 11% network: about 350 epochs without the fifth part of the training images and about
    # 150 with it, then 10 at a tenth and 10 at a hundredth of the learning rate. Random crops of 24x24.
    model=Model(name="cuda_convnet_11"),
    data=PIXELS.model_copy(update={"image_size": 24}),
    augmentation=Augmentation(flip="random", resize=32),
    batch_size=128,
    epochs=520,
    optimizer=Sgd(lr=0.001, momentum=0.9, weight_decay=0.004, decay_vectors=False),
    schedule=Schedule(shape="steps", milestones=(500 / 520, 510 / 520), gamma=0.1),
    precision="float32",
    tta="ten_crop",
    departures=(
        "all five parts of the training images from the first epoch on; the file's first 350 epochs leave one out",
        "weight decay of 0.004 in every layer; the file has 0 in the convolutions and 0.01 in fc10",
        BIAS_RATE,
        CHANNEL_MEAN,
        MOMENTUM,
    ),
)

PAPER_13 = PAPER_11.model_copy(
    update={
        "departures": (
            "length and schedule: the 13% network's file states none; those of the 11% network's",
            "weight decay of 0.004 in the convolutions too; the file has 0 there",
            BIAS_RATE,
            CHANNEL_MEAN,
            MOMENTUM,
        )
    }
)


@register_model(input_size=(3, 32, 32), paper="krizhevsky2012", recipe=PAPER_18)
def cuda_convnet_18(num_classes: int = 10) -> CudaConvnet18:
    """Krizhevsky's CIFAR network of 18% error: three convolutional layers."""
    return CudaConvnet18(num_classes)


@register_model(input_size=(3, 24, 24), paper="krizhevsky2012", recipe=PAPER_13)
def cuda_convnet_13(num_classes: int = 10) -> CudaConvnetLocal:
    """Krizhevsky's CIFAR network of 13% error: two convolutional, two locally connected layers."""
    return CudaConvnetLocal(num_classes, local3=32, normalization="none")


@register_model(input_size=(3, 24, 24), paper="krizhevsky2012", recipe=PAPER_11)
def cuda_convnet_11(num_classes: int = 10, normalization: Normalization = "response") -> CudaConvnetLocal:
    """Krizhevsky's CIFAR network of 11% error: response normalization, and a wider local layer."""
    return CudaConvnetLocal(num_classes, local3=64, normalization=normalization)
