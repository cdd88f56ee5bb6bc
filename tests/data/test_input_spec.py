"""Input specification: normalization is the formula, and images are resized without aliasing."""

from dataclasses import replace

import numpy as np
import torch

from decanet.data import MemorySplit
from decanet.data.colors import principal_colors, shift_colors
from decanet.data.input_spec import resized
from tests.data.helpers import MEAN, STD, spec


def test_normalization_is_the_formula() -> None:
    pixels = torch.randint(0, 256, (5, 3, 8, 8), generator=torch.Generator().manual_seed(3)).byte()
    expected = (pixels.numpy() / 255 - np.reshape(MEAN, (1, 3, 1, 1))) / np.reshape(STD, (1, 3, 1, 1))
    x = spec().normalize(pixels)
    assert x.dtype == torch.float32
    np.testing.assert_allclose(x.numpy(), expected, rtol=1e-5, atol=1e-6)
    half = spec(dtype=torch.bfloat16).normalize(pixels)
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half, x.bfloat16())


def test_cutout_sets_pixels_to_the_mean_and_changes_no_others() -> None:
    pixels = torch.randint(0, 256, (5, 3, 8, 8), generator=torch.Generator().manual_seed(3)).byte()
    cutout_mask = torch.rand(5, 1, 8, 8, generator=torch.Generator().manual_seed(4)) < 0.3
    x = spec().normalize(pixels, cutout_mask)
    assert (x.masked_select(cutout_mask) == 0).all()
    assert torch.equal(x.masked_fill(cutout_mask, 0), spec().normalize(pixels).masked_fill(cutout_mask, 0))
    assert x.masked_select(~cutout_mask).abs().min() >= 0


def test_one_channel_is_the_mean_of_three(split: MemorySplit) -> None:
    gray = replace(spec(), channels=1)
    cutout_mask = torch.zeros(103, 1, 8, 8, dtype=torch.bool)
    cutout_mask[:, :, :4] = True
    for hidden in (None, cutout_mask):
        expected = spec().normalize(split.images, hidden).mean(dim=1, keepdim=True)
        torch.testing.assert_close(gray.normalize(split.images, hidden), expected)
    colors = principal_colors(split.images)
    samples = torch.arange(103)
    shifted = shift_colors(spec().normalize(split.images), colors, 1.0, spec(), (0, 0), samples)
    torch.testing.assert_close(
        shift_colors(gray.normalize(split.images), colors, 1.0, gray, (0, 0), samples),
        shifted.mean(dim=1, keepdim=True),
    )


def test_images_of_another_size_are_resized() -> None:
    pixels = torch.full((2, 3, 8, 8), 255, dtype=torch.uint8)
    x = spec(image_size=20).normalize(pixels)
    assert x.shape == (2, 3, 20, 20)
    expected = (1 - torch.tensor(MEAN)) / torch.tensor(STD)
    torch.testing.assert_close(x, expected.view(1, 3, 1, 1).expand(2, 3, 20, 20), rtol=1e-5, atol=1e-5)


def test_resizing_keeps_the_type() -> None:
    images = torch.randint(0, 256, (2, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    as_floats = resized(images.float(), 6)
    assert as_floats.shape == (2, 3, 6, 6)
    as_bytes = resized(images.byte(), 6)
    assert as_bytes.dtype == torch.uint8
    torch.testing.assert_close(as_bytes.float(), as_floats, rtol=0, atol=1.01)
    assert resized(as_bytes, 6) is as_bytes
