"""What all layers share: the interface, and the checks of their input."""

from typing import Any

from numpy.typing import NDArray

from decanet.core.errors import DataError

Array = NDArray[Any]
Pair = int | tuple[int, int]  # one number for both, or (rows, columns)


class Layer:
    """A function that can be run backwards.

    Attributes:
        params: the learned arrays by name; an optimizer changes them in place.
        grads: dL/dparam for each, of the last ``backward``.
        training: dropout and batch normalization behave differently when it is False.
    """

    def __init__(self, **params: Array) -> None:
        self.params = params
        self.grads: dict[str, Array] = {}
        self.training = True

    def forward(self, x: Array) -> Array:
        """y = f(x). Raises DataError where the shape of x does not fit."""
        raise NotImplementedError

    def backward(self, grad: Array) -> Array:
        """dL/dx from ``grad`` = dL/dy, for the x of the last ``forward``; fills ``grads``."""
        raise NotImplementedError


def pair(value: Pair) -> tuple[int, int]:
    return value if isinstance(value, tuple) else (value, value)


def check_images(x: Array, channels: int | None = None) -> None:
    wanted = "C" if channels is None else channels
    if x.ndim != 4 or 0 in x.shape or channels not in (None, x.shape[1]):
        raise DataError(f"this layer takes images of shape (N, {wanted}, H, W), got {x.shape}")
    if x.dtype.kind != "f":
        raise DataError(f"this layer takes floats, got {x.dtype}; convert the images, for instance / 255")
