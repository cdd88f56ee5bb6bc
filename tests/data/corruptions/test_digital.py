"""Digital corruptions against numpy, scikit-image, scipy.ndimage and torchvision's JPEG."""

import numpy as np
import pytest
import torch
from scipy import ndimage
from skimage.color import hsv2rgb, rgb2hsv
from skimage.transform import AffineTransform
from torch import Tensor
from torchvision.io import decode_jpeg, encode_jpeg

from decanet.core.runtime import generator
from decanet.data.corruptions import CORRUPTIONS, corrupt
from decanet.data.corruptions.digital import gaussian_matrix, random_affine


@pytest.mark.parametrize(("severity", "factor"), [(1, 0.75), (5, 0.15)])
def test_contrast_shrinks_the_distance_from_the_mean_of_each_channel(
    severity: int, factor: float, small: Tensor
) -> None:
    images = small.double()
    mean = images.mean(dim=(2, 3), keepdim=True)
    expected = mean + factor * (images - mean)
    assert (corrupt(small, "contrast", severity).double() - expected).abs().max() < 0.51


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("size", ["small", "large"])
def test_saturate_changes_the_saturation_of_hsv(
    severity: int, size: str, request: pytest.FixtureRequest
) -> None:
    images: Tensor = request.getfixturevalue(size).clone()
    images[0, :, :4], images[0, :, 4:8] = 0, 90  # black and gray have no hue
    factor, added = getattr(CORRUPTIONS.get("saturate"), size)[severity - 1]
    hsv = rgb2hsv(images.permute(0, 2, 3, 1).numpy())
    hsv[..., 1] = np.clip(hsv[..., 1] * factor + added, 0, 1)
    saturated = corrupt(images, "saturate", severity).permute(0, 2, 3, 1).numpy()
    assert np.abs(saturated - 255 * hsv2rgb(hsv)).max() < 0.51


def test_pixelate_shows_means_of_blocks(large: Tensor) -> None:
    """At severity 5 of 5, the blocks have 4x4 pixels."""
    means = large.double().view(3, 3, 56, 4, 56, 4).mean(dim=(3, 5))
    blocks = means.repeat_interleave(4, 2).repeat_interleave(4, 3)
    assert (corrupt(large, "pixelate", 5).double() - blocks).abs().max() <= 1  # Pillow rounds twice


@pytest.mark.parametrize(("severity", "width"), [(1, 30), (5, 20)])
def test_pixelate_leaves_fewer_columns(severity: int, width: int, small: Tensor) -> None:
    columns = torch.unique_consecutive(corrupt(small, "pixelate", severity).flatten(0, 2).T, dim=0)
    assert len(columns) <= 32
    if severity == 5:
        assert len(columns) == width


@pytest.mark.parametrize(
    ("size", "severity", "quality"), [("small", 1, 80), ("small", 5, 40), ("large", 1, 25), ("large", 5, 7)]
)
def test_jpeg_compression_has_its_quality(
    size: str, severity: int, quality: int, request: pytest.FixtureRequest
) -> None:
    """torchvision has a JPEG library of its own, which rounds colors a little differently."""
    images: Tensor = request.getfixturevalue(size)
    for image, compressed in zip(images, corrupt(images, "jpeg_compression", severity), strict=True):
        expected = decode_jpeg(encode_jpeg(image, quality=quality))
        assert (compressed.double() - expected.double()).abs().mean() < 0.2


# Elastic deformation, in its parts.


@pytest.mark.parametrize(("size", "deviation"), [(32, 0.96), (32, 6.4), (224, 170.8)])
def test_the_gaussian_matrix_is_the_filter_of_scipy(size: int, deviation: float) -> None:
    noise = np.random.default_rng(0).uniform(-1, 1, (size, 3))
    expected = ndimage.gaussian_filter1d(noise, deviation, axis=0, mode="reflect", truncate=3)
    np.testing.assert_allclose(gaussian_matrix(size, deviation).numpy() @ noise, expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(32, 32), (31, 45)])
def test_the_affine_map_moves_three_points(shape: tuple[int, int]) -> None:
    height, width = shape
    moves = torch.tensor([[1.0, -2.0, 0.5, 3.0, -1.5, 0.25]], dtype=torch.float64)
    middle, arm = np.array([height // 2, width // 2]), min(shape) // 3
    points = np.array([middle + arm, middle + np.array([arm, -arm]), middle - arm], dtype=float)
    moved = points + moves.view(3, 2).numpy()
    center = np.array([(width - 1) / 2, (height - 1) / 2])
    inverse = AffineTransform.from_estimate(moved - center, points - center).params[:2]
    np.testing.assert_allclose(random_affine(moves, height, width)[0].numpy(), inverse, atol=1e-9)


@pytest.mark.parametrize(
    ("size", "severity"), [("small", 1), ("small", 3), ("small", 5), ("large", 2), ("large", 4)]
)
def test_elastic_transform_is_an_affine_map_and_a_smooth_displacement(
    size: str, severity: int, request: pytest.FixtureRequest
) -> None:
    images: Tensor = request.getfixturevalue(size)
    amplitude, deviation, reach = getattr(CORRUPTIONS.get("elastic_transform"), size)[severity - 1]
    pixels = images.shape[-1]
    deformed = corrupt(images, "elastic_transform", severity)
    for number, image in enumerate(images.numpy().astype(float)):
        draws = generator(0, "corruption", "elastic_transform", number)
        moves = (2 * torch.rand(6, generator=draws, dtype=torch.float64) - 1) * reach
        (matrix,) = random_affine(moves[None], pixels, pixels).numpy()
        matrix, offset = matrix[::-1, 1::-1], matrix[::-1, 2]  # rows first
        middle = (pixels - 1) / 2
        offset = offset + middle - matrix.sum(axis=1) * middle
        expected = [
            ndimage.affine_transform(plane, matrix, offset, order=1, mode="mirror") for plane in image
        ]
        if amplitude:
            noise = 2 * torch.rand(2, pixels, pixels, generator=draws).numpy() - 1
            right, down = (
                amplitude * ndimage.gaussian_filter(field, deviation, mode="reflect", truncate=3)
                for field in noise
            )
            rows, columns = np.mgrid[:pixels, :pixels]
            places = [rows + down, columns + right]
            expected = [ndimage.map_coordinates(plane, places, order=1, mode="reflect") for plane in expected]
        assert np.abs(deformed[number].numpy() - np.stack(expected)).max() < 0.6
