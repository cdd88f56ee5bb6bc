"""A plain network of four layers for 24x24 images, in which one idea of 2012 to 2014 at a time is changed.

Ours, for the controlled experiments of :mod:`decanet.experiments`; its default is a small AlexNet (A. Krizhevsky et
al., NIPS 2012): two 5x5 convolutions, each with ReLU and overlapping pooling, and two fully connected layers.

What each option changes, and whose idea it is:

``activation``
    "relu", "tanh" or "sigmoid" (AlexNet, section 3.1).
``normalization``
    "none"; "response", over 5 channels after the activation (section 3.3); "batch", before it (S. Ioffe and
    C. Szegedy, arXiv:1502.03167).
``pooling``
    height and width of the pooling window, whose stride is 2: 3 overlaps (section 3.4), 2 does not.
``dropout``
    probability before the last layer (section 4.2).
``kernel``, ``repeats``
    of the second convolution: 5 and 1, or 3 and 2, which have the same receptive field, or 7 and 1 against 3 and 3
    (K. Simonyan and A. Zisserman, arXiv:1409.1556, section 2.3).
``head``
    "fully_connected", or "average": global average pooling and one linear layer (M. Lin et al., arXiv:1312.4400,
    section 3.2; there the last convolution has a channel for each class).

Weights are drawn from a Gaussian of variance gain^2 / inputs of a unit, with the gain of the activation
(:func:`torch.nn.init.calculate_gain`): each activation starts under the conditions that suit it.
"""

from collections import OrderedDict
from typing import ClassVar, Literal

from torch import Tensor, nn

from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.registry import register_model

Activation = Literal["relu", "tanh", "sigmoid"]
Normalization = Literal["none", "response", "batch"]
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


def _normalized(channels: int, activation: nn.Module, normalization: Normalization) -> nn.Sequential:
    """The activation with the normalization before or after it."""
    match normalization:
        case "batch":
            return nn.Sequential(nn.BatchNorm2d(channels), activation)
        case "response":
            return nn.Sequential(activation, nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
        case _:
            return nn.Sequential(activation)


class SmallPlain(nn.Module):
    """Two convolutional and two fully connected layers; see the module for the options."""

    stages: ClassVar = {
        **{name: f"features.{name}" for name in ("conv1", "pool1", "conv2", "pool2")},
        "fc4": "fc4",
    }
    head_layers: ClassVar = ("fc4",)

    def __init__(
        self,
        num_classes: int = 10,
        activation: Activation = "relu",
        normalization: Normalization = "none",
        pooling: int = 3,
        dropout: float = 0.0,
        kernel: int = 5,
        repeats: int = 1,
        head: Literal["fully_connected", "average"] = "fully_connected",
    ) -> None:
        super().__init__()
        act = ACTIVATIONS[activation]

        def pool() -> nn.Module:
            return nn.MaxPool2d(pooling, stride=2, padding=(pooling - 1) // 2)

        conv2: list[nn.Module] = []
        for channels in (32, *[64] * (repeats - 1)):
            conv2 += [
                nn.Conv2d(channels, 64, kernel, padding=kernel // 2),
                _normalized(64, act(), normalization),
            ]
        self.features = nn.Sequential(
            OrderedDict(
                conv1=nn.Conv2d(3, 32, kernel_size=5, padding=2),  # (N, 32, 24, 24)
                act1=_normalized(32, act(), normalization),
                pool1=pool(),  # (N, 32, 12, 12)
                conv2=nn.Sequential(*conv2),  # (N, 64, 12, 12)
                pool2=pool(),  # (N, 64, 6, 6)
            )
        )
        self.fc3: nn.Module = nn.Sequential(nn.Flatten(), nn.Linear(64 * 6 * 6, 256), act())
        if head == "average":
            self.fc3 = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.dropout = nn.Dropout(dropout)
        self.fc4 = nn.Linear(64 if head == "average" else 256, num_classes)
        self.gain = nn.init.calculate_gain(activation)
        self._initialize(self)

    def _initialize(self, part: nn.Module) -> None:
        for layer in part.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                gain = 1.0 if layer is self.fc4 else self.gain
                nn.init.normal_(layer.weight, std=gain * layer.weight[0].numel() ** -0.5)
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) -> (N, 64, 6, 6)."""
        return self.features(x)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 64, 6, 6) -> (N, num_classes)."""
        return self.fc4(self.dropout(self.fc3(x)))

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 24, 24) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``fc4`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        self._initialize(self.fc4)


@register_model(input_size=(3, 24, 24))
def small_plain(
    num_classes: int = 10,
    activation: Activation = "relu",
    normalization: Normalization = "none",
    pooling: int = 3,
    dropout: float = 0.0,
    kernel: int = 5,
    repeats: int = 1,
    head: Literal["fully_connected", "average"] = "fully_connected",
) -> SmallPlain:
    """Four plain layers for 24x24 images, for the experiments on activation, pooling, dropout, kernels."""
    return SmallPlain(num_classes, activation, normalization, pooling, dropout, kernel, repeats, head)
