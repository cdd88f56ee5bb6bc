"""The kernel collection against the tutorial, scipy and the definitions; and what is no kernel."""

import io

import numpy as np
import pytest
from scipy import ndimage

from decanet.convolution.kernels import (
    ALIASES,
    BANKS,
    KERNELS,
    MAX_SIDE,
    PURPOSES,
    TUTORIAL,
    check_kernel,
    describe,
    describe_sum,
    find_kernel,
    find_kernels,
)
from decanet.core.errors import DataError, UsageError

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


def test_tutorial_has_nine_images_and_random_keeps_the_brightness():
    assert len(TUTORIAL) == 9
    assert set(TUTORIAL) <= set(KERNELS)
    assert find_kernel("random").shape == (3, 3)
    np.testing.assert_array_equal(find_kernel("random"), find_kernel("random:seed=0"))
    assert not np.allclose(find_kernel("random"), find_kernel("random:seed=1"))


def test_the_right_sobel_is_the_first_one_turned_and_the_slip_is_not():
    np.testing.assert_array_equal(find_kernel("sobel_y"), np.rot90(find_kernel("sobel_x")))
    assert find_kernel("sobel_y").sum() == 0
    assert find_kernel("sobel_y_slip").sum() == -1


@pytest.mark.parametrize("name", KERNELS)
def test_sums_say_what_a_kernel_does_to_an_even_surface(name):
    expected = 1 if name in SMOOTHING else -1 if name == "sobel_y_slip" else 0
    assert find_kernel(name).sum() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", [*KERNELS, *BANKS])
def test_every_entry_says_what_it_does_and_where_it_comes_from(name):
    entry = (KERNELS | BANKS)[name]
    assert entry.does.endswith(".")
    assert entry.source
    assert entry.purpose in PURPOSES


@pytest.mark.parametrize(
    ("name", "weights"),
    {
        "edge_detection": [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]],
        "normalize": [[1 / 9] * 3] * 3,
        "edge_detect2": [[-1, 0, 1]] * 3,
        "kernel6": np.identity(3) / 3,
        "kernel_7": [[-2, -3, -2], [-3, 21, -3], [-2, -3, -2]],
        "surbo_1": [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]],
        "surbo_2": [[1, 2, 1], [0, 0, 0], [-1, -2, -2]],
    }.items(),
)
def test_the_tutorials_own_names_are_understood(name, weights):
    np.testing.assert_allclose(find_kernel(name), weights)
    assert describe(name).startswith(f"{name}: ")


def test_aliases_hide_no_kernel():
    assert not set(ALIASES) & {*KERNELS, *BANKS}
    assert set(ALIASES.values()) <= set(KERNELS)
    assert find_kernel("just for fun").sum() == pytest.approx(1)


def test_what_a_sum_does_to_flat_areas():
    assert describe_sum(find_kernel("gaussian")) == "sum 1:\nflat areas keep their value"
    assert describe_sum(find_kernel("laplacian_of_gaussian")) == "sum 0:\nflat areas give 0"
    assert describe_sum(find_kernel("sobel_y_slip")) == "sum −1:\nflat areas give −1 × their value"


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


def test_gabor_answers_to_stripes_of_its_width_and_direction():
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


def test_own_kernels_as_json_csv_and_npy(tmp_path):
    weights = np.array([[0, -1.5, 0], [2, 5, -1]])
    (tmp_path / "own.csv").write_text("0, -1.5, 0\n2,5,-1\n\n")
    np.save(tmp_path / "own.npy", weights)
    for spelling in ("[[0,-1.5,0],[2,5,-1]]", str(tmp_path / "own.csv"), str(tmp_path / "own.npy")):
        np.testing.assert_array_equal(find_kernel(spelling), weights)
    assert find_kernel("[[[1,2]],[[3,4]],[[5,6]]]").shape == (3, 1, 2)


@pytest.mark.parametrize(
    ("spelling", "says"),
    [
        ("sobelx", "did you mean sobel_x"),
        ("", "unknown kernel"),
        ("gaussian:sigm=2", "did you mean sigma"),
        ("edge:size=3", "it has none"),
        ("gaussian:sigma=two", "must be a number"),
        ("box:size=2.5", "must be a whole number"),
        ("gaussian:sigma=nan", "between 0.1"),
        ("gaussian:sigma=1e9", "between 0.1"),
        ("box:size=0", "between 1"),
        ("box:size=100000", f"{MAX_SIDE}"),
        ("gabor:angle=inf", "finite"),
        ("[[1,2],[3]]", "ragged"),
        ("[]", "1 dimensions"),
        ("[[]]", "empty (1-by-0)"),
        ("[[[]]]", "empty"),
        ("[1,2,3]", "1 dimensions"),
        ("[[1,NaN]]", "NaN or infinity"),
        ("[[1,1e999]]", "NaN or infinity"),
        ("[[1,1e300]]", "scale it down"),
        ("[[1,\"a\"]]", "real numbers"),
        ("[[1,null]]", "real numbers"),
        ("[[1,2],", "no JSON"),
        ("[" * 100_000, "no JSON"),
        ("[[__import__('os')]]", "no JSON"),
        (f"[[{'1,' * MAX_SIDE}1]]", "longest side"),
        (f"[[{'9' * 400}]]", "real numbers"),
    ],
)  # fmt: skip
def test_what_is_no_kernel_is_refused_in_one_line(spelling, says):
    with pytest.raises(UsageError) as refused:
        find_kernel(spelling)
    assert says in refused.value.line
    assert len(refused.value.line) < 300


def test_a_bank_is_not_one_kernel():
    with pytest.raises(UsageError, match="bank of 8"):
        find_kernel("gabor_bank")


def _npy(value, **options):
    file = io.BytesIO()
    np.save(file, value, **options)
    return file.getvalue()


def _false_header():
    content = _npy(np.zeros((2, 2)))
    return content.replace(b"(2, 2)", b"(90000, 90000)").replace(b" " * 12 + b"\n", b" " * 4 + b"\n")


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.csv", b"1,2\n3\n", "ragged"),
        ("a.csv", b"", "empty"),
        ("a.csv", b"1,2\n3,x\n", "'x'"),
        ("a.csv", b"1,nan\n", "NaN"),
        ("a.csv", bytes(range(256)), "cannot read"),
        ("a.npy", b"", "cannot read"),
        ("a.npy", b"hello", "cannot read"),
        ("a.npy", _npy(np.array([[1, "a"]], dtype=object), allow_pickle=True), "cannot read"),
        ("a.npy", _npy(np.ones((2, 2)))[:-8], "cannot read"),
        ("a.npy", _false_header(), "cannot read"),
        ("a.npy", _npy(np.ones((3, 3), complex)), "real numbers"),
        ("a.npy", _npy(np.ones((0, 3))), "empty"),
        ("a.npy", _npy(np.ones((2000, 2))), "longest side"),
    ],
)
def test_bad_kernel_files_are_refused_in_one_line(tmp_path, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises((DataError, UsageError)) as refused:
        find_kernel(str(tmp_path / name))
    assert says in refused.value.line
    assert name in refused.value.line


def test_a_missing_kernel_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"no kernel file .*gone\.npy"):
        find_kernel(str(tmp_path / "gone.npy"))


def test_check_kernel_takes_whole_numbers_and_booleans():
    assert check_kernel([[True, False]]).dtype == np.float64


def test_emboss_lights_a_bump_from_where_it_says() -> None:
    rows, columns = np.mgrid[-20:21, -20:21]
    bump = np.maximum(0, 15 - np.hypot(rows, columns))
    relief = ndimage.correlate(bump, find_kernel("emboss")) - bump
    assert relief[13, 13] > 5 > -5 > relief[27, 27]  # the upper left slope is lit, the lower right in shade
