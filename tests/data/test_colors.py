"""Augmentation of colors: the noise of AlexNet, section 4.1, and color jitter."""

import numpy as np
import pytest
import torch
from torchvision.transforms import v2

from decanet.core.recipe import Augmentation
from decanet.core.runtime import Ranks
from decanet.data import MemorySplit
from decanet.data.colors import draw_jitter, jitter_colors, principal_colors, shift_colors
from tests.data.helpers import STD, batches_of, same, spec


def test_principal_colors_rebuild_the_covariance(split: MemorySplit) -> None:
    covariance = np.cov(split.images.numpy().transpose(1, 0, 2, 3).reshape(3, -1) / 255)
    for scale, expected in (("std", covariance), ("eigenvalue", covariance @ covariance)):
        colors = principal_colors(split.images, scale).double()  # columns p_i * l_i
        # sum of (p l)(p l)^T is P L^2 P^T: the covariance where l is a standard deviation, else its square
        np.testing.assert_allclose((colors @ colors.T).numpy(), expected, rtol=1e-4, atol=1e-7)


def test_color_noise_is_that_of_the_code_of_alexnet(split: MemorySplit) -> None:
    """cuda-convnet2, convdata.py: coefficient * randn(n, 3) * pca_stdevs @ pca_vecs.T, on the scale 0..255."""
    pixels = split.images.numpy().transpose(1, 0, 2, 3).reshape(3, -1).astype(float)
    _, stdevs, directions = np.linalg.svd(
        (pixels - pixels.mean(1, keepdims=True)).T / pixels.shape[1] ** 0.5, False
    )
    plain, noisy = (list(batches_of(split, Augmentation(pca_noise=n)).epoch(0)) for n in (0.0, 0.1))
    shifts = [(a.images - b.images)[:, :, 0, 0] for a, b in zip(noisy, plain, strict=True)]
    shift = torch.cat(shifts).double().numpy() * STD * 255
    along = shift @ directions.T  # (103, 3): the draws times the deviations
    np.testing.assert_allclose(along.std(0), 0.1 * stdevs, rtol=0.2)


def test_color_noise_of_gray_images_is_gray() -> None:
    gray = torch.randint(0, 256, (20, 1, 4, 4), dtype=torch.uint8).expand(-1, 3, -1, -1)
    assert torch.isfinite(principal_colors(gray)).all()


def test_color_noise_is_one_color_for_the_whole_image_with_the_papers_covariance() -> None:
    colors = torch.tensor([[0.6, 0.1, 0.02], [0.5, -0.1, 0.03], [0.4, 0.05, -0.05]])
    samples = torch.arange(3000)
    x = torch.zeros(3000, 3, 2, 2)
    noisy = shift_colors(x, colors, 0.1, spec(), (0, 0), samples)
    assert torch.equal(noisy, noisy[:, :, :1, :1].expand_as(noisy))
    shift = (noisy[:, :, 0, 0] * torch.tensor(STD)).double().numpy()  # back on the scale 0..1
    expected = 0.01 * (colors @ colors.T).double().numpy()
    np.testing.assert_allclose(np.cov(shift.T), expected, atol=0.06 * expected.max())
    assert np.abs(shift.mean(0)).max() < 5 * (expected.max() / 3000) ** 0.5


@pytest.mark.parametrize("change", ["pca_noise", "color_jitter"])
def test_color_changes_depend_on_seed_epoch_and_sample_only(split: MemorySplit, change: str) -> None:
    noisy = Augmentation(**{change: 0.1})
    alone = list(batches_of(split, noisy).epoch(1))
    assert same(list(batches_of(split, noisy).epoch(1)), alone)
    halves = [list(batches_of(split, noisy, ranks=Ranks(rank, 2)).epoch(1)) for rank in range(2)]
    for whole, left, right in zip(alone, *halves, strict=True):
        assert torch.equal(torch.cat([left.images, right.images]), whole.images)
    plain = next(batches_of(split, Augmentation()).epoch(1))
    assert torch.equal(plain.labels, alone[0].labels)
    assert not torch.equal(plain.images, alone[0].images)


def test_colors_are_jittered_as_torchvision_changes_them() -> None:
    oracle = v2.functional
    changes = (oracle.adjust_brightness, oracle.adjust_contrast, oracle.adjust_saturation)
    torch.manual_seed(0)
    images = torch.randint(110, 140, (6, 3, 5, 7), dtype=torch.uint8)  # gray enough that nothing is clipped
    factors, order = draw_jitter(0.4, 1, 2, torch.arange(6))
    assert len({tuple(row) for row in order.tolist()}) > 1
    for image, factor, places, ours in zip(
        images, factors, order, jitter_colors(images, factors, order), strict=True
    ):
        expected = image.float() / 255
        for place in places.tolist():
            expected = changes[place](expected, factor[place].item())
        assert (ours / 255 - expected).abs().max() < 2e-4  # torchvision's gray has 0.2989 of red


def test_jitter_depends_on_seed_epoch_and_sample_only() -> None:
    factors, order = draw_jitter(0.4, 3, 5, torch.tensor([7, 2]))
    alone = draw_jitter(0.4, 3, 5, torch.tensor([2]))
    assert torch.equal(factors[1:], alone[0])
    assert torch.equal(order[1:], alone[1])
    assert not torch.equal(alone[0], draw_jitter(0.4, 3, 6, torch.tensor([2]))[0])
    many, _ = draw_jitter(0.4, 0, 0, torch.arange(300))
    assert 0.6 <= many.min() < 0.62
    assert 1.38 < many.max() <= 1.4
