"""Convolution of images against scipy and torch, over random shapes, paddings, strides and dilations."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage, signal

from decanet.convolution.images import cheapest_method, convolve, correlate, separate
from decanet.convolution.kernel_lookup import find_kernel
from decanet.core.errors import DataError, ResourceError, UsageError

NUMPY = {"zero": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def torch_correlate(image, kernel, stride=(1, 1), dilation=(1, 1)):
    """torch's conv2d of an already padded image (H, W)."""
    image, weight = torch.from_numpy(image.copy())[None, None], torch.from_numpy(kernel.copy())[None, None]
    return F.conv2d(image, weight, stride=stride, dilation=dilation)[0, 0].numpy()


@st.composite
def cases(draw):
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    kernel_shape = draw(st.tuples(st.integers(1, 7), st.integers(1, 7)))
    stride = draw(st.tuples(st.integers(1, 4), st.integers(1, 4)))
    dilation = draw(st.tuples(st.integers(1, 3), st.integers(1, 3)))
    image = random.standard_normal(draw(st.tuples(st.integers(1, 45), st.integers(1, 45))))
    rank_1 = draw(st.booleans())
    kernel = random.standard_normal(kernel_shape)
    if rank_1:
        kernel = np.outer(kernel[:, 0], kernel[0])
    method = draw(st.sampled_from(["auto", "direct", "fft", *["separable"] * rank_1]))
    return image, kernel, stride, dilation, draw(st.sampled_from([*NUMPY, "none"])), method


@settings(max_examples=150, deadline=None)
@given(cases())
def test_correlation_equals_torch(case):
    image, kernel, stride, dilation, padding, method = case
    spans = [d * (k - 1) for d, k in zip(dilation, kernel.shape)]
    options = {"padding": padding, "stride": stride, "dilation": dilation, "method": method}
    padded = image
    if padding == "none" and any(span >= n for span, n in zip(spans, image.shape)):
        with pytest.raises(UsageError, match="without padding"):
            correlate(image, kernel, **options)
        return
    if padding == "reflect" and any((span + 1) // 2 >= n for span, n in zip(spans, image.shape)):
        with pytest.raises(UsageError, match="too few pixels to reflect"):
            correlate(image, kernel, **options)
        return
    if padding != "none":
        padded = np.pad(image, [(span // 2, span - span // 2) for span in spans], mode=NUMPY[padding])
    expected = torch_correlate(padded, kernel, stride, dilation)
    ours = correlate(image, kernel, **options)
    assert ours.shape == expected.shape
    np.testing.assert_allclose(ours, expected, atol=1e-10)


@settings(max_examples=60, deadline=None)
@given(cases())
def test_convolution_equals_scipy_signal(case):
    image, kernel, _, _, _, method = case
    expected = signal.convolve2d(image, kernel, mode="same")
    np.testing.assert_allclose(convolve(image, kernel, method=method), expected, atol=1e-10)
    if all(k <= n for k, n in zip(kernel.shape, image.shape)):
        valid = signal.convolve2d(image, kernel, mode="valid")
        np.testing.assert_allclose(convolve(image, kernel, padding="none", method=method), valid, atol=1e-10)


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel:UserWarning")
@settings(max_examples=30, deadline=None)
@given(cases())
def test_correlation_equals_torchs_own_same_padding(case):
    image, kernel, _, dilation, _, method = case
    batch, weight = torch.from_numpy(image)[None, None], torch.from_numpy(kernel)[None, None]
    expected = F.conv2d(batch, weight, padding="same", dilation=dilation)[0, 0].numpy()
    ours = correlate(image, kernel, dilation=dilation, method=method)
    np.testing.assert_allclose(ours, expected, atol=1e-10)


@pytest.mark.parametrize(
    ("padding", "mode"),
    [("zero", "constant"), ("reflect", "mirror"), ("replicate", "nearest"), ("circular", "wrap")],
)
def test_kernels_of_odd_size_equal_scipy_ndimage(padding, mode):
    random = np.random.default_rng(1)
    image, kernel = random.standard_normal((40, 31)), random.standard_normal((5, 9))
    for ours, theirs in ((correlate, ndimage.correlate), (convolve, ndimage.convolve)):
        np.testing.assert_allclose(ours(image, kernel, padding=padding), theirs(image, kernel, mode=mode))


@pytest.mark.parametrize("size", [3, 15, 61])
@pytest.mark.parametrize("rank_1", [True, False])
def test_float32_stays_near_float64(size, rank_1):
    random = np.random.default_rng(size)
    image = random.random((300, 341))
    kernel = random.standard_normal((size, size))
    if rank_1:
        kernel = np.outer(kernel[0], kernel[1])
    exact = signal.fftconvolve(image, kernel, mode="same")
    ours = convolve(image.astype(np.float32), kernel)
    assert ours.dtype == np.float32
    # Rounded products may put a sum off by a few units in the last place of its absolute terms.
    assert abs(ours - exact).max() < 5e-7 * abs(kernel).sum()


def test_fft_tiles_meet_without_a_seam():
    random = np.random.default_rng(2)
    image, kernel = random.standard_normal((700, 530)), random.standard_normal((9, 12))
    for stride in ((1, 1), (3, 2)):
        ours = correlate(image, kernel, padding="none", stride=stride, method="fft")
        np.testing.assert_allclose(ours, torch_correlate(image, kernel, stride), atol=1e-9)


def test_convolution_is_cross_correlation_with_the_flipped_kernel():
    random = np.random.default_rng(3)
    image, kernel = random.random((8, 9)), random.random((3, 5))
    np.testing.assert_allclose(convolve(image, kernel), correlate(image, kernel[::-1, ::-1]))
    dot = np.zeros((5, 7))
    dot[2, 3] = 1
    np.testing.assert_allclose(convolve(dot, kernel)[1:4, 1:6], kernel, atol=1e-12)  # a bright pixel draws it


def test_channels_of_a_color_image_are_filtered_separately():
    random = np.random.default_rng(4)
    image, kernel = random.random((12, 10, 3)), random.random((3, 3))
    ours = convolve(image, kernel, padding="reflect", stride=2)
    for channel in range(3):
        expected = convolve(image[..., channel], kernel, padding="reflect", stride=2)
        np.testing.assert_array_equal(ours[..., channel], expected)


def test_a_filter_is_summed_over_the_channels_as_in_a_convolutional_layer():
    random = np.random.default_rng(5)
    image, kernel = random.random((12, 10, 3)), random.random((3, 5, 3))
    layer = torch.nn.Conv2d(3, 1, (5, 3), padding=(2, 1), bias=False).double()
    with torch.no_grad():
        layer.weight.copy_(torch.from_numpy(kernel))
        expected = layer(torch.from_numpy(image).permute(2, 0, 1)[None])[0, 0].numpy()
    np.testing.assert_allclose(correlate(image, kernel), expected, atol=1e-12)


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float16", "bool"])
def test_images_of_every_number_type_are_accepted(dtype):
    image = np.random.default_rng(6).integers(0, 2, (9, 8)).astype(dtype)
    expected = ndimage.correlate(image.astype(np.float64), find_kernel("sharpen"), mode="constant")
    np.testing.assert_allclose(correlate(image, find_kernel("sharpen")), expected, atol=1e-5)
    assert correlate(image, find_kernel("sharpen")).dtype == (np.float64 if dtype == "int32" else np.float32)


def test_arguments_are_not_modified():
    image, kernel = np.ones((6, 6), np.float32), find_kernel("gaussian")
    before = image.copy(), kernel.copy()
    for method in ("direct", "separable", "fft"):
        convolve(image, kernel, method=method)
        correlate(image, kernel[:3, :3], padding="none", method=method)
    np.testing.assert_array_equal(image, before[0])
    np.testing.assert_array_equal(kernel, before[1])


def test_only_kernels_of_rank_1_are_separated():
    for name in ("box", "gaussian:sigma=3", "sobel_x", "prewitt_y", "scharr_x"):
        column, row = separate(find_kernel(name))
        np.testing.assert_allclose(np.outer(column, row), find_kernel(name), atol=1e-12)
    for name in ("edge", "laplacian_4", "emboss", "diagonal", "sobel_y_slip", "laplacian_of_gaussian"):
        assert separate(find_kernel(name)) is None
    assert separate(np.zeros((3, 3))) is not None


def test_the_cheapest_method_follows_size_and_rank():
    full = np.random.default_rng(7).standard_normal((61, 61))
    assert cheapest_method(full[:3, :3]) == "direct"
    assert cheapest_method(full) == "fft"
    assert cheapest_method(np.outer(full[:15, 0], full[0, :15])) == "separable"


@pytest.mark.parametrize(
    ("image", "kernel", "options", "error", "message"),
    [
        (np.ones((4, 4)), np.ones((5, 3)), {"padding": "none"}, UsageError, "covers 5x3 pixels"),
        (np.ones((3, 3)), np.ones((7, 1)), {"padding": "reflect"}, UsageError, "too few pixels to reflect"),
        (np.ones((4, 4)), np.ones((3, 3)), {"padding": "zeros"}, UsageError, "did you mean zero"),
        (np.ones((4, 4)), np.ones((3, 3)), {"stride": 0}, UsageError, "stride must be"),
        (np.ones((4, 4)), np.ones((3, 3)), {"stride": (1, 2, 3)}, UsageError, "stride must be"),
        (np.ones((4, 4)), np.ones((3, 3)), {"dilation": 1.5}, UsageError, "dilation must be"),
        (np.ones((4, 4)), np.ones((3, 3)), {"dilation": 10**9}, ResourceError, "smaller kernel or dilation"),
        (np.ones((4, 4)), np.ones((3, 3)), {"method": "magic"}, UsageError, "unknown method"),
        (np.ones((4, 4)), find_kernel("edge"), {"method": "separable"}, UsageError, "not separable"),
        (np.ones((4, 4)), np.ones((0, 0)), {}, UsageError, "empty (0-by-0)"),
        (np.ones((4, 4)), np.full((3, 3), np.nan), {}, UsageError, "NaN"),
        (np.ones((4, 4)), np.ones((3, 3, 3)), {}, UsageError, "the image has 1 channel;"),
        (np.ones((4, 4, 4)), np.ones((3, 3, 3)), {}, UsageError, "the image has 4 channels;"),
        (np.ones((0, 4)), np.ones((3, 3)), {}, DataError, "empty"),
        (np.ones(4), np.ones((3, 3)), {}, DataError, "shape (H, W)"),
        (np.full((4, 4), np.nan), np.ones((3, 3)), {}, DataError, "NaN"),
        (np.array([[1.0, np.inf], [-np.inf, 2]]), np.ones((3, 3)), {}, DataError, "NaN or infinity"),
        (np.ones((4, 4), complex), np.ones((3, 3)), {}, DataError, "real numbers"),
    ],
)  # fmt: skip
def test_bad_input_is_refused_in_one_line(image, kernel, options, error, message):
    with pytest.raises(error) as refused:
        correlate(image, kernel, **options)
    assert message in refused.value.line
