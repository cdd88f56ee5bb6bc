"""Elementwise layers: ReLU, sigmoid, tanh and dropout."""

import numpy as np

from decanet.convolution.reference.layer import Array, Layer
from decanet.core.errors import UsageError


class ReLU(Layer):
    """y = max(x, 0). Backward: dy/dx is 1 where x > 0, and 0 elsewhere."""

    def forward(self, x: Array) -> Array:  # same shape
        self.positive = x > 0
        return np.maximum(x, 0)

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * self.positive


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)), computed with tanh, which does not overflow.

    Backward: dy/dx = y (1 - y), at most 1/4, so that gradients vanish in deep networks.
    """

    def forward(self, x: Array) -> Array:  # same shape
        self.y = 0.5 * (1 + np.tanh(0.5 * x))
        return self.y

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * self.y * (1 - self.y)


class Tanh(Layer):
    """y = tanh(x). Backward: dy/dx = 1 - y^2, which vanishes where the unit is saturated."""

    def forward(self, x: Array) -> Array:  # same shape
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * (1 - self.y**2)


class Dropout(Layer):
    """In training, y = x * mask / (1 - p), with a random mask of 0 (probability p) or 1 for each batch.

    The division keeps the expected value of y at x, so that y = x in evaluation. Backward: y is x times a constant, so
    grad is multiplied by the same constant, which is 0 for a dropped unit.
    """

    def __init__(self, p: float, seed: int) -> None:
        super().__init__()
        if not 0 <= p < 1:
            raise UsageError(f"the probability of dropout must be at least 0 and below 1, got {p}")
        self.p = p
        self.random = np.random.default_rng(seed)

    def forward(self, x: Array) -> Array:  # same shape
        self.scale = np.ones_like(x)
        if self.training:
            self.scale *= (self.random.random(x.shape) >= self.p) / (1 - self.p)
        return x * self.scale

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * self.scale
