"""Network in Network: a small perceptron instead of each filter, and no fully connected layers at the end.

M. Lin, Q. Chen, S. Yan, "Network In Network", ICLR 2014, arXiv:1312.4400.

Two ideas that outlived the network:

- A convolution applies a linear function to each patch. An *mlpconv* applies a small perceptron (section 3.1): a
  convolution followed by 1x1 convolutions.
- The last mlpconv has one feature map for each class, whose average is the score of the class (section 3.2). Global
  average pooling has no parameters, so it cannot overfit as AlexNet's fully connected layers do.

Follows the authors' files where the paper states no sizes:

``nin_cifar``
    Three mlpconvs (mavenlin/cuda-convnet, NIN/cifar-10_def): 966,986 parameters, 8.81% error with
    augmentation (Table 1). Both pooling layers take the maximum; popular copies average in the second.
``nin``
    The network of four mlpconvs for ImageNet that the authors released later in the Caffe Model Zoo; the paper has no
    ImageNet experiment. 7,595,176 parameters, an eighth of AlexNet's. Pooling rounds sizes up, as in Caffe: 54, 27, 13
    and 6 pixels.

As in the files, ReLU follows every convolution, the last one included: class scores are averages of non-negative
values.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Model, Recipe, Schedule, Sgd
from decanet.models._departures import MOMENTUM
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import register_model


def mlpconv(
    in_channels: int, widths: tuple[int, int, int], kernel_size: int, stride: int = 1, padding: int = 0
) -> nn.Sequential:
    """A convolution (with its stride and padding) and two 1x1 convolutions, each followed by ReLU."""
    first, second, third = widths
    return nn.Sequential(
        nn.Conv2d(in_channels, first, kernel_size, stride, padding),
        nn.ReLU(inplace=True),
        nn.Conv2d(first, second, kernel_size=1),
        nn.ReLU(inplace=True),
        nn.Conv2d(second, third, kernel_size=1),
        nn.ReLU(inplace=True),
    )


def initialize(model: nn.Module, std: float, exceptions: dict[str, float]) -> None:
    """Gaussian weights with the authors' standard deviations, biases 0."""
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, std=exceptions.get(name, std))
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class NiN(nn.Module):
    """Four mlpconvs for images of 224x224."""

    stages: ClassVar = named_stages("mlpconv1", "pool1", "mlpconv2", "pool2", "mlpconv3", "pool3", "mlpconv4")
    head_layers: ClassVar = ("mlpconv4.4",)

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.mlpconv1 = mlpconv(3, (96, 96, 96), kernel_size=11, stride=4)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.mlpconv2 = mlpconv(96, (256, 256, 256), kernel_size=5, padding=2)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.mlpconv3 = mlpconv(256, (384, 384, 384), kernel_size=3, padding=1)
        self.pool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.dropout = nn.Dropout(dropout)
        self.mlpconv4 = mlpconv(384, (1024, 1024, num_classes), kernel_size=3, padding=1)
        self.pool4 = nn.AdaptiveAvgPool2d(1)
        initialize(self, std=0.05, exceptions={"mlpconv1.0": 0.01, "mlpconv3.0": 0.01, "mlpconv4.4": 0.01})

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 384, 6, 6)."""
        x = self.pool1(self.mlpconv1(x))  # (N, 96, 27, 27)
        x = self.pool2(self.mlpconv2(x))  # (N, 256, 13, 13)
        return self.pool3(self.mlpconv3(x))  # (N, 384, 6, 6)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 384, 6, 6) -> (N, num_classes)."""
        x = self.mlpconv4(self.dropout(x))  # (N, num_classes, 6, 6): one feature map for each class
        return torch.flatten(self.pool4(x), 1)

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace the last layer of ``mlpconv4`` by a new one of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.mlpconv4[4], std=0.01, exceptions={})


class NiNCifar(nn.Module):
    """Three mlpconvs for images of 32x32."""

    stages: ClassVar = named_stages("mlpconv1", "pool1", "mlpconv2", "pool2", "mlpconv3")
    head_layers: ClassVar = ("mlpconv3.4",)

    def __init__(self, num_classes: int = 10, dropout: float = 0.5) -> None:
        super().__init__()
        self.mlpconv1 = mlpconv(3, (192, 160, 96), kernel_size=5, padding=2)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.dropout1 = nn.Dropout(dropout)
        self.mlpconv2 = mlpconv(96, (192, 192, 192), kernel_size=5, padding=2)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.dropout2 = nn.Dropout(dropout)
        self.mlpconv3 = mlpconv(192, (192, 192, num_classes), kernel_size=3, padding=1)
        self.pool3 = nn.AdaptiveAvgPool2d(1)
        initialize(self, std=0.05, exceptions={})

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 192, 8, 8)."""
        x = self.dropout1(self.pool1(self.mlpconv1(x)))  # (N, 96, 16, 16)
        return self.pool2(self.mlpconv2(x))  # (N, 192, 8, 8)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 192, 8, 8) -> (N, num_classes)."""
        x = self.mlpconv3(self.dropout2(x))  # (N, num_classes, 8, 8): one feature map for each class
        return torch.flatten(self.pool3(x), 1)

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace the last layer of ``mlpconv3`` by a new one of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.mlpconv3[4], std=0.05, exceptions={})


PAPER = Recipe(
    # Section 4.2 and the authors' file: 200 epochs, then 30 at a tenth and 30 at a hundredth of the learning rate. The
    # file's learning rate of 1 times its cost coefficient of 0.1 is 0.1, its decay of 1e-5 per step is 1e-4 times that.
    # The batch size is the program's default.
    model=Model(name="nin_cifar"),
    augmentation=Augmentation(flip="random", crop_padding=4, padding_mode="black"),
    batch_size=128,
    epochs=260,
    optimizer=Sgd(lr=0.1, momentum=0.9, weight_decay=1e-4, decay_vectors=False),
    schedule=Schedule(shape="steps", milestones=(200 / 260, 230 / 260), gamma=0.1),
    precision="float32",
    departures=(
        "images are normalized by channel; the paper's are contrast-normalized and whitened (ZCA)",
        "biases have the learning rate of the weights; in the authors' file twice that rate",
        "the last layer has the learning rate of the others; in the authors' file a tenth of it",
        MOMENTUM,
    ),
)


@register_model(
    input_size=(3, 224, 224),
    paper="lin2013",
    facts="nin_imagenet",
    too_small_use="nin_cifar",
)
def nin(num_classes: int = 1000, dropout: float = 0.5) -> NiN:
    """Network in Network for ImageNet, as its authors released it in the Caffe Model Zoo."""
    return NiN(num_classes, dropout)


@register_model(input_size=(3, 32, 32), paper="lin2013", facts="nin_cifar10", recipe=PAPER)
def nin_cifar(num_classes: int = 10, dropout: float = 0.5) -> NiNCifar:
    """Network in Network for 32x32 images: three mlpconvs and global average pooling."""
    return NiNCifar(num_classes, dropout)
