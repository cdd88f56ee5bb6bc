"""GoogLeNet: several kernel sizes in one module, at a low cost; won ILSVRC 2014.

C. Szegedy, W. Liu, Y. Jia, P. Sermanet, S. Reed, D. Anguelov, D. Erhan, V. Vanhoucke, A. Rabinovich, "Going
Deeper with Convolutions", CVPR 2015, arXiv:1409.4842.

The idea: an Inception module applies 1x1, 3x3 and 5x5 convolutions and max pooling to the same input in parallel and
concatenates their outputs. Cheap 1x1 convolutions first reduce the channels for the larger kernels (section 4). Nine
modules, 22 layers deep, with a ninth of AlexNet's parameters, won with a top-5 error of 6.67%.

Three networks:

``googlenet``
    The network of the paper: Table 1 with its 5x5 kernels, response normalization around conv2 (Figure 3), both
    auxiliary classifiers (section 5). 6,998,552 parameters, and 6,379,728 of the auxiliary classifiers.
``googlenet_bn``
    The layout of torchvision's pretrained weights: batch normalization, no biases and no response normalization, 3x3
    instead of 5x5 kernels, a last pooling of 2x2, dropout 0.2. With its pretrained weights torchvision's network
    applies ``transform_input``, which rescales images normalized with ImageNet's constants to (x - 0.5) / 0.5. That is
    preprocessing and not part of this network: these weights need images normalized with mean 0.5 and standard
    deviation 0.5 in each channel.
``googlenet_cifar``
    Ours, for 32x32 images: conv1 is 3x3 with stride 1 and pool1 is left out, so that the modules' feature maps are
    16x16, 8x8 and 4x4; batch normalization; no auxiliary classifiers. The paper has no such network.

In training mode the first two return ``Outputs(logits, aux)`` with the auxiliary logits from 4a and 4d; the loss adds
each with the weight 0.3 (section 5). In eval mode they return the logits alone.

What the paper leaves open, and what is done here:

- The constants of the response normalization and the initialization are those of the replication that the authors of
  Caffe trained: n=5, alpha=1e-4 divided by n, beta=0.75, k=1; weights uniform within +-sqrt(3 / inputs of a filter),
  which Caffe calls "xavier" (filler.hpp; Glorot's bound includes the outputs), biases 0.2 (0 in the layers of the
  logits). The variants with batch normalization, for which the scale of the weights does not matter, have the same.
- Pooling rounds sizes up, which gives the feature maps of Table 1 (112, 56, 28, 14, 7).
- In training, the auxiliary classifiers average feature maps of other sizes than 14x14 to the 4x4 that they need.
- The numbers of parameters in Table 1 are taken as rough: 2.7K for conv1 (7x7x3x64 are 9,408), 463K for 4c (509,440).
  Kernel sizes and channels are followed, as in every known copy.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd
from decanet.models._departures import MOMENTUM
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import Outputs, named_stages
from decanet.models.registry import Departure, PretrainedWeights, register_model

# Table 1: input channels, 1x1, 3x3 reduce, 3x3, 5x5 reduce, 5x5, pool projection.
TABLE_1 = {
    "3a": (192, 64, 96, 128, 16, 32, 32),
    "3b": (256, 128, 128, 192, 32, 96, 64),
    "4a": (480, 192, 96, 208, 16, 48, 64),
    "4b": (512, 160, 112, 224, 24, 64, 64),
    "4c": (512, 128, 128, 256, 24, 64, 64),
    "4d": (512, 112, 144, 288, 32, 64, 64),
    "4e": (528, 256, 160, 320, 32, 128, 128),
    "5a": (832, 256, 160, 320, 32, 128, 128),
    "5b": (832, 384, 192, 384, 48, 128, 128),
}


class ConvReLU(nn.Module):
    """Convolution and ReLU; with ``batch_norm`` batch normalization between them."""

    def __init__(
        self, in_channels: int, out_channels: int, kernel_size: int, batch_norm: bool, stride: int = 1
    ) -> None:
        super().__init__()
        # The padding keeps the size; batch normalization makes a bias redundant.
        self.conv = nn.Conv2d(
            in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2, bias=not batch_norm
        )
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001) if batch_norm else nn.Identity()
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H', W')."""
        return self.relu(self.bn(self.conv(x)))


class Inception(nn.Module):
    """The module with reductions (Figure 2b): (N, C, H, W) -> (N, sum of the branches, H, W)."""

    def __init__(self, name: str, batch_norm: bool) -> None:
        super().__init__()
        channels, n1x1, n3x3_reduce, n3x3, n5x5_reduce, n5x5, projection = TABLE_1[name]
        wide = 3 if batch_norm else 5  # torchvision's layout has 3x3 in the third branch
        self.conv1x1 = ConvReLU(channels, n1x1, 1, batch_norm)
        self.reduce3x3 = ConvReLU(channels, n3x3_reduce, 1, batch_norm)
        self.conv3x3 = ConvReLU(n3x3_reduce, n3x3, 3, batch_norm)
        self.reduce5x5 = ConvReLU(channels, n5x5_reduce, 1, batch_norm)
        self.conv5x5 = ConvReLU(n5x5_reduce, n5x5, wide, batch_norm)
        self.pool = nn.MaxPool2d(kernel_size=3, stride=1, padding=1)
        self.projection = ConvReLU(channels, projection, 1, batch_norm)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C', H, W)."""
        return torch.cat(
            [
                self.conv1x1(x),
                self.conv3x3(self.reduce3x3(x)),
                self.conv5x5(self.reduce5x5(x)),
                self.projection(self.pool(x)),
            ],
            dim=1,
        )


class AuxiliaryClassifier(nn.Module):
    """Small classifier on an intermediate layer, which adds gradient to the lower layers (section 5)."""

    def __init__(self, in_channels: int, num_classes: int, batch_norm: bool) -> None:
        super().__init__()
        # torchvision's layout has only the adaptive pooling to 4x4.
        self.pool = nn.Identity() if batch_norm else nn.AvgPool2d(kernel_size=5, stride=3)
        self.fit = nn.AdaptiveAvgPool2d(4)
        self.conv = ConvReLU(in_channels, 128, 1, batch_norm)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.relu = nn.ReLU(inplace=True)
        self.dropout = nn.Dropout(0.7)
        self.fc2 = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 14, 14) -> (N, num_classes)."""
        if min(x.shape[2:]) >= 5:  # 14x14 in the paper; smaller ones are only fitted
            x = self.pool(x)  # (N, C, 4, 4)
        x = self.conv(self.fit(x))  # (N, 128, 4, 4)
        x = self.dropout(self.relu(self.fc1(torch.flatten(x, 1))))
        return self.fc2(x)


def initialize(layers: Iterable[tuple[str, nn.Module]]) -> None:
    """Caffe's "xavier", uniform within +-sqrt(3 / inputs); biases 0.2 before a ReLU, 0 in the layers of the logits."""
    for name, layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="linear")
            if layer.bias is not None:
                nn.init.constant_(layer.bias, 0.0 if name.endswith(("fc", "fc2")) else 0.2)


class GoogLeNet(nn.Module):
    """Table 1 and Figure 3; with ``batch_norm`` the layout of the pretrained weights."""

    stages: ClassVar = named_stages(
        "conv1", "pool1", "conv2_reduce", "conv2", "pool2", "inception_3a", "inception_3b", "pool3", "inception_4a",
        "inception_4b", "inception_4c", "inception_4d", "inception_4e", "pool4", "inception_5a", "inception_5b", "fc",
    )  # fmt: skip
    head_layers: ClassVar = ("fc", "aux1.fc2", "aux2.fc2")
    aux_weight = 0.3  # section 5

    def __init__(self, num_classes: int = 1000, dropout: float = 0.4, batch_norm: bool = False) -> None:
        super().__init__()
        self.conv1 = ConvReLU(3, 64, 7, batch_norm, stride=2)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.norm1 = nn.Identity() if batch_norm else nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        self.conv2_reduce = ConvReLU(64, 64, 1, batch_norm)
        self.conv2 = ConvReLU(64, 192, 3, batch_norm)
        self.norm2 = nn.Identity() if batch_norm else nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75, k=1.0)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_3a = Inception("3a", batch_norm)
        self.inception_3b = Inception("3b", batch_norm)
        self.pool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_4a = Inception("4a", batch_norm)
        self.aux1 = AuxiliaryClassifier(512, num_classes, batch_norm)
        self.inception_4b = Inception("4b", batch_norm)
        self.inception_4c = Inception("4c", batch_norm)
        self.inception_4d = Inception("4d", batch_norm)
        self.aux2 = AuxiliaryClassifier(528, num_classes, batch_norm)
        self.inception_4e = Inception("4e", batch_norm)
        self.pool4 = nn.MaxPool2d(kernel_size=2 if batch_norm else 3, stride=2, ceil_mode=True)
        self.inception_5a = Inception("5a", batch_norm)
        self.inception_5b = Inception("5b", batch_norm)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        initialize(self.named_modules())

    def _features(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The feature maps of 4a and 4d, which the auxiliary classifiers read, and of 5b."""
        x = self.norm1(self.pool1(self.conv1(x)))  # (N, 64, 56, 56)
        x = self.pool2(self.norm2(self.conv2(self.conv2_reduce(x))))  # (N, 192, 28, 28)
        x = self.inception_3a(x)  # (N, 256, 28, 28)
        x = self.pool3(self.inception_3b(x))  # (N, 480, 14, 14)
        low = self.inception_4a(x)  # (N, 512, 14, 14)
        x = self.inception_4b(low)
        x = self.inception_4c(x)
        high = self.inception_4d(x)  # (N, 528, 14, 14)
        x = self.pool4(self.inception_4e(high))  # (N, 832, 7, 7)
        x = self.inception_5a(x)
        return low, high, self.inception_5b(x)  # (N, 1024, 7, 7)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 224, 224) -> (N, 1024, 7, 7)."""
        return self._features(x)[-1]

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 1024, 7, 7) -> (N, num_classes)."""
        return self.fc(self.dropout(torch.flatten(self.avgpool(x), 1)))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor | Outputs:
        """(N, 3, 224, 224) -> (N, num_classes), or ``Outputs`` of three such tensors in training mode."""
        low, high, x = self._features(x)
        logits = self.forward_head(x)
        return Outputs(logits, (self.aux1(low), self.aux2(high))) if self.training else logits

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc``, and ``fc2`` of the auxiliary classifiers, by new layers of ``num_classes`` outputs."""
        initialize(replace_head(self, num_classes).items())


class GoogLeNetCifar(nn.Module):
    """The nine modules with batch normalization, on feature maps of 16x16, 8x8 and 4x4."""

    stages: ClassVar = named_stages(
        "conv1", "conv2_reduce", "conv2", "pool2", "inception_3a", "inception_3b", "pool3", "inception_4a",
        "inception_4b", "inception_4c", "inception_4d", "inception_4e", "pool4", "inception_5a", "inception_5b", "fc",
    )  # fmt: skip
    head_layers: ClassVar = ("fc",)

    def __init__(self, num_classes: int = 10, dropout: float = 0.4) -> None:
        super().__init__()
        self.conv1 = ConvReLU(3, 64, 3, batch_norm=True)
        self.conv2_reduce = ConvReLU(64, 64, 1, batch_norm=True)
        self.conv2 = ConvReLU(64, 192, 3, batch_norm=True)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_3a = Inception("3a", batch_norm=True)
        self.inception_3b = Inception("3b", batch_norm=True)
        self.pool3 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_4a = Inception("4a", batch_norm=True)
        self.inception_4b = Inception("4b", batch_norm=True)
        self.inception_4c = Inception("4c", batch_norm=True)
        self.inception_4d = Inception("4d", batch_norm=True)
        self.inception_4e = Inception("4e", batch_norm=True)
        self.pool4 = nn.MaxPool2d(kernel_size=3, stride=2, ceil_mode=True)
        self.inception_5a = Inception("5a", batch_norm=True)
        self.inception_5b = Inception("5b", batch_norm=True)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        initialize(self.named_modules())

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 1024, 4, 4)."""
        x = self.pool2(self.conv2(self.conv2_reduce(self.conv1(x))))  # (N, 192, 16, 16)
        x = self.inception_3a(x)
        x = self.pool3(self.inception_3b(x))  # (N, 480, 8, 8)
        x = self.inception_4a(x)
        x = self.inception_4b(x)
        x = self.inception_4c(x)
        x = self.inception_4d(x)
        x = self.pool4(self.inception_4e(x))  # (N, 832, 4, 4)
        x = self.inception_5a(x)
        return self.inception_5b(x)  # (N, 1024, 4, 4)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 1024, 4, 4) -> (N, num_classes)."""
        return self.fc(self.dropout(torch.flatten(self.avgpool(x), 1)))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc`` by a new layer of ``num_classes`` outputs."""
        initialize(replace_head(self, num_classes).items())


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision's keys -> ours; other keys stay as they are, so that loading the weights names them."""
    stem = {"conv2": "conv2_reduce", "conv3": "conv2"}
    branches = {
        "branch1": "conv1x1", "branch2.0": "reduce3x3", "branch2.1": "conv3x3",
        "branch3.0": "reduce5x5", "branch3.1": "conv5x5", "branch4.1": "projection",
    }  # fmt: skip
    ours = {}
    for key, tensor in state.items():
        if module := re.fullmatch(r"inception(\d\w)\.(branch1|branch\d\.\d)\.(.+)", key):
            name, branch, rest = module.groups()
            ours[f"inception_{name}.{branches.get(branch, branch)}.{rest}"] = tensor
        else:
            first, _, rest = key.partition(".")
            ours[f"{stem.get(first, first)}.{rest}"] = tensor
    return ours


PAPER = Recipe(
    # Section 6: crops of 8% to 100% of the area, the learning rate falls by 4% every 8 epochs, weights are averaged.
    # What it leaves open follows BVLC/caffe models/bvlc_googlenet/solver.prototxt, which has the same schedule:
    # 10,000,000 steps of 32 images, the learning rate falls every 320,000.
    model=Model(name="googlenet"),
    data=Data(name="imagenet", image_size=224, mean=(0.485, 0.456, 0.406), std=(1 / 255,) * 3),
    augmentation=Augmentation(flip="random", resize=256, scale=(0.08, 1.0)),
    batch_size=32,
    epochs=10_000_000 * 32 / 1_281_167,
    optimizer=Sgd(lr=0.01, momentum=0.9, weight_decay=2e-4, decay_vectors=False),
    schedule=Schedule(
        shape="steps", milestones=tuple(step / 10_000 for step in range(320, 10_000, 320)), gamma=0.96
    ),
    precision="float32",
    ema=0.9999,
    tta="ten_crop",
    log_every=100,
    departures=(
        "learning rate, batch size, weight decay and epochs: the paper states none; those of Caffe's solver.prototxt "
        "(250 epochs). Caffe's weights were trained with quick_solver.prototxt: 60 epochs, poly decay of power 0.5",
        "biases have the learning rate of the weights; in Caffe's replication twice that rate",
        "weights are initialized as in Caffe's replication, uniform (xavier); by its readme the authors' were Gaussian",
        "moving average of weights: the paper states no decay; 0.9999 is our choice",
        "synchronous steps of one process; the paper's were asynchronous (DistBelief)",
        "no photometric distortions, and bilinear resizing instead of a random interpolation",
        "ten crops in the test; the paper's best results take 144",
        MOMENTUM,
    ),
)


@register_model(
    input_size=(3, 224, 224),
    paper="szegedy2014",
    facts="googlenet",
    departures={
        "params": Departure(
            6_998_552,
            "Table 1 prints rough numbers: 2.7K for the 9,408 weights of conv1, 463K for the 509,440 of 4c",
        )
    },
    recipe=PAPER,
    too_small_use="googlenet_cifar",
)
def googlenet(num_classes: int = 1000, dropout: float = 0.4) -> GoogLeNet:
    """GoogLeNet of 2014: response normalization, 5x5 kernels, two auxiliary classifiers."""
    return GoogLeNet(num_classes, dropout)


@register_model(
    input_size=(3, 224, 224),
    paper="szegedy2014",
    facts="googlenet",
    departures={
        "params": Departure(
            6_624_904, "torchvision's layout: 3x3 instead of 5x5, batch normalization instead of biases"
        ),
        "params_with_aux": Departure(13_004_888, "torchvision's layout, in the auxiliary classifiers too"),
        "macs": Departure(
            1_498_376_192, "torchvision's layout: 3x3 kernels in the third branch; the paper has 5x5"
        ),
    },
    pretrained=(PretrainedWeights("torchvision", "googlenet", from_torchvision),),
    too_small_use="googlenet_cifar",
)
def googlenet_bn(num_classes: int = 1000, dropout: float = 0.2) -> GoogLeNet:
    """GoogLeNet with batch normalization and 3x3 instead of 5x5, as in torchvision."""
    return GoogLeNet(num_classes, dropout, batch_norm=True)


@register_model(input_size=(3, 32, 32), paper="szegedy2014")
def googlenet_cifar(num_classes: int = 10, dropout: float = 0.4) -> GoogLeNetCifar:
    """Our GoogLeNet for 32x32 images: the nine modules with batch normalization."""
    return GoogLeNetCifar(num_classes, dropout)
