"""A convolutional network without a framework: the layers of ``reference``, trained on handwritten digits.

This file and ``reference`` contain all of the training: draw a batch, run the layers forward, compute the loss, run the
layers backward, and update every weight by a small step against its gradient.
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from decanet.convolution.arithmetic import Cost, convolution_cost, linear_cost, output_size
from decanet.convolution.reference import (
    Array,
    AveragePooling,
    BatchNorm,
    Convolution,
    Flatten,
    Layer,
    Linear,
    MaxPooling,
    ReLU,
    SoftmaxCrossEntropy,
)
from decanet.core.errors import DataError, DivergedError, UsageError

CHANNELS = (16, 32)  # output channels of the two convolutions
BATCH = 32
LEARNING_RATE = 0.1
MOMENTUM = 0.9


@dataclass(frozen=True)
class Digits:
    """Training set and test set: images (N, 1, 8, 8), float32 in 0..1, and labels (N,) from 0 to 9."""

    train_images: Array
    train_labels: Array
    test_images: Array
    test_labels: Array


class Network:
    """Sequence of layers."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self.layers = list(layers)

    def forward(self, images: Array, *, training: bool = False) -> Array:
        """Compute logits (N, classes) of images (N, C, H, W).

        Raises:
            DataError: an image has the wrong shape, or holds NaN or infinity.
        """
        unusable = ~np.isfinite(images).reshape(len(images), -1).all(axis=1)
        if unusable.any():
            first = int(unusable.argmax())
            raise DataError(f"image {first} holds NaN or infinity; repair it or leave it out")
        x = images
        for layer in self.layers:
            layer.training = training
            x = layer.forward(x)
        return x

    def backward(self, grad: Array) -> Array:
        """Compute dL/dimages from dL/dlogits: the chain rule, from the last layer to the first."""
        for layer in reversed(self.layers):
            grad = layer.backward(grad)
        return grad


def digit_network(seed: int, dtype: type[np.floating] = np.float32) -> Network:
    """Create the network: 3x3 convolution, batch normalization, ReLU and pooling, twice, then a linear layer.

    It maps (N, 1, 8, 8) to (N, 10). Weights are initialized with variance 2 / fan-in, which keeps the variance of
    activations through ReLU layers
    (K. He et al., arXiv:1502.01852, section 2.2).

    Raises:
        UsageError: the seed is negative.
    """
    random = _generator(seed)

    def noise(*shape: int) -> Array:
        return random.normal(scale=math.sqrt(2 / math.prod(shape[1:])), size=shape).astype(dtype)

    def norm(channels: int) -> BatchNorm:
        return BatchNorm(np.ones(channels, dtype), np.zeros(channels, dtype))

    first, second = CHANNELS
    return Network(
        [
            Convolution(noise(first, 1, 3, 3), padding=1),  # (N, 16, 8, 8); the normalization has the bias
            norm(first),
            ReLU(),
            MaxPooling(2),  # (N, 16, 4, 4)
            Convolution(noise(second, first, 3, 3), padding=1),
            norm(second),
            ReLU(),
            MaxPooling(2),  # (N, 32, 2, 2)
            Flatten(),
            Linear(noise(10, second * 2 * 2), np.zeros(10, dtype)),
        ]
    )


@dataclass(frozen=True)
class Epoch:
    """Metrics of one epoch.

    Attributes:
        number: from 1.
        train_loss: mean cross-entropy over the epoch, of each image in its training step.
        test_top1: top-1 accuracy on the test set after the epoch.
        seconds: time of the training, without the evaluation.
    """

    number: int
    train_loss: float
    test_top1: float
    seconds: float


def train(
    network: Network, digits: Digits, *, epochs: int, seed: int, learning_rate: float = LEARNING_RATE
) -> Iterator[Epoch]:
    """Train ``network`` in place by stochastic gradient descent with momentum, and yield the metrics of each epoch.

    velocity = momentum * velocity - lr * gradient; weight += velocity. The learning rate decreases linearly to 0. The
    order of the images is a function of (seed, epoch), so that the seed determines the network.

    Raises:
        UsageError: fewer than 1 epoch, or a negative seed.
        DivergedError: the loss is not finite (raised in that epoch).
    """
    if epochs < 1:
        raise UsageError(f"training needs at least 1 epoch, got {epochs}")
    _generator(seed)  # refuses a negative seed before the first epoch
    return _epochs(network, digits, epochs, seed, learning_rate)


def _epochs(
    network: Network, digits: Digits, epochs: int, seed: int, learning_rate: float
) -> Iterator[Epoch]:
    loss = SoftmaxCrossEntropy()
    velocities = [{name: np.zeros_like(w) for name, w in layer.params.items()} for layer in network.layers]
    count = len(digits.train_labels)
    steps, step = epochs * math.ceil(count / BATCH), 0
    for number in range(1, epochs + 1):
        start, total = time.perf_counter(), 0.0
        order = _generator(seed, number).permutation(count)
        for first in range(0, count, BATCH):
            chosen = order[first : first + BATCH]
            logits = network.forward(digits.train_images[chosen], training=True)
            value = loss.forward(logits, digits.train_labels[chosen])
            if not math.isfinite(value):
                raise DivergedError(f"the loss became {value} in epoch {number}; lower the learning rate")
            network.backward(loss.backward())
            lr = learning_rate * (1 - step / steps)
            for layer, velocity in zip(network.layers, velocities):
                for name, weight in layer.params.items():
                    velocity[name] = MOMENTUM * velocity[name] - lr * layer.grads[name]
                    weight += velocity[name]
            total += value * len(chosen)
            step += 1
        seconds = time.perf_counter() - start
        top1 = float((predict(network, digits.test_images) == digits.test_labels).mean())
        yield Epoch(number, total / count, top1, seconds)


def predict(network: Network, images: Array) -> Array:
    """Predict the class of each image, (N,)."""
    return network.forward(images).argmax(axis=1)


def network_cost(network: Network, size: tuple[int, int] = (8, 8)) -> Cost:
    """Return the parameters of all layers, and the multiply-adds of convolutions and linear layers for one image."""
    height, width = size
    macs = 0
    for layer in network.layers:
        if isinstance(layer, Convolution | MaxPooling | AveragePooling):
            rows, columns = layer.windows
            height, width = output_size(height, rows), output_size(width, columns)
        if isinstance(layer, Convolution):
            out_channels, _, *kernel = layer.params["weight"].shape
            kernel_size, output = (kernel[0], kernel[1]), (height, width)
            cost = convolution_cost(layer.in_channels, out_channels, kernel_size, output, groups=layer.groups)
            macs += cost.macs
        elif isinstance(layer, Linear):
            out_features, in_features = layer.params["weight"].shape
            macs += linear_cost(in_features, out_features).macs
    return Cost(sum(w.size for layer in network.layers for w in layer.params.values()), macs)


def _generator(*seed: int) -> np.random.Generator:
    if min(seed) < 0:
        raise UsageError(f"a seed is an integer of at least 0, got {min(seed)}")
    return np.random.default_rng(seed)
