"""Layers that treat every element alone: ReLU, sigmoid, tanh, dropout."""

import numpy as np

from decanet.convolution.reference.layer import Array, Layer
from decanet.core.errors import UsageError


class ReLU(Layer):
    """y = max(x, 0). Backward: grad passes where x > 0 and stops elsewhere; it never shrinks on the way."""

    def forward(self, x: Array) -> Array:  # same shape
        self.positive = x > 0
        return np.maximum(x, 0)

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * self.positive


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)), written with tanh, which cannot overflow.

    Backward: dy/dx = y (1 - y), at most 1/4: each sigmoid layer weakens the gradient, the reason why deep
    networks left it.
    """

    def forward(self, x: Array) -> Array:  # same shape
        self.y = 0.5 * (1 + np.tanh(0.5 * x))
        return self.y

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * self.y * (1 - self.y)


class Tanh(Layer):
    """y = tanh(x). Backward: dy/dx = 1 - y^2, which vanishes where the unit saturates."""

    def forward(self, x: Array) -> Array:  # same shape
        self.y = np.tanh(x)
        return self.y

    def backward(self, grad: Array) -> Array:  # same shape
        return grad * (1 - self.y**2)


class Dropout(Layer):
    """In training, y = x * mask / (1 - p), with a mask of 0 (probability p) or 1 drawn anew each time.

    The division keeps the expected value of y at x, so that evaluation is y = x. Backward: y is x times a
    constant, so grad is multiplied by the same constant: a dropped unit neither speaks nor learns.
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
