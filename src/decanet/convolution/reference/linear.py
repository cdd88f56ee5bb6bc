"""The fully connected layer, and flattening."""

from decanet.convolution.reference.layer import Array, Layer
from decanet.core.errors import DataError, UsageError


class Flatten(Layer):
    """(N, C, H, W) -> (N, C*H*W). Backward: the gradient is reshaped to (N, C, H, W)."""

    def forward(self, x: Array) -> Array:  # (N, ...) -> (N, product of the rest)
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, grad: Array) -> Array:  # (N, product of the rest) -> (N, ...)
        return grad.reshape(self.shape)


class Linear(Layer):
    """y = x @ weight^T + bias; weight is (O, F), bias (O,).

    Backward: dL/dx = grad @ weight, dL/dweight = grad^T @ x, and dL/dbias is the sum of grad over the batch.
    """

    def __init__(self, weight: Array, bias: Array) -> None:
        if weight.ndim != 2 or bias.shape != weight.shape[:1]:
            raise UsageError(f"weight and bias must be (O, F) and (O,), got {weight.shape} and {bias.shape}")
        super().__init__(weight=weight, bias=bias)

    def forward(self, x: Array) -> Array:  # (N, F) -> (N, O)
        features = self.params["weight"].shape[1]
        if x.ndim != 2 or x.shape[1] != features:
            raise DataError(f"this linear layer takes (N, {features}), got {x.shape}; flatten images first")
        self.x = x
        return x @ self.params["weight"].T + self.params["bias"]

    def backward(self, grad: Array) -> Array:  # (N, O) -> (N, F)
        self.grads = {"weight": grad.T @ self.x, "bias": grad.sum(axis=0)}
        return grad @ self.params["weight"]
