"""Inception-v3: every large kernel is factorized.

C. Szegedy, V. Vanhoucke, S. Ioffe, J. Shlens, Z. Wojna, "Rethinking the Inception Architecture for Computer
Vision", CVPR 2016, arXiv:1512.00567.

The ideas: two 3x3 convolutions replace one of 5x5, a 1xn and an nx1 convolution replace one of nxn (section 3); a
convolution and a pooling in parallel halve the resolution without a bottleneck (section 5); the auxiliary classifier is
a regularizer and has batch normalization (section 4); labels are smoothed by 0.1 (section 7).

Follows Table 1 and Figures 5, 6, 7 and 10 through the network that the authors released, which is also torchvision's.
Its modules have that network's names: mixed_5b to mixed_7c. It differs from the printed paper:

- The stem of Table 1 continues with 3x3 convolutions to 80, 192 and 288 channels; the released one has 1x1 to 80, 3x3
  to 192 and a pooling.
- The paper counts 42 layers; the longest path of the released network has 48.
- "5 billion multiply-adds" are 5.71 billion.

In training mode the network returns ``Outputs(logits, aux)``. The paper states no weight for the auxiliary loss; the
released code has 0.4. In eval mode it returns the logits alone. Dropout of 0.2 and the initialization, which the paper
leaves open, are the released code's (tensorflow/models, inception/slim: inception_model.py, ops.py): a Gaussian of 0.1
truncated at two standard deviations, 0.01 in ``fc``, 0.01 and 0.001 in the auxiliary classifier.

Where it departs from the released code:

- Average pooling counts the zeros of the padding, as in torchvision; TensorFlow's does not. Torchvision's pretrained
  weights were trained without them and are evaluated, there and here, with them: the layout follows the library, whose
  accuracy is the one that is stated.
- Batch normalization has a trainable scale, as in torchvision; the released code has none, since after ReLU the next
  layer can learn it. Its running statistics have a momentum of 0.1; the released code's of 0.0003, which takes ten
  thousand steps to forget the start. The paper's recipe sets it (``batch_norm_momentum``).

With its pretrained weights torchvision's network applies ``transform_input``, which rescales images normalized with
ImageNet's constants to (x - 0.5) / 0.5. That is preprocessing and not part of this network: these weights need images
normalized with mean 0.5 and standard deviation 0.5 in each channel.
"""

import re
from collections.abc import Iterable, Mapping
from typing import ClassVar

import torch
from torch import Tensor, nn

from decanet.core.errors import DataError
from decanet.core.recipe import Augmentation, Data, Model, Recipe, RmsProp, Schedule
from decanet.models._departures import MOMENTUM
from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.protocol import Outputs, named_stages
from decanet.models.registry import Departure, PretrainedWeights, register_model


class Conv(nn.Module):
    """Convolution, batch normalization and ReLU; the padding keeps the size unless ``same`` is False."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int | tuple[int, int],
        stride: int = 1,
        same: bool = True,
    ) -> None:
        super().__init__()
        height, width = kernel_size if isinstance(kernel_size, tuple) else (kernel_size, kernel_size)
        padding = (height // 2, width // 2) if same else (0, 0)
        self.conv = nn.Conv2d(in_channels, out_channels, (height, width), stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=0.001)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H', W')."""
        return self.relu(self.bn(self.conv(x)))


def average_pool() -> nn.AvgPool2d:
    """3x3 with stride 1, in the pooling branch of every module that keeps the size; the zeros of the padding count."""
    return nn.AvgPool2d(kernel_size=3, stride=1, padding=1)


class Mixed35(nn.Module):
    """Figure 5, for 35x35 feature maps: 1x1; 5x5; two 3x3; pooling. (The released network kept one 5x5.)"""

    def __init__(self, in_channels: int, projection: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(in_channels, 64, 1)
        self.branch5x5 = nn.Sequential(Conv(in_channels, 48, 1), Conv(48, 64, 5))
        self.branch3x3 = nn.Sequential(Conv(in_channels, 64, 1), Conv(64, 96, 3), Conv(96, 96, 3))
        self.branch_pool = nn.Sequential(average_pool(), Conv(in_channels, projection, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 35, 35) -> (N, 224 + projection, 35, 35)."""
        return torch.cat(
            [self.branch1x1(x), self.branch5x5(x), self.branch3x3(x), self.branch_pool(x)], dim=1
        )


class Reduction17(nn.Module):
    """Figure 10: convolutions and a pooling in parallel halve the resolution."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch3x3 = Conv(in_channels, 384, 3, stride=2, same=False)
        self.branch3x3_twice = nn.Sequential(
            Conv(in_channels, 64, 1), Conv(64, 96, 3), Conv(96, 96, 3, stride=2, same=False)
        )
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 35, 35) -> (N, 480 + C, 17, 17)."""
        return torch.cat([self.branch3x3(x), self.branch3x3_twice(x), self.pool(x)], dim=1)


class Mixed17(nn.Module):
    """Figure 6, for 17x17 feature maps: 7x7 kernels as 1x7 and 7x1, with ``width`` channels between them."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(768, 192, 1)
        self.branch7x7 = nn.Sequential(
            Conv(768, width, 1), Conv(width, width, (1, 7)), Conv(width, 192, (7, 1))
        )
        self.branch7x7_twice = nn.Sequential(
            Conv(768, width, 1),
            Conv(width, width, (7, 1)),
            Conv(width, width, (1, 7)),
            Conv(width, width, (7, 1)),
            Conv(width, 192, (1, 7)),
        )
        self.branch_pool = nn.Sequential(average_pool(), Conv(768, 192, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 768, 17, 17) -> (N, 768, 17, 17)."""
        branches = [self.branch1x1(x), self.branch7x7(x), self.branch7x7_twice(x), self.branch_pool(x)]
        return torch.cat(branches, dim=1)


class Reduction8(nn.Module):
    """The second reduction, with a 7x7 kernel in one branch."""

    def __init__(self) -> None:
        super().__init__()
        self.branch3x3 = nn.Sequential(Conv(768, 192, 1), Conv(192, 320, 3, stride=2, same=False))
        self.branch7x7 = nn.Sequential(
            Conv(768, 192, 1),
            Conv(192, 192, (1, 7)),
            Conv(192, 192, (7, 1)),
            Conv(192, 192, 3, stride=2, same=False),
        )
        self.pool = nn.MaxPool2d(kernel_size=3, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 768, 17, 17) -> (N, 1280, 8, 8)."""
        return torch.cat([self.branch3x3(x), self.branch7x7(x), self.pool(x)], dim=1)


class Mixed8(nn.Module):
    """Figure 7, for 8x8 feature maps: 1x3 and 3x1 in parallel, for more features."""

    def __init__(self, in_channels: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(in_channels, 320, 1)
        self.branch3x3 = Conv(in_channels, 384, 1)
        self.branch3x3_wide = Conv(384, 384, (1, 3))
        self.branch3x3_high = Conv(384, 384, (3, 1))
        self.branch3x3_twice = nn.Sequential(Conv(in_channels, 448, 1), Conv(448, 384, 3))
        self.branch3x3_twice_wide = Conv(384, 384, (1, 3))
        self.branch3x3_twice_high = Conv(384, 384, (3, 1))
        self.branch_pool = nn.Sequential(average_pool(), Conv(in_channels, 192, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, 8, 8) -> (N, 2048, 8, 8)."""
        once, twice = self.branch3x3(x), self.branch3x3_twice(x)
        branches = [
            self.branch1x1(x),
            self.branch3x3_wide(once),
            self.branch3x3_high(once),
            self.branch3x3_twice_wide(twice),
            self.branch3x3_twice_high(twice),
            self.branch_pool(x),
        ]
        return torch.cat(branches, dim=1)


class AuxiliaryClassifier(nn.Module):
    """Classifier with batch normalization on the last 17x17 module (section 4, Figure 8)."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.pool = nn.AvgPool2d(kernel_size=5, stride=3)
        self.conv1 = Conv(768, 128, 1)
        self.conv2 = Conv(128, 768, 5, same=False)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(768, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 768, 17, 17) -> (N, num_classes). Raises DataError for smaller feature maps."""
        height, width = x.shape[2:]
        if min(height, width) < 17:
            raise DataError(
                f"inception_v3 cannot train on this image: at layer aux the feature map that arrives is "
                f"{height}x{width} and must be 17x17; the smallest size that works is 299x299"
            )
        x = self.conv2(self.conv1(self.pool(x)))  # (N, 768, 1, 1)
        return self.fc(torch.flatten(self.avgpool(x), 1))


def truncated_normal_(tensor: Tensor, std: float) -> None:
    """Fill with a Gaussian truncated at two standard deviations, in a fifth of the time of ``trunc_normal_``."""
    tensor.normal_(std=std)
    if tensor.is_meta:
        return  # no numbers, none beyond
    flat = tensor.view(-1)
    beyond = (flat.abs() > 2 * std).nonzero().squeeze(1)
    while len(beyond):
        again = torch.randn(len(beyond)) * std
        flat[beyond] = again
        beyond = beyond[again.abs() > 2 * std]


def initialize(layers: Iterable[tuple[str, nn.Module]]) -> None:
    """As in the released code: Gaussian 0.1; 0.01 in fc; 0.01 and 0.001 in the auxiliary classifier; biases 0."""
    deviations = {"fc": 0.01, "aux.conv2.conv": 0.01, "aux.fc": 0.001}
    for name, layer in layers:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            truncated_normal_(layer.weight.detach(), deviations.get(name, 0.1))
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class InceptionV3(nn.Module):
    """The released network, for images of 299x299."""

    stages: ClassVar = named_stages(
        "conv1", "conv2", "conv3", "pool1", "conv4", "conv5", "pool2", "mixed_5b", "mixed_5c", "mixed_5d",
        "mixed_6a", "mixed_6b", "mixed_6c", "mixed_6d", "mixed_6e", "mixed_7a", "mixed_7b", "mixed_7c", "fc",
    )  # fmt: skip
    head_layers: ClassVar = ("fc", "aux.fc")
    aux_weight = 0.4  # of the released code; the paper gives none

    def __init__(
        self, num_classes: int = 1000, dropout: float = 0.2, batch_norm_momentum: float = 0.1
    ) -> None:
        super().__init__()
        self.conv1 = Conv(3, 32, 3, stride=2, same=False)
        self.conv2 = Conv(32, 32, 3, same=False)
        self.conv3 = Conv(32, 64, 3)
        self.pool1 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.conv4 = Conv(64, 80, 1)
        self.conv5 = Conv(80, 192, 3, same=False)
        self.pool2 = nn.MaxPool2d(kernel_size=3, stride=2)
        self.mixed_5b = Mixed35(192, projection=32)
        self.mixed_5c = Mixed35(256, projection=64)
        self.mixed_5d = Mixed35(288, projection=64)
        self.mixed_6a = Reduction17(288)
        self.mixed_6b = Mixed17(width=128)
        self.mixed_6c = Mixed17(width=160)
        self.mixed_6d = Mixed17(width=160)
        self.mixed_6e = Mixed17(width=192)
        self.aux = AuxiliaryClassifier(num_classes)
        self.mixed_7a = Reduction8()
        self.mixed_7b = Mixed8(1280)
        self.mixed_7c = Mixed8(2048)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(2048, num_classes)
        initialize(self.named_modules())
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = batch_norm_momentum

    def _features(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The feature maps of mixed_6e, which the auxiliary classifier reads, and of mixed_7c."""
        x = self.conv3(self.conv2(self.conv1(x)))  # (N, 64, 147, 147)
        x = self.conv5(self.conv4(self.pool1(x)))  # (N, 192, 71, 71)
        x = self.mixed_5b(self.pool2(x))  # (N, 256, 35, 35)
        x = self.mixed_5d(self.mixed_5c(x))  # (N, 288, 35, 35)
        x = self.mixed_6c(self.mixed_6b(self.mixed_6a(x)))  # (N, 768, 17, 17)
        middle = self.mixed_6e(self.mixed_6d(x))  # (N, 768, 17, 17)
        return middle, self.mixed_7c(self.mixed_7b(self.mixed_7a(middle)))  # (N, 2048, 8, 8)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 299, 299) -> (N, 2048, 8, 8)."""
        return self._features(x)[-1]

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 2048, 8, 8) -> (N, num_classes)."""
        return self.fc(self.dropout(torch.flatten(self.avgpool(x), 1)))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor | Outputs:
        """(N, 3, 299, 299) -> (N, num_classes), or ``Outputs`` of two such tensors in training mode."""
        middle, x = self._features(x)
        logits = self.forward_head(x)
        return Outputs(logits, (self.aux(middle),)) if self.training else logits

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc``, and ``aux.fc`` of the auxiliary classifier, by new layers of ``num_classes`` outputs."""
        initialize(replace_head(self, num_classes).items())


# Torchvision's names of layers inside a module and ours, by kind of module; layers not listed have the same name.
_STEM = {
    "Conv2d_1a_3x3": "conv1", "Conv2d_2a_3x3": "conv2", "Conv2d_2b_3x3": "conv3",
    "Conv2d_3b_1x1": "conv4", "Conv2d_4a_3x3": "conv5",
    "AuxLogits.conv0": "aux.conv1", "AuxLogits.conv1": "aux.conv2", "AuxLogits.fc": "aux.fc",
}  # fmt: skip
_POOL = {"branch_pool": "branch_pool.1"}
_MIXED_35 = _POOL | {
    "branch5x5_1": "branch5x5.0", "branch5x5_2": "branch5x5.1",
    "branch3x3dbl_1": "branch3x3.0", "branch3x3dbl_2": "branch3x3.1", "branch3x3dbl_3": "branch3x3.2",
}  # fmt: skip
_REDUCTION_17 = {
    "branch3x3dbl_1": "branch3x3_twice.0", "branch3x3dbl_2": "branch3x3_twice.1",
    "branch3x3dbl_3": "branch3x3_twice.2",
}  # fmt: skip
_MIXED_17 = (
    _POOL
    | {f"branch7x7_{i + 1}": f"branch7x7.{i}" for i in range(3)}
    | {f"branch7x7dbl_{i + 1}": f"branch7x7_twice.{i}" for i in range(5)}
)
_REDUCTION_8 = {"branch3x3_1": "branch3x3.0", "branch3x3_2": "branch3x3.1"} | {
    f"branch7x7x3_{i + 1}": f"branch7x7.{i}" for i in range(4)
}
_MIXED_8 = _POOL | {
    "branch3x3_1": "branch3x3", "branch3x3_2a": "branch3x3_wide", "branch3x3_2b": "branch3x3_high",
    "branch3x3dbl_1": "branch3x3_twice.0", "branch3x3dbl_2": "branch3x3_twice.1",
    "branch3x3dbl_3a": "branch3x3_twice_wide", "branch3x3dbl_3b": "branch3x3_twice_high",
}  # fmt: skip
_MODULES = {
    **dict.fromkeys(("5b", "5c", "5d"), _MIXED_35), "6a": _REDUCTION_17,
    **dict.fromkeys(("6b", "6c", "6d", "6e"), _MIXED_17), "7a": _REDUCTION_8,
    **dict.fromkeys(("7b", "7c"), _MIXED_8),
}  # fmt: skip


def from_torchvision(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Torchvision's keys -> ours; other keys stay as they are, so that loading the weights names them."""
    ours = {}
    for key, tensor in state.items():
        if mixed := re.fullmatch(r"Mixed_(\d\w)\.(\w+)\.(.+)", key):
            module, layer, rest = mixed.groups()
            ours[f"mixed_{module}.{_MODULES.get(module, {}).get(layer, layer)}.{rest}"] = tensor
        else:
            layer = next((name for name in _STEM if key.startswith(f"{name}.")), "")
            ours[_STEM[layer] + key[len(layer) :] if layer else key] = tensor
    return ours


PAPER = Recipe(
    # Section 8: RMSProp with decay 0.9 and epsilon 1, a learning rate of 0.045 times 0.94 every two epochs, gradients
    # clipped at 2, averaged weights, 100 epochs. Momentum, weight decay, the decays of the averages, crops of 5% to
    # 100% of the area and the scale -1..1 are those of the released code (tensorflow/models, research/inception).
    model=Model(name="inception_v3", options={"batch_norm_momentum": 3e-4}),
    data=Data(name="imagenet", image_size=299, mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    augmentation=Augmentation(flip="random", resize=342, scale=(0.05, 1.0)),
    batch_size=32,
    epochs=100,
    optimizer=RmsProp(lr=0.045, alpha=0.9, momentum=0.9, eps=1.0, weight_decay=4e-5, decay_vectors=False),
    schedule=Schedule(shape="steps", milestones=tuple(e / 100 for e in range(2, 100, 2)), gamma=0.94),
    label_smoothing=0.1,
    precision="float32",
    clip_gradient=2.0,
    ema=0.9999,
    log_every=100,
    departures=(
        "one process with batches of 32; in the paper 50 replicas, each with such batches of its own",
        "average pooling counts the padding and batch normalization has a trainable scale, as in torchvision; in the "
        "released code neither",
        "PyTorch adds RMSProp's epsilon outside the root; the released code inside: sqrt(square + 1)",
        MOMENTUM,
        "no color distortion, bilinear resizing; the released code changes brightness, saturation, hue and contrast, "
        "and alternates between four interpolations",
    ),
)


@register_model(
    input_size=(3, 299, 299),
    paper="szegedy2015",
    facts="inception_v3",
    recipe=PAPER,
    departures={
        "depth": Departure(48, "on the longest path of the released network; the paper counts 42 in its own"),
    },
    pretrained=(PretrainedWeights("torchvision", "inception_v3", from_torchvision),),
    too_small_use="googlenet_cifar",
)
def inception_v3(
    num_classes: int = 1000, dropout: float = 0.2, batch_norm_momentum: float = 0.1
) -> InceptionV3:
    """Inception-v3 as released: factorized kernels, batch normalization, one auxiliary classifier."""
    return InceptionV3(num_classes, dropout, batch_norm_momentum)
