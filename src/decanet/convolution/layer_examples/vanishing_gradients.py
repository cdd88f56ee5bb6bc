"""Vanishing gradients: depths 4 to 32, by activation and initialization.

By the chain rule, the gradient at an early layer is a product with two factors for each later
layer: the transposed weights and the derivative of the activation. Where they make it smaller, it
shrinks exponentially with depth, and the first layers hardly learn. The measurement has plain
fully connected networks with equally wide layers, a linear layer of ten scores at the end, random
normal inputs, random labels and no training. The initialization is

  Xavier   variance 2 / (inputs + outputs)   X. Glorot, Y. Bengio, AISTATS 2010, equation 12
  He       variance 2 / inputs, for ReLU     K. He et al., arXiv:1502.01852, section 2.2

With Xavier the weights alone keep the norm of the gradient. A sigmoid's derivative of at most 1/4
then divides it by about 4 or more at each layer. A ReLU passes half of the units, which
multiplies the norm by sqrt(1/2); He's factor 2 restores it. The derivative of tanh is 1 at 0 and
smaller elsewhere; as the activations shrink from layer to layer, it comes close to 1. The
gradient of a layer's weights is this gradient times the layer's input. Normalization and residual
shortcuts prevent this in networks of a hundred layers and more.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from decanet.convolution.layer_examples._board import write_title
from decanet.convolution.layer_examples._text import generator, table
from decanet.convolution.reference import Array, Layer, Linear, ReLU, Sigmoid, SoftmaxCrossEntropy, Tanh
from decanet.core.errors import UsageError
from decanet.core.plotting import COLORS, LINES, new_figure, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEPTHS = (4, 8, 16, 32)
CLASSES = 10
BATCH = 64
# Name, activation, and the variance of a weight times the width.
NETWORKS: dict[str, tuple[type[Layer], float]] = {
    "sigmoid, Xavier": (Sigmoid, 1.0),
    "tanh, Xavier": (Tanh, 1.0),
    "ReLU, Xavier": (ReLU, 1.0),
    "ReLU, He": (ReLU, 2.0),
}


@dataclass(frozen=True)
class VanishingGradients:
    """Gradients of untrained networks.

    Attributes:
        width: units of each layer.
        norms: by network and depth, the norm of dL/dz of each hidden layer, from the first on, (depth,); z is the
            output of the layer before its activation, for the whole batch.
    """

    width: int
    norms: dict[str, dict[int, Array]]

    def factor(self, network: str, depth: int) -> float:
        """Return the factor by which the norm changes from one layer to the layer before it, as a geometric mean."""
        norms = self.norms[network][depth]
        return float(norms[0] / norms[-1]) ** (1 / (depth - 1))


def compute(*, width: int = 64, seed: int = 0) -> VanishingGradients:
    """Measure the gradients.

    Args:
        width: Units of each layer, 10 to 512.
        seed: Random seed of inputs, labels and weights.

    Raises:
        UsageError: a setting is out of range.
    """
    if not CLASSES <= width <= 512:
        raise UsageError(f"the layers have {CLASSES} to 512 units, got {width}")
    generator(seed)  # refuses a negative seed
    return VanishingGradients(
        width,
        {
            name: {depth: _norms(depth, width, seed, *made) for depth in DEPTHS}
            for name, made in NETWORKS.items()
        },
    )


def _norms(depth: int, width: int, seed: int, activation: type[Layer], variance: float) -> Array:
    random = np.random.default_rng(
        [seed, depth]
    )  # the same inputs, labels and directions for all activations
    x, labels = random.standard_normal((BATCH, width)), random.integers(CLASSES, size=BATCH)
    layers: list[Layer] = []
    for _ in range(depth):
        weight = random.standard_normal((width, width)) * math.sqrt(variance / width)
        layers += [Linear(weight, np.zeros(width)), activation()]
    head = random.standard_normal((CLASSES, width)) * math.sqrt(2 / (width + CLASSES))
    layers.append(Linear(head, np.zeros(CLASSES)))
    for layer in layers:
        x = layer.forward(x)
    loss = SoftmaxCrossEntropy()
    loss.forward(x, labels)
    grad = loss.backward()
    norms = []
    for layer in reversed(layers):
        grad = layer.backward(grad)
        if isinstance(layer, activation):
            norms.append(np.linalg.norm(grad))
    return np.array(norms[::-1])


def text(result: VanishingGradients) -> str:
    """Return the norm of the first and of the last hidden layer by network and depth."""
    r = result
    header = ["network", "depth", "first layer", "last layer", "first / last", "factor of one layer"]
    rows = [
        [name, str(depth), *(f"{v:.2e}" for v in (norms[0], norms[-1], norms[0] / norms[-1])),
         f"{r.factor(name, depth):.3f}"]
        for name, by_depth in r.norms.items()
        for depth, norms in by_depth.items()
    ]  # fmt: skip
    lines = [
        f"Norm of dL/dz, z the output of a layer before its activation: {r.width} units in each layer, no training",
        "",
    ]
    return "\n".join([*lines, *table(header, rows)])


@styled
def draw(result: VanishingGradients) -> "Figure":
    """Draw the norm of each layer's gradient, a panel for each network and a line for each depth."""
    r = result
    figure = new_figure(13, 4.9)
    panels: Any = figure.subplots(1, len(r.norms), sharey=True)
    for axes, (name, by_depth) in zip(panels, r.norms.items()):
        for k, (depth, norms) in enumerate(by_depth.items()):
            axes.plot(
                range(1, depth + 1),
                norms,
                LINES[k],
                color=COLORS[k],
                marker="o",
                markersize=3,
                label=f"{depth} layers",
            )
        deepest = DEPTHS[-1]
        axes.set(
            title=f"{name}\n× {r.factor(name, deepest):.2f} a layer", xlabel="layer (1 = first)", yscale="log"
        )
        axes.set_xticks([1, 8, 16, 24, 32])
    panels[0].set_ylabel("norm of dL/dz (log scale)")
    panels[-1].legend(loc="lower right")
    figure.supxlabel(
        f"z: output of a layer before its activation. Untrained networks, {r.width} units in each layer, "
        f"{BATCH} random inputs; the factor is that of {DEPTHS[-1]} layers.",
        fontsize=9,
    )
    write_title(figure, "Vanishing gradients: how much gradient reaches the first layer")
    return figure
