"""Fog against a slow diamond-square algorithm; brightness against scikit-image."""

import numpy as np
import pytest
import torch
from skimage.color import hsv2rgb, rgb2hsv
from torch import Tensor

from decanet.core.runtime import generator
from decanet.data.corruptions import corrupt
from decanet.data.corruptions.weather import plasma_fractal


def slow_plasma(draws: np.ndarray, size: int, decay: float) -> np.ndarray:
    """Point by point: the mean of the four neighbors on a torus, plus noise."""
    heights, noise, step, amplitude = np.zeros((size, size)), iter(draws), size, 100.0

    def fill(rows: range, columns: range, neighbors: list[tuple[int, int]]) -> None:
        before = heights.copy()
        for row in rows:
            for column in columns:
                mean = np.mean([before[(row + y) % size, (column + x) % size] for y, x in neighbors])
                heights[row, column] = mean + amplitude**2 * next(noise)

    while step >= 2:
        h = step // 2
        corners, centers = range(0, size, step), range(h, size, step)
        fill(centers, centers, [(-h, -h), (-h, h), (h, -h), (h, h)])
        fill(corners, centers, [(-h, 0), (h, 0), (0, -h), (0, h)])
        fill(centers, corners, [(-h, 0), (h, 0), (0, -h), (0, h)])
        step, amplitude = h, amplitude / decay
    heights -= heights.min()
    return heights / heights.max()


@pytest.mark.parametrize(("size", "decay"), [(4, 3.0), (32, 1.75)])
def test_the_plasma_fractal_is_that_of_the_diamond_square_algorithm(size: int, decay: float) -> None:
    draws = torch.rand(2, size * size - 1, generator=generator(size), dtype=torch.float64) * 2 - 1
    for row, found in zip(draws.numpy(), plasma_fractal(draws, size, decay).numpy(), strict=True):
        np.testing.assert_allclose(found, slow_plasma(row, size, decay), atol=1e-12)


@pytest.mark.parametrize("severity", [1, 5])
def test_fog_adds_clouds_and_keeps_the_range(severity: int, small: Tensor) -> None:
    amount, decay = {1: (0.2, 3), 5: (1.5, 1.75)}[severity]
    for number, image in enumerate(small):
        uniform = torch.rand(1023, generator=generator(0, "corruption", "fog", number), dtype=torch.float64)
        clouds = slow_plasma(2 * uniform.numpy() - 1, 32, decay)
        x = image.numpy() / 255
        expected = (x + amount * clouds) * x.max() / (x.max() + amount) * 255
        foggy = corrupt(small, "fog", severity)[number].numpy()
        assert np.abs(foggy - expected).max() < 0.51
        assert foggy.max() <= image.max()


@pytest.mark.parametrize(("severity", "amount"), [(1, 0.05), (5, 0.3)])
def test_brightness_adds_to_the_value_of_hsv(severity: int, amount: float, small: Tensor) -> None:
    images = small.clone()
    images[0, :, :4] = 0  # black has no hue
    images[0, :, 4:8] = 90  # and so has gray
    hsv = rgb2hsv(images.permute(0, 2, 3, 1).numpy())
    hsv[..., 2] = np.clip(hsv[..., 2] + amount, 0, 1)
    bright = corrupt(images, "brightness", severity).permute(0, 2, 3, 1).numpy()
    assert np.abs(bright - 255 * hsv2rgb(hsv)).max() < 0.51
