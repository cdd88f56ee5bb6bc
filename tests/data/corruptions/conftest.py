"""Photographs to corrupt."""

import pytest
import torch
from skimage.data import astronaut, chelsea, coffee
from torch import Tensor

from decanet.data.decoding import fit_square


def photographs(image_size: int) -> Tensor:
    pixels = [fit_square(image, image_size) for image in (chelsea(), astronaut(), coffee())]
    return torch.stack([torch.from_numpy(image).permute(2, 0, 1) for image in pixels])


@pytest.fixture(scope="session")
def small() -> Tensor:
    """Three photographs, uint8 (3, 3, 32, 32)."""
    return photographs(32)


@pytest.fixture(scope="session")
def large() -> Tensor:
    """Three photographs, uint8 (3, 3, 224, 224)."""
    return photographs(224)
