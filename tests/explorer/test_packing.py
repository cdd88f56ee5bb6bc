"""Arrays in JSON."""

import base64
import json

import numpy as np
import pytest
import torch

from decanet.core.errors import DataError
from decanet.explorer.packing import pack, unpack_pixels


def test_arrays_become_json_and_keep_their_numbers() -> None:
    packed = json.loads(
        json.dumps(pack({"a": [torch.tensor([[1.5, -2.0]])], "b": np.float64(3), "c": np.uint8([7])}))
    )
    array = packed["a"][0]
    assert (array["type"], array["shape"]) == ("float32", [1, 2])
    assert np.frombuffer(base64.b64decode(array["base64"]), "<f4").tolist() == [1.5, -2.0]
    assert packed["b"] == 3
    assert base64.b64decode(packed["c"]["base64"]) == b"\x07"


def test_pixels_come_back() -> None:
    pixels = np.arange(2 * 2 * 3, dtype=np.uint8).reshape(2, 2, 3)
    assert np.array_equal(unpack_pixels(pack(pixels)["base64"], 2), pixels)


@pytest.mark.parametrize("text", ["", "AAAA", "no base64!", None, 7])
def test_other_pixels_are_refused(text: object) -> None:
    with pytest.raises(DataError):
        unpack_pixels(text, 2)
