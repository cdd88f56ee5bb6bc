"""ZFNet: AlexNet improved by visualizing its features.

M. D. Zeiler, R. Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, arXiv:1311.2901.

The idea: project the activation of a unit back to the pixels (a deconvolutional network) and look at it. AlexNet's
first layer had kernels of very high and very low frequencies and few between, its second showed aliasing from the
stride of 4 (section 4.1, Figure 6). So the first kernels become 7x7 with stride 2, and layers 3 to 5 are connected to
all feature maps. The top-5 error falls from 18.1% to 16.5% (Table 2, one network, compared with their own AlexNet).

Follows Figure 3: 96 filters of 7x7 with stride 2, 256 of 5x5 with stride 2, then 384, 384 and 256 of 3x3; max pooling
3x3 with stride 2 after layers 1, 2 and 5; contrast normalization after the first two poolings (AlexNet normalizes
before pooling); two hidden fully connected layers of 4096 units with dropout 0.5.

What the paper leaves open, and what is done here:

- The padding. Figure 3 states feature maps of 110, 55, 26, 13 and 6 pixels. A padding of 1 in conv1, pool1 and pool2
  and of 0 in conv2 and pool5 gives all of them: (224 - 7 + 2)/2 + 1 = 110 (rounded down from 110.5),
  (110 - 3 + 2)/2 + 1 = 55.
- The constants of the contrast normalization are AlexNet's, with the sum divided by n as in AlexNet's code.
- "All weights are initialized to 10^-2" (section 3) could not train, since equal units would stay equal. It is taken
  as the standard deviation of a Gaussian.

Not in the network: in the paper's training each filter whose root mean square exceeds 0.1 is scaled back to 0.1
(section 3).

The winner of ILSVRC 2013 was another network: an ensemble of Zeiler's company Clarifai.
"""

from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import BY_HAND, CHANNEL_MEAN, MOMENTUM
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import named_stages
from decanet.models.registry import register_model


def initialize(model: nn.Module) -> None:
    """Section 3: weights of 0.01 (taken as the standard deviation of a Gaussian), biases 0."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.normal_(module.weight, std=0.01)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class ZFNet(nn.Module):
    """Eight layers (Figure 3)."""

    stages: ClassVar = named_stages(
        "conv1", "pool1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5", "fc6", "fc7", "fc8"
    )
    head_layers: ClassVar = ("fc8",)

    def __init__(self, num_classes: int = 1000, dropout: float = 0.5) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, kernel_size=7, stride=2, padding=1)
        self.conv2 = nn.Conv2d(96, 256, kernel_size=5, stride=2)
        self.conv3 = nn.Conv2d(256, 384, kernel_size=3, padding=1)
        self.conv4 = nn.Conv2d(384, 384, kernel_size=3, padding=1)
        self.conv5 = nn.Conv2d(384, 256, kernel_size=3, padding=1)
        self.relu = nn.ReLU(inplace=True)
        self.norm = nn.LocalResponseNorm(size=5, alpha=1e-4, beta=0.75, k=2.0)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        self.pool5 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.fc6 = nn.Linear(256 * 6 * 6, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, num_classes)
        self.dropout = nn.Dropout(dropout)
        initialize(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 256, 6, 6)."""
        x = self.norm(self.pool1(self.relu(self.conv1(x))))  # (N, 96, 55, 55)
        x = self.norm(self.pool2(self.relu(self.conv2(x))))  # (N, 256, 13, 13)
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
        replace_head(self, num_classes)
        initialize(self.fc8)


PAPER = Recipe(
    # Section 3. The mean is subtracted from the images and their scale stays 0..255, for which the initialization is.
    model=Model(name="zfnet"),
    data=Data(name="imagenet", image_size=224, mean=(0.485, 0.456, 0.406), std=(1 / 255,) * 3),
    augmentation=Augmentation(flip="random", resize=256),
    batch_size=128,
    epochs=70,
    optimizer=Sgd(lr=0.01, momentum=0.9),
    schedule=Schedule(shape="plateau", gamma=0.1, patience=5),
    precision="float32",
    tta="ten_crop",
    validation=0.05,
    log_every=100,
    departures=(
        "random crops; the paper trains on the ten crops of each image",
        "filters are not renormalized; the paper scales each whose root mean square exceeds 0.1 back to 0.1",
        "no weight decay: the paper states none",
        "weights are initialized from a Gaussian of 0.01; the paper states that all are initialized to 0.01",
        CHANNEL_MEAN,
        BY_HAND,
        MOMENTUM,
    ),
)


@register_model(
    input_size=(3, 224, 224),
    paper="zeiler2013",
    facts="zfnet",
    recipe=PAPER,
    too_small_use="alexnet_cifar",
)
def zfnet(num_classes: int = 1000, dropout: float = 0.5) -> ZFNet:
    """ZFNet: AlexNet with 7x7 kernels and stride 2 in the first layer, and no towers."""
    return ZFNet(num_classes, dropout)
