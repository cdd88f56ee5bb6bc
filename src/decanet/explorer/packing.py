"""Arrays in JSON: ``{"type": "float32", "shape": [...], "base64": "..."}``, which JavaScript reads as a typed array."""

import base64
from collections.abc import Mapping
from typing import Any

import numpy as np
from torch import Tensor

from decanet.core.errors import DataError


def pack(value: Any) -> Any:
    """Return ``value`` with every array and tensor in it packed; floats as float32."""
    if isinstance(value, Tensor):
        value = value.detach().cpu().numpy()
    if isinstance(value, np.ndarray):
        array = value if value.dtype == np.uint8 else value.astype("<f4")
        encoded = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
        return {"type": array.dtype.name, "shape": list(array.shape), "base64": encoded}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return {key: pack(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [pack(each) for each in value]
    return value


def unpack_pixels(text: Any, size: int) -> np.ndarray:
    """Return the pixels (size, size, 3) uint8 that a page sends as base64.

    Raises:
        DataError: they are none, or of another size.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (ValueError, TypeError):
        raise DataError("the pixels are not base64") from None
    if len(data) != size * size * 3:
        raise DataError(f"the network takes {size} x {size} pixels, got {len(data)} bytes")
    return np.frombuffer(bytearray(data), np.uint8).reshape(
        size, size, 3
    )  # PyTorch wants to own writable memory
