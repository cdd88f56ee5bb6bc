"""The interface of layers, and the checks of their inputs."""

from typing import Any

from numpy.typing import NDArray

from decanet.core.errors import DataError

Array = NDArray[Any]
Pair = int | tuple[int, int]  # one number for both, or (rows, columns)


class Layer:
    """Layer: a function with a backward pass.

    Attributes:
        params: the learnable arrays by name; an optimizer changes them in place.
        grads: dL/dparam by name, from the last ``backward``.
        training: whether dropout and batch normalization are in training mode.
    """

    def __init__(self, **params: Array) -> None:
        self.params = params
        self.grads: dict[str, Array] = {}
        self.training = True

    def forward(self, x: Array) -> Array:
        """Compute y = f(x). Raises DataError where the shape of x does not fit."""
        raise NotImplementedError

    def backward(self, grad: Array) -> Array:
        """Compute dL/dx from ``grad`` = dL/dy for the x of the last ``forward``, and fill ``grads``."""
        raise NotImplementedError


def pair(value: Pair) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def check_images(x: Array, channels: int | None = None) -> None:
    wanted = "C" if channels is None else channels
    if x.ndim != 4 or 0 in x.shape or channels not in (None, x.shape[1]):
        raise DataError(f"this layer takes images of shape (N, {wanted}, H, W), got {x.shape}")
    if x.dtype.kind != "f":
        raise DataError(f"this layer takes floats, got {x.dtype}; convert the images, for instance / 255")
