"""Images as matrices of numbers."""

import numpy as np
import pytest

from decanet.convolution.matrices import SIZE, as_matrices, neighbors
from decanet.core.errors import UsageError


@pytest.fixture(scope="module")
def image() -> np.ndarray:
    """A flat image with one textured corner."""
    random = np.random.default_rng(0)
    pixels = np.full((40, 60, 3), 0.5)
    pixels[24:40, 40:60] = random.random((16, 20, 3))
    return pixels


def test_the_crop_has_the_numbers_of_the_image_where_it_varies_most(image: np.ndarray) -> None:
    found = as_matrices(image)
    row, column = found.at
    assert row >= 20
    assert column >= 36
    np.testing.assert_array_equal(found.crop, np.rint(255 * image[row : row + SIZE, column : column + SIZE]))
    red, green, blue = np.moveaxis(found.crop, 2, 0)
    np.testing.assert_allclose(found.crop_gray, 0.299 * red + 0.587 * green + 0.114 * blue, atol=1.01)


def test_shuffling_keeps_the_pixels_and_loses_the_correlation() -> None:
    ramp = np.repeat(np.linspace(0, 1, 64)[None, :, None], 48, axis=0).repeat(3, axis=2)
    found = as_matrices(ramp, at=(3, 5), seed=1)
    np.testing.assert_allclose(np.sort(found.shuffled[..., 0].ravel()), np.sort(ramp[..., 0].ravel()))
    image, shuffled, noise = found.neighbors
    assert image == pytest.approx(1.0)
    assert abs(shuffled) < 0.1
    assert abs(noise) < 0.1
    assert found.at == (3, 5)


def test_neighbors_are_numpys_correlation() -> None:
    gray = np.random.default_rng(0).random((9, 7))
    expected = np.corrcoef(gray[:, :-1].ravel(), gray[:, 1:].ravel())[0, 1]
    assert neighbors(gray) == pytest.approx(expected)


def test_a_crop_outside_and_a_small_image_are_refused(image: np.ndarray) -> None:
    with pytest.raises(UsageError, match="does not lie inside 40x60"):
        as_matrices(image, at=(33, 0))
    with pytest.raises(UsageError, match="needs 8x8"):
        as_matrices(image[:7])
