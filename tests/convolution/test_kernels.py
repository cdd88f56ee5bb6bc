"""The kernel collection against the tutorial, SciPy and the definitions."""

import numpy as np
import pytest
from scipy import ndimage

from decanet.convolution.kernel_lookup import find_kernel, find_kernels
from decanet.convolution.kernels import BANKS, KERNELS, PURPOSES, TUTORIAL

SMOOTHING = {
    "box",
    "random",
    "diagonal",
    "gaussian",
    "motion_blur",
    "sharpen",
    "sharpen_strong",
    "unsharp_mask",
    "emboss",
}


@pytest.mark.parametrize(
    ("name", "weights"),
    {
        "edge": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
        "sharpen": [[0, -1, 0], [-1, 5, -1], [0, -1, 0]],
        "box": np.full((3, 3), 1 / 9),
        "vertical_edge": [[-1, 0, 1]] * 3,
        "diagonal": np.eye(3) / 3,
        "sharpen_strong": [[-2, -3, -2], [-3, 21, -3], [-2, -3, -2]],
        "sobel_x": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        "sobel_y_slip": [[1, 2, 1], [0, 0, 0], [-1, -2, -2]],
    }.items(),
)
def test_tutorial_kernels(name, weights):
    np.testing.assert_array_equal(find_kernel(name), weights)


def test_the_tutorial_has_nine_kernels_and_random_has_a_seed():
    assert len(TUTORIAL) == 9
    assert set(TUTORIAL) <= set(KERNELS)
    assert find_kernel("random").shape == (3, 3)
    np.testing.assert_array_equal(find_kernel("random"), find_kernel("random:seed=0"))
    assert not np.allclose(find_kernel("random"), find_kernel("random:seed=1"))


def test_sobel_y_is_sobel_x_rotated_and_the_misprint_is_not():
    np.testing.assert_array_equal(find_kernel("sobel_y"), np.rot90(find_kernel("sobel_x")))
    assert find_kernel("sobel_y").sum() == 0
    assert find_kernel("sobel_y_slip").sum() == -1


@pytest.mark.parametrize("name", KERNELS)
def test_the_sum_of_a_kernel_is_its_response_to_a_flat_area(name):
    expected = 1 if name in SMOOTHING else -1 if name == "sobel_y_slip" else 0
    assert find_kernel(name).sum() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", [*KERNELS, *BANKS])
def test_every_kernel_has_a_description_a_source_and_a_purpose(name):
    entry = (KERNELS | BANKS)[name]
    assert entry.does.endswith(".")
    assert entry.source
    assert entry.purpose in PURPOSES


def test_emboss_is_lit_from_the_upper_left():
    """On a bright disk, a hill, the slope that faces the upper left is bright, the other dark."""
    y, x = np.mgrid[-10:11, -10:11]
    relief = ndimage.correlate(np.where(x**2 + y**2 < 36, 0.8, 0.2), find_kernel("emboss"))
    assert relief[6, 6] > 0.8
    assert relief[14, 14] < 0.2
    assert "upper left" in KERNELS["emboss"].does


@pytest.mark.parametrize("axis", ["prewitt", "sobel"])
def test_gradients_equal_scipy(axis):
    image = np.random.default_rng(0).random((9, 11))
    ours = ndimage.correlate(image, find_kernel(f"{axis}_x"))
    np.testing.assert_allclose(ours, getattr(ndimage, axis)(image, axis=1), atol=1e-12)
    # scipy's grows downwards with the row number, ours upwards.
    upwards = ndimage.correlate(image, find_kernel(f"{axis}_y"))
    np.testing.assert_allclose(upwards, -getattr(ndimage, axis)(image, axis=0), atol=1e-12)


@pytest.mark.parametrize("sigma", [0.5, 1.0, 2.5, 10.0])
def test_gaussian_equals_scipy(sigma):
    kernel = find_kernel(f"gaussian:sigma={sigma}")
    dot = np.zeros((len(kernel) + 2,) * 2)
    dot[len(dot) // 2, len(dot) // 2] = 1
    expected = ndimage.gaussian_filter(dot, sigma, mode="constant", truncate=4)
    np.testing.assert_allclose(kernel, expected[1:-1, 1:-1], atol=1e-15)


@pytest.mark.parametrize("sigma", [2.0, 4.0])
def test_laplacian_of_gaussian_is_near_scipys_sampled_differently(sigma):
    kernel = find_kernel(f"laplacian_of_gaussian:sigma={sigma}")
    dot = np.zeros_like(kernel)
    dot[len(dot) // 2, len(dot) // 2] = 1
    expected = ndimage.gaussian_laplace(dot, sigma, mode="constant")
    assert abs(kernel - expected).max() < 0.01 * abs(expected).max()


def test_difference_of_gaussians_and_unsharp_mask_from_their_definitions():
    narrow, wide = find_kernel("gaussian:sigma=2"), find_kernel("gaussian:sigma=4")
    margin = (len(wide) - len(narrow)) // 2
    expected = np.pad(narrow, margin) - wide
    np.testing.assert_allclose(find_kernel("difference_of_gaussians:sigma=2,ratio=2"), expected, atol=1e-3)
    identity = np.zeros_like(narrow)
    identity[len(narrow) // 2, len(narrow) // 2] = 1
    sharper = identity + 3 * (identity - narrow)
    np.testing.assert_allclose(find_kernel("unsharp_mask:sigma=2,amount=3"), sharper, atol=1e-15)


def test_motion_blur_lies_on_its_line():
    level = find_kernel("motion_blur:length=9,angle=0")
    assert level.shape == (9, 9)
    assert level[4].sum() == pytest.approx(1)
    np.testing.assert_allclose(find_kernel("motion_blur:length=9,angle=90"), level.T, atol=1e-12)
    rising = find_kernel("motion_blur:length=9,angle=45")
    assert rising[1:4, 5:8].sum() > 0.2  # counter-clockwise: up is to the right
    assert rising[1:4, 1:4].sum() == 0


def test_gabor_responds_to_stripes_of_its_width_and_direction():
    x = np.arange(64)
    stripes = np.broadcast_to(np.cos(2 * np.pi * x / 8), (64, 64))

    def strength(spelling, image):
        return abs(ndimage.correlate(image, find_kernel(spelling), mode="wrap")).max()

    right = strength("gabor", stripes)
    assert right > 10 * strength("gabor:angle=90", stripes)
    assert right > 5 * strength("gabor:wavelength=24", stripes)
    assert strength("gabor:angle=90", stripes.T) == pytest.approx(right, rel=1e-3)
    bank = find_kernels("gabor_bank:orientations=4")
    assert list(bank) == [f"gabor:angle={a},wavelength=8" for a in (0, 45, 90, 135)]
    for spelling, weights in bank.items():
        np.testing.assert_array_equal(find_kernel(spelling), weights)


def test_emboss_lights_a_cone_from_the_upper_left() -> None:
    rows, columns = np.mgrid[-20:21, -20:21]
    bump = np.maximum(0, 15 - np.hypot(rows, columns))
    relief = ndimage.correlate(bump, find_kernel("emboss")) - bump
    assert relief[13, 13] > 5 > -5 > relief[27, 27]  # the upper left slope is lit, the lower right in shade
