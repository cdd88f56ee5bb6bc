"""LeNet-5: the convolutional network of 1998 that recognizes handwritten digits.

Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, "Gradient-Based Learning Applied to Document Recognition",
Proceedings of the IEEE 86(11), 1998.

The idea: three architectural ideas together give some invariance to shift, scale and distortion (section
II.A): local receptive fields, shared weights (the same kernel at every position of the image), and sub-sampling. All
layers are trained by gradient descent, from the pixels to the class.

Two networks:

``lenet5``
    The network of section II.B: C1, S2, C3, S4, C5, F6 with its 60,000 parameters; C3 is connected to S2 by
    Table I, and sub-sampling has a trainable coefficient and bias for each feature map.
``lenet5_modern``
    The network that is usually called LeNet-5 today: C3 is connected to all feature maps of S2, pooling has no
    parameters, and ReLU replaces the scaled tanh. 61,706 parameters with ten classes.

Where ``lenet5`` departs from the paper, and why:

- The output is a fully connected layer of 84 * 10 + 10 = 850 parameters, trained with cross-entropy. The paper has
  Euclidean radial basis functions with fixed codes, drawn by hand as 7x12 images of the characters (Figure 3): such
  codes exist for no other set of classes.
- The paper's training is a stochastic diagonal Levenberg-Marquardt method (section III.B), one image at a time. The
  recipes here have no such optimizer, so none is declared.
- Images of MNIST are 28x28; the data set pads them to 32x32 (section II.B), not the network.
"""

from collections import Counter
from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from decanet.models._input_errors import explain_input_errors
from decanet.models.layers import replace_head
from decanet.models.registry import Departure, register_model

# Table I: the feature maps of S2 to which each of the sixteen feature maps of C3 is connected.
TABLE_I = (
    (0, 1, 2), (1, 2, 3), (2, 3, 4), (3, 4, 5), (0, 4, 5), (0, 1, 5),
    (0, 1, 2, 3), (1, 2, 3, 4), (2, 3, 4, 5), (0, 3, 4, 5), (0, 1, 4, 5), (0, 1, 2, 5),
    (0, 1, 3, 4), (1, 2, 4, 5), (0, 2, 3, 5),
    (0, 1, 2, 3, 4, 5),
)  # fmt: skip


class ScaledTanh(nn.Module):
    """Squashing function 1.7159 tanh(2x/3), which is near 1 at 1 and near -1 at -1 (Appendix A)."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape, kept."""
        return 1.7159 * torch.tanh(x * (2 / 3))


class Subsampling(nn.Module):
    """Sum of each 2x2 window times a trainable coefficient plus a trainable bias: two parameters per feature map."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, C, H/2, W/2)."""
        sums = 4 * F.avg_pool2d(x, kernel_size=2)
        return sums * self.coefficient.view(-1, 1, 1) + self.bias.view(-1, 1, 1)


class PartialConv2d(nn.Module):
    """Convolutional layer with one kernel for each pair of feature maps in a table, instead of for all pairs.

    Args:
        sources: for each output map, its input maps; every input map must occur equally often.
    """

    targets: Tensor

    def __init__(self, sources: tuple[tuple[int, ...], ...], kernel_size: int) -> None:
        super().__init__()
        # Sorted by input map, so that one grouped convolution applies all kernels of an input map: copying the input
        # map for each kernel makes a training step half as long again (benchmarks/LOG.md).
        self.pairs = sorted((source, target) for target, group in enumerate(sources) for source in group)
        often = Counter(source for source, _ in self.pairs)
        assert len(set(often.values())) == 1, f"some input maps occur more often than others: {often}"
        self.kernels = nn.Conv2d(len(often), len(self.pairs), kernel_size, groups=len(often), bias=False)
        self.bias = nn.Parameter(torch.zeros(len(sources)))
        self.register_buffer("targets", torch.tensor([target for _, target in self.pairs]))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C_in, H, W) -> (N, C_out, H - k + 1, W - k + 1)."""
        # The sum is faster over contiguous feature maps, even where the network runs in channels_last.
        each = self.kernels(x).contiguous()  # (N, pairs, H', W')
        bias = self.bias.view(1, -1, 1, 1).expand(len(x), -1, *each.shape[2:])
        return bias.index_add(1, self.targets, each.to(bias.dtype))  # up to six terms, summed in float32


def initialize(layer: nn.Conv2d | nn.Linear) -> None:
    """Appendix A: uniform between -2.4/F and 2.4/F, F the number of inputs of a unit; biases 0."""
    bound = 2.4 / layer.weight[0].numel()
    nn.init.uniform_(layer.weight, -bound, bound)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class LeNet5(nn.Module):
    """Section II.B and Figure 2. The squashing function follows every layer up to F6, S2 and S4 included."""

    stages: ClassVar = {  # C for convolution, S for sub-sampling, F for fully connected
        "C1": "c1", "S2": "s2", "C3": "c3", "S4": "s4", "C5": "c5", "F6": "f6", "output": "output",
    }  # fmt: skip
    head_layers: ClassVar = ("output",)

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.s2 = Subsampling(6)
        self.c3 = PartialConv2d(TABLE_I, kernel_size=5)
        self.s4 = Subsampling(16)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self.squash = ScaledTanh()
        self._initialize()

    def _initialize(self) -> None:
        """Appendix A, here also for sub-sampling and the partial connections of C3."""
        for layer in (self.c1, self.c5, self.f6, self.output):
            initialize(layer)
        for stage in (self.s2, self.s4):
            nn.init.uniform_(stage.coefficient, -2.4 / 4, 2.4 / 4)
        for kernel, (_, target) in zip(self.c3.kernels.weight, self.c3.pairs, strict=True):
            bound = 2.4 / (len(TABLE_I[target]) * 25)
            nn.init.uniform_(kernel, -bound, bound)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 1, 32, 32) -> (N, 16, 5, 5)."""
        x = self.squash(self.c1(x))  # (N, 6, 28, 28)
        x = self.squash(self.s2(x))  # (N, 6, 14, 14)
        x = self.squash(self.c3(x))  # (N, 16, 10, 10)
        return self.squash(self.s4(x))  # (N, 16, 5, 5)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 16, 5, 5) -> (N, num_classes); the kernels of C5 are as large as its feature maps."""
        x = self.squash(self.c5(x))  # (N, 120, 1, 1)
        x = torch.flatten(x, 1)  # (N, 120)
        x = self.squash(self.f6(x))  # (N, 84)
        return self.output(x)

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``output`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize(self.output)


def initialize_modern(model: nn.Module) -> None:
    """He's, which is made for ReLU; the paper's keeps tanh in its linear range and would shrink the signal."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


class LeNet5Modern(nn.Module):
    """LeNet-5 as it is usually written today."""

    stages: ClassVar = LeNet5.stages
    head_layers: ClassVar = LeNet5.head_layers

    def __init__(self, num_classes: int = 10) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, kernel_size=5)
        self.s2 = nn.MaxPool2d(kernel_size=2)
        self.c3 = nn.Conv2d(6, 16, kernel_size=5)
        self.s4 = nn.MaxPool2d(kernel_size=2)
        self.c5 = nn.Conv2d(16, 120, kernel_size=5)
        self.f6 = nn.Linear(120, 84)
        self.output = nn.Linear(84, num_classes)
        self.relu = nn.ReLU(inplace=True)
        initialize_modern(self)

    def forward_features(self, x: Tensor) -> Tensor:
        """(N, 1, 32, 32) -> (N, 16, 5, 5)."""
        x = self.s2(self.relu(self.c1(x)))  # (N, 6, 14, 14)
        return self.s4(self.relu(self.c3(x)))  # (N, 16, 5, 5)

    def forward_head(self, x: Tensor) -> Tensor:
        """(N, 16, 5, 5) -> (N, num_classes)."""
        x = self.relu(self.c5(x))  # (N, 120, 1, 1)
        x = torch.flatten(x, 1)  # (N, 120)
        x = self.relu(self.f6(x))  # (N, 84)
        return self.output(x)

    @explain_input_errors
    def forward(self, x: Tensor) -> Tensor:
        """(N, 1, 32, 32) -> (N, num_classes)."""
        return self.forward_head(self.forward_features(x))

    def reset_head(self, num_classes: int) -> None:
        """Replace ``output`` by a new layer of ``num_classes`` outputs."""
        replace_head(self, num_classes)
        initialize_modern(self.output)


@register_model(
    input_size=(1, 32, 32),
    paper="lecun1998",
    facts="lenet5",
    departures={
        "params": Departure(
            60_850, "850 of a fully connected output instead of the fixed radial basis codes"
        ),
        "depth": Departure(5, "the paper counts the two trainable sub-sampling layers"),
    },
)
def lenet5(num_classes: int = 10) -> LeNet5:
    """LeNet-5 of 1998: partial connections, trainable sub-sampling, scaled tanh."""
    return LeNet5(num_classes)


@register_model(
    input_size=(1, 32, 32),
    paper="lecun1998",
    facts="lenet5",
    departures={
        "params": Departure(
            61_706,
            "the usual variant: C3 is fully connected to S2, pooling has no parameters, the output is linear",
        ),
        "depth": Departure(5, "the paper counts the two sub-sampling layers, which have no parameters here"),
    },
)
def lenet5_modern(num_classes: int = 10) -> LeNet5Modern:
    """LeNet-5 as it is usually written today: C3 connected to all of S2, max pooling, ReLU."""
    return LeNet5Modern(num_classes)
