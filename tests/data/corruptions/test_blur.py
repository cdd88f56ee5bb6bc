"""Blur against scipy.ndimage and a slow loop."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor

from decanet.core.runtime import generator
from decanet.data.corruptions import CORRUPTIONS, corrupt
from decanet.data.corruptions.blur import disk_kernel


def disk(radius: float, smoothing: float) -> np.ndarray:
    """The authors' kernel, by the formula of OpenCV's Gaussian: 3x3 weights up to radius 8, then 5x5."""
    extent = 8 if radius <= 8 else int(radius)
    line = np.arange(-extent, extent + 1)
    aliased = (line**2 + line[:, None] ** 2 <= radius**2).astype(float)
    aliased /= aliased.sum()
    reach = 1 if radius <= 8 else 2
    weights = np.exp(-(np.arange(-reach, reach + 1) ** 2) / (2 * smoothing**2))
    weights /= weights.sum()
    for axis in (0, 1):
        aliased = ndimage.convolve1d(aliased, weights, axis, mode="mirror")
    return aliased


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("severity", [1, 3, 4, 5])
def test_defocus_blur_is_a_convolution_with_a_disk(
    size: str, severity: int, request: pytest.FixtureRequest
) -> None:
    images: Tensor = request.getfixturevalue(size)
    kernel = disk(*getattr(CORRUPTIONS.get("defocus_blur"), size)[severity - 1])
    for plane, blurred in zip(images[0], corrupt(images[:1], "defocus_blur", severity)[0], strict=True):
        expected = ndimage.convolve(plane.numpy().astype(float), kernel, mode="mirror")
        assert np.abs(blurred.numpy() - expected).max() < 0.51


@pytest.mark.parametrize("radius", [0.3, 1.5, 4, 6])
def test_the_weights_of_a_disk_add_up_to_one(radius: float) -> None:
    assert abs(disk_kernel(radius, 0.5).sum() - 1) < 1e-6


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("severity", [1, 5])
def test_motion_blur_is_half_a_gaussian_along_a_line(
    size: str, severity: int, request: pytest.FixtureRequest
) -> None:
    images: Tensor = request.getfixturevalue(size)
    radius, deviation = getattr(CORRUPTIONS.get("motion_blur"), size)[severity - 1]
    blurred = corrupt(images, "motion_blur", severity)
    for number, image in enumerate(images.permute(0, 2, 3, 1).numpy().astype(float)):
        angle = math.radians(
            90 * torch.rand(1, generator=generator(0, "corruption", "motion_blur", number)).item() - 45
        )
        weights = [math.exp(-(i**2) / (2 * deviation**2)) for i in range(2 * radius + 1)]
        expected = np.zeros_like(image)
        for i, weight in enumerate(weights):
            down, right = math.ceil(i * math.sin(angle) - 0.5), math.ceil(i * math.cos(angle) - 0.5)
            moved = np.take(image, np.arange(len(image)) + down, axis=0, mode="clip")
            expected += (
                weight / sum(weights) * np.take(moved, np.arange(len(image)) + right, axis=1, mode="clip")
            )
        assert np.abs(blurred[number].permute(1, 2, 0).numpy() - expected).max() < 0.75


def clipped_zoom(image: np.ndarray, factor: float) -> np.ndarray:
    """The center of an image (H, W, C), enlarged to its size."""
    size = len(image)
    kept = math.ceil(size / factor)
    top = (size - kept) // 2
    large = ndimage.zoom(image[top : top + kept, top : top + kept], (factor, factor, 1), order=1)
    top = (len(large) - size) // 2
    return large[top : top + size, top : top + size]


@pytest.mark.parametrize(
    ("size", "severity", "factors"),
    [
        ("small", 2, np.arange(1, 1.11, 0.01)),
        ("small", 5, np.arange(1, 1.26, 0.01)),
        ("large", 3, np.arange(1, 1.21, 0.02)),
        ("large", 5, np.arange(1, 1.31, 0.03)),
    ],
)
def test_zoom_blur_is_the_mean_of_enlarged_images(
    size: str, severity: int, factors: np.ndarray, request: pytest.FixtureRequest
) -> None:
    images: Tensor = request.getfixturevalue(size)
    image = images[0].permute(1, 2, 0).numpy().astype(float)
    expected = (image + sum(clipped_zoom(image, factor) for factor in factors)) / (len(factors) + 1)
    blurred = corrupt(images[:1], "zoom_blur", severity)[0].permute(1, 2, 0)
    assert np.abs(blurred.numpy() - expected).max() < 0.51
