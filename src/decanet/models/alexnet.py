"""AlexNet: the network that won ILSVRC 2012, in three variants.

A. Krizhevsky, I. Sutskever, G. E. Hinton, "ImageNet Classification with Deep Convolutional Neural Networks",
NIPS 2012; and A. Krizhevsky, "One weird trick for parallelizing convolutional neural networks",
arXiv:1404.5997, 2014.

The idea: a deep convolutional network of 60 million parameters, trained with ReLU, dropout and data augmentation
on two graphics cards, beats hand-made features on a million images by a wide margin: 16.4% top-5 error against 26.2%
(five networks; 15.3% with two more that were pretrained on the ImageNet release of fall 2011).

Three networks:

``alexnet``
    The one-tower layout of the 2014 paper as in torchvision: 64-192-384-256-256 filters, no response
    normalization, no groups, dropout before each hidden fully connected layer. 61,100,840 parameters. The paper trains
    another layout, with a thousand logistic units instead of the softmax, so no recipe is declared.
``alexnet_cifar``
    The tutorial's variant for 32x32 images: 3x3 kernels with padding 1 and three 2x2 max poolings.
``alexnet_two_tower``
    The 2012 network (section 3.5, Figure 2): 96-256-384-384-256 filters, two towers (groups) in conv2, conv4 and
    conv5, response normalization after conv1 and conv2, overlapping pooling, dropout after fc6 and fc7.

Where ``alexnet_two_tower`` departs from the printed paper, and why:

- The paper prints a 224x224 input, but (224 - 11)/4 + 1 = 54.25 is no whole number. The original code rounds up to
  the 55 of Figure 2; here a padding of 2 has the same result: (224 - 11 + 2*2)/4 + 1 = 55 (rounded down from 55.25),
  so the network takes the crops of 224 that the paper trains on. For 227x227 images the output of conv1 is 56x56 and
  that of the last pooling is still 6x6.
- Response normalization uses the constants as printed (section 3.3: k=2, n=5, alpha=1e-4, beta=0.75), with the sum
  not divided by n. PyTorch divides alpha by n, hence 5e-4 below. (The original code divided as well: the printed
  formula and the trained network differ; we follow the print.)
  It stays within a tower: each graphics card normalized its own 48 (conv2: 128) feature maps, as in the original layer
  file (layers-145.cfg, rnorm1a and rnorm1b). The order of layers in that file is not followed: there the first
  normalization precedes ReLU, and a second one within feature maps, which the paper does not mention, follows conv2's.
- Dropout scales by 1/(1-p) in training instead of halving the outputs in testing: the expectation is the same.
"""

from collections.abc import Iterable
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import BY_HAND, COLOR_NOISE, MOMENTUM
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import PretrainedWeights, register_model


class AlexNet(nn.Module):
    """One tower (arXiv:1404.5997); the layers have the tutorial's keys, ``features.0-12`` and ``classifier.0-6``."""

    stages: ClassVar = {
        "conv1": "features.0", "pool1": "features.2", "conv2": "features.3", "pool2": "features.5",
        "conv3": "features.6", "conv4": "features.8", "conv5": "features.10", "pool5": "features.12",
        "fc6": "classifier.1", "fc7": "classifier.4", "fc8": "classifier.6",
    }  # fmt: skip
    head_layers: ClassVar = ("classifier.6",)

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=11, stride=4, padding=2),  # (N, 64, 55, 55)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 64, 27, 27)
            nn.Conv2d(64, 192, kernel_size=5, padding=2),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 192, 13, 13)
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=3, stride=2),  # (N, 256, 6, 6)
        )
        self.avgpool = nn.AdaptiveAvgPool2d((6, 6))  # the identity for 224x224 images
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 6 * 6, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 256, 6, 6)."""
        return self.features(x)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 256, 6, 6) -> (N, num_classes)."""
        x = self.avgpool(x)
        x = torch.flatten(x, 1)  # (N, 9216)
        return self.classifier(x)

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace fc8 by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)


class AlexNetCifar(nn.Module):
    """The one tower for 32x32 images: feature maps of 32x32, 16x16, 8x8 and 4x4."""

    stages: ClassVar = AlexNet.stages
    head_layers: ClassVar = AlexNet.head_layers

    def __init__(self, num_classes: int = 10, dropout: float = 0.5) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, kernel_size=3, padding=1),  # (N, 64, 32, 32)
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 64, 16, 16)
            nn.Conv2d(64, 192, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 192, 8, 8)
            nn.Conv2d(192, 384, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, kernel_size=3, padding=1),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(kernel_size=2, stride=2),  # (N, 256, 4, 4)
        )
        self.classifier = nn.Sequential(
            nn.Dropout(dropout),
            nn.Linear(256 * 4 * 4, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Linear(4096, num_classes),
        )

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 256, 4, 4)."""
        return self.features(x)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 256, 4, 4) -> (N, num_classes)."""
        x = torch.flatten(x, 1)  # (N, 4096)
        return self.classifier(x)

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace fc8 by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)


class TowerResponseNorm(nn.LocalResponseNorm):
    """Local response normalization over neighboring feature maps of the same tower."""

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W), kept; C is even."""
        towers = x.unflatten(1, (2, -1)).flatten(0, 1)  # (2N, C/2, H, W)
        return super().forward(towers).view_as(x)


def initialize(layers: Iterable[tuple[str, nn.Module]]) -> None:
    """Section 5: Gaussian 0.01; biases 1 in conv2, conv4, conv5 and the hidden fully connected layers, 0 elsewhere."""
    for name, layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.normal_(layer.weight, std=0.01)
            assert layer.bias is not None
            nn.init.constant_(layer.bias, 1.0 if name in {"conv2", "conv4", "conv5", "fc6", "fc7"} else 0.0)


class AlexNetTwoTower(nn.Module):
    """The 2012 network: each group is a tower; only conv3 and the fully connected layers connect the two."""

    stages: ClassVar = named_stages(
        "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8"
    )
    head_layers: ClassVar = ("fc8",)

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, kernel_size=11, stride=4, padding=2)
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, padding=2, groups=2)
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1, groups=2)
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1, groups=2)
        self.relu = nn.ReLU(inplace=True)
        # Section 3.3 sums over n=5 feature maps without dividing; PyTorch divides alpha by n: 5 * 1e-4.
        self.norm = TowerResponseNorm(size=5, alpha=5e-4, beta=0.75, k=2.0)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.pool5 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, num_classes)
        self.dropout = nn.Dropout(dropout)
        initialize(self.named_modules())

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 256, 6, 6)."""
        x = self.pool1(self.norm(self.relu(self.conv1(x))))  # (N, 96, 27, 27)
        x = self.pool2(self.norm(self.relu(self.conv2(x))))  # (N, 256, 13, 13)
        x = self.relu(self.conv3(x))  # (N, 384, 13, 13)
        x = self.relu(self.conv4(x))  # (N, 384, 13, 13)
        return self.pool5(self.relu(self.conv5(x)))  # (N, 256, 6, 6)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 256, 6, 6) -> (N, num_classes)."""
        x = torch.flatten(x, 1)  # (N, 9216)
        x = self.dropout(self.relu(self.fc6(x)))
        x = self.dropout(self.relu(self.fc7(x)))
        return self.fc8(x)

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc8`` by a new layer of ``num_classes`` outputs."""
        initialize(replace_head(self, num_classes).items())


PAPER = Recipe(
    # Sections 4 and 5. The learning rate was divided by hand when the validation error stopped falling, three times in
    # about 90 epochs.
    model=Model(name="alexnet_two_tower"),
    # "The (centered) raw RGB values of the pixels" (section 2): the scale 0..255, for which the learning rate and the
    # initialization were chosen.
    data=Data(name="imagenet", image_size=224, std=(1 / 255, 1 / 255, 1 / 255)),
    augmentation=Augmentation(flip="random", resize=256, pca_noise=0.1),
    batch_size=128,
    epochs=90,
    optimizer=Sgd(lr=0.01, momentum=0.9, weight_decay=5e-4, decay_vectors=False),  # as cuda-convnet
    schedule=Schedule(shape="plateau", gamma=0.1, patience=5),
    precision="float32",
    tta="ten_crop",
    validation=0.05,
    log_every=100,
    departures=(
        COLOR_NOISE,
        BY_HAND + " (in the authors' log after epochs 25, 51 and 79 of 91)",
        "biases have the learning rate of the weights; in the authors' layer-params-145.cfg at first twice that rate",
        "conv1 is never frozen and color noise never ends; in the authors' log both change after about 70 epochs",
        "each image has a crop and a flip of its own; in the authors' loader 32 images have the same",
        MOMENTUM,
    ),
)


@register_model(
    input_size=(3, 224, 224),
    paper="krizhevsky2014",
    facts="alexnet_owt",
    pretrained=(PretrainedWeights("torchvision", "alexnet", key_map=dict),),  # the keys are the same
    too_small_use="alexnet_cifar",
)
def alexnet(num_classes: int = 1000, dropout: float = 0.5) -> AlexNet:
    """One-tower AlexNet of 2014, in torchvision's layout."""
    return AlexNet(num_classes, dropout)


@register_model(input_size=(3, 32, 32), paper="krizhevsky2014")
def alexnet_cifar(num_classes: int = 10, dropout: float = 0.5) -> AlexNetCifar:
    """The tutorial's AlexNet for 32x32 images: 3x3 kernels, three 2x2 max poolings."""
    return AlexNetCifar(num_classes, dropout)


@register_model(
    input_size=(3, 224, 224),
    paper="krizhevsky2012",
    facts="alexnet_2012",
    recipe=PAPER,
    too_small_use="alexnet_cifar",
)
def alexnet_two_tower(num_classes: int = 1000, dropout: float = 0.5) -> AlexNetTwoTower:
    """The network of 2012: two towers, local response normalization, overlapping pooling."""
    return AlexNetTwoTower(num_classes, dropout)
