"""Bilinear sampling against scipy.ndimage, at all borders."""

import numpy as np
import pytest
import torch
from scipy import ndimage

from decanet.data._sampling import sample, transform_affine

IMAGES = torch.rand(2, 3, 9, 12, generator=torch.Generator().manual_seed(0))
SCIPY = {"mirror": "mirror", "reflect": "reflect", "zeros": "grid-constant"}


@pytest.mark.parametrize("padding", SCIPY)
def test_sampling_is_the_interpolation_of_scipy(padding: str) -> None:
    random = np.random.default_rng(1)
    rows, columns = random.uniform(-12, 20, (2, 7, 5)), random.uniform(-15, 27, (2, 7, 5))
    found = sample(IMAGES, torch.from_numpy(rows), torch.from_numpy(columns), padding)
    assert found.shape == (2, 3, 7, 5)
    for n, c in np.ndindex(2, 3):
        places = [rows[n], columns[n]]
        expected = ndimage.map_coordinates(IMAGES[n, c].numpy(), places, order=1, mode=SCIPY[padding])
        np.testing.assert_allclose(found[n, c].numpy(), expected, atol=2e-5)


@pytest.mark.parametrize("padding", SCIPY)
def test_whole_pixels_are_copied(padding: str) -> None:
    rows, columns = torch.meshgrid(torch.arange(9), torch.arange(12), indexing="ij")
    torch.testing.assert_close(sample(IMAGES, rows[None], columns[None], padding), IMAGES, atol=1e-5, rtol=0)


def test_an_affine_map_is_measured_from_the_center() -> None:
    half_turn = torch.tensor([[[-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]])
    turned = transform_affine(IMAGES, half_turn, "zeros")
    torch.testing.assert_close(turned, IMAGES.flip(2, 3), atol=1e-5, rtol=0)
    right = torch.tensor([[[1.0, 0.0, -2.0], [0.0, 1.0, 0.0]]])
    moved = transform_affine(IMAGES, right, "zeros")
    torch.testing.assert_close(moved[..., 2:], IMAGES[..., :-2], atol=1e-5, rtol=0)
    assert not moved[..., :2].any()
