"""Convolution of images: F(x, y) = sum over u, v of f(x - u, y - v) g(u, v), and its twin without the flip.

Cross-correlation lays the kernel on the image, multiplies what lies on top of each other, adds up and moves
on. Convolution does the same with the kernel turned by half a turn. Networks learn their kernels, so for them
the turn makes no difference and CNN libraries leave it out: their "conv2d" is :func:`correlate`.

Three ways give the same numbers, and the cheapest is taken:

direct
    A convolution along an axis is a product with a matrix that repeats the kernel's weights on its diagonals.
    A few rows of the image at a time are multiplied by such a matrix for every column of the kernel, and
    the products are added, each shifted to its place. Cost: in proportion to kh * kw.
separable
    A kernel of rank 1 (box, Gaussian, Sobel) is a column times a row: one such product along each axis.
    Cost: in proportion to kh + kw.
fft
    The convolution theorem: a product of spectra, in overlapping tiles that fit the processor's cache
    (overlap-save). Cost: almost the same for every kernel.

Images are (H, W) or (H, W, C). float64 and 32-bit integers are computed in float64, all else in float32.
"""

from typing import Literal

import numpy as np
from numpy.typing import DTypeLike

from decanet.convolution._kernel_input import check_kernel
from decanet.core.errors import DataError, ResourceError, UsageError, did_you_mean

Padding = Literal["zero", "reflect", "replicate", "circular", "none"]
Method = Literal["auto", "direct", "separable", "fft"]
Steps = tuple[int, int]

_NUMPY_PADDING = {
    "zero": "constant",
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
    "none": "",
}
MAX_VALUES = 2**30  # pixels times channels of a padded image: 4 GB

# Rows computed together: few enough that a block stays in cache, enough to keep the products efficient.
_DIRECT_ROWS, _PASS_ROWS = 8, 32
_SMALLEST_TILE = 256


def convolve(
    image: np.ndarray,
    kernel: np.ndarray,
    *,
    padding: Padding = "zero",
    stride: int | Steps = 1,
    dilation: int | Steps = 1,
    method: Method = "auto",
) -> np.ndarray:
    """True convolution: the kernel is flipped in both directions, then moved over the image.

    With padding "zero" and stride 1 it equals ``scipy.signal.convolve2d(image, kernel, mode="same")``.
    Arguments, result and errors are those of :func:`correlate`; the center of an even kernel flips with it.
    """
    weights = check_kernel(kernel)[..., ::-1, ::-1]
    return _correlate(image, weights, padding, stride, dilation, method, flipped=True)


def correlate(
    image: np.ndarray,
    kernel: np.ndarray,
    *,
    padding: Padding = "zero",
    stride: int | Steps = 1,
    dilation: int | Steps = 1,
    method: Method = "auto",
) -> np.ndarray:
    """Cross-correlation, what CNN libraries call convolution: the kernel is moved over the image as it is.

    With padding "zero" and stride 1 it equals ``torch.nn.functional.conv2d(..., padding="same")``.

    Args:
        image: (H, W), or (H, W, C) whose channels are treated alike. kernel: weights (kh, kw); or (C, kh,
        kw), one matrix a channel whose results are summed, as a layer of a
            CNN does for each of its output channels.
        padding: what lies beyond the border: zeros, the image mirrored without repeating its border pixels,
            the border pixels repeated, the image again; or nothing, so that the result is smaller.
        stride: pixels from one position of the kernel to the next, (down, right) or one number for both.
        dilation: pixels between neighboring weights of the kernel, (down, right) or one number for both.
        method: how it is computed; "auto" takes what costs least.

    Returns:
        (H', W') or (H', W', C), with H' = ceil(H / stride); with padding "none"
        floor((H - dilation (kh - 1) - 1) / stride) + 1. Never clipped.

    Raises:
        UsageError: the kernel is no kernel, does not fit the image, or an argument is out of range.
        DataError: the image is empty, holds NaN or infinity, or has another number of dimensions.
        ResourceError: the padded image would need too much memory.
    """
    return _correlate(image, check_kernel(kernel), padding, stride, dilation, method, flipped=False)


def separate(kernel: np.ndarray, dtype: DTypeLike = np.float64) -> tuple[np.ndarray, np.ndarray] | None:
    """(column, row) whose outer product is ``kernel`` to the precision of ``dtype``; None for a higher rank.

    The singular value decomposition writes a matrix as a sum of such products; rank 1 needs one only.
    """
    left, values, right = np.linalg.svd(kernel, full_matrices=False)
    if values[1:].max(initial=0) > max(kernel.shape) * np.finfo(dtype).eps * values[0]:
        return None
    return left[:, 0] * values[0], right[0]


def cheapest_method(
    kernel: np.ndarray,
    *,
    stride: int | Steps = 1,
    dilation: int | Steps = 1,
    dtype: DTypeLike = np.float32,
) -> str:
    """The method that "auto" takes for a kernel (kh, kw).

    The estimates are in nanoseconds for each pixel of the unstrided result, fitted by hand to one thread's times
    on a 12-megapixel float32 image (AVX-512). ``scripts/correlation_methods.py`` measures them anew; only their
    ratios matter.
    """
    (down, right), (apart_down, apart_right) = _pair(stride, "stride"), _pair(dilation, "dilation")
    kh, kw = kernel.shape
    span = max(apart_down * (kh - 1), apart_right * (kw - 1)) + 1
    tile = _tile_side(span)
    costs = {
        "direct": 1.3 + kw * (0.65 + 0.015 * kh) / down,
        "fft": 7.0 * (tile / (tile - span + 1)) ** 2,
    }
    if separate(kernel, dtype) is not None:
        costs["separable"] = 1.5 + (3.5 + 0.016 * (kh + kw / right)) / down
    return min(costs, key=costs.__getitem__)


def _correlate(
    image: np.ndarray,
    weights: np.ndarray,
    padding: str,
    stride: int | Steps,
    dilation: int | Steps,
    method: str,
    *,
    flipped: bool,
) -> np.ndarray:
    stride, dilation = _pair(stride, "stride"), _pair(dilation, "dilation")
    image = _check_image(image, weights)
    dtype = np.float32 if np.result_type(image.dtype, np.float32) == np.float32 else np.float64
    planes = np.moveaxis(image, -1, 0) if image.ndim == 3 else image[None]  # (C, H, W)
    spans = [d * (k - 1) for d, k in zip(dilation, weights.shape[-2:])]
    planes = np.ascontiguousarray(pad_planes(planes, spans, padding, flipped), dtype)
    size = [(n - span - 1) // s + 1 for n, span, s in zip(planes.shape[1:], spans, stride)]

    matrices = np.broadcast_to(weights.astype(dtype), (len(planes), *weights.shape[-2:]))
    results = np.empty((len(planes), *size), dtype)
    for result, plane, matrix in zip(results, planes, matrices):
        _fill(result, plane, matrix, stride, dilation, method)
    if weights.ndim == 3:
        return results.sum(axis=0)
    return np.moveaxis(results, 0, -1) if image.ndim == 3 else results[0]


def _fill(
    result: np.ndarray, plane: np.ndarray, weights: np.ndarray, stride: Steps, dilation: Steps, method: str
) -> None:
    """Correlate one padded plane (Hp, Wp) with weights (kh, kw) into ``result`` (H', W')."""
    if method == "auto":
        method = cheapest_method(weights, stride=stride, dilation=dilation, dtype=weights.dtype)
    if method == "direct":
        _direct(result, plane, weights, stride, dilation)
    elif method == "fft":
        _fft(result, plane, weights, stride, dilation)
    elif method == "separable":
        factors = separate(weights, weights.dtype)
        if factors is None:
            raise UsageError("this kernel is not separable, its rank is greater than 1; use method 'auto'")
        between = np.empty((len(result), plane.shape[1]), plane.dtype)
        _pass(between, plane, factors[0], stride[0], dilation[0])
        _pass(result.T, between.T, factors[1], stride[1], dilation[1])
    else:
        raise UsageError(f"unknown method {method!r}; known: auto, direct, separable, fft")


def _band(taps: np.ndarray, rows: int, stride: int, dilation: int) -> np.ndarray:
    """The matrix (rows, pixels) that correlates a column of pixels with ``taps``."""
    span = (len(taps) - 1) * dilation + 1
    matrix = np.zeros((rows, (rows - 1) * stride + span), taps.dtype)
    for i in range(rows):
        matrix[i, i * stride : i * stride + span : dilation] = taps
    return matrix


def _blocks(length: int, longest: int) -> tuple[int, list[int]]:
    """A block length and where blocks begin; the last overlaps its neighbor, so that all are alike."""
    block = min(longest, length)
    return block, [*range(0, length - block, block), length - block]


def _pass(result: np.ndarray, plane: np.ndarray, taps: np.ndarray, stride: int, dilation: int) -> None:
    """Correlate along the first axis."""
    rows, tops = _blocks(len(result), _PASS_ROWS)
    band = _band(taps, rows, stride, dilation)
    for top in tops:
        np.matmul(band, plane[top * stride :][: band.shape[1]], out=result[top : top + rows])


def _direct(
    result: np.ndarray, plane: np.ndarray, weights: np.ndarray, stride: Steps, dilation: Steps
) -> None:
    rows, tops = _blocks(len(result), _DIRECT_ROWS)
    # The bands of all columns under each other: one large product is faster than many small ones.
    bands = np.concatenate([_band(column, rows, stride[0], dilation[0]) for column in weights.T])
    width = (result.shape[1] - 1) * stride[1] + 1
    for top in tops:
        products = (bands @ plane[top * stride[0] :][: bands.shape[1]]).reshape(weights.shape[1], rows, -1)
        total = result[top : top + rows]
        total[...] = products[0, :, : width : stride[1]]
        for i in range(1, len(products)):
            total += products[i, :, i * dilation[1] :][:, : width : stride[1]]


def _tile_side(span: int) -> int:
    """Side of the FFT's tiles: small enough for the cache, large enough that the overlap wastes little."""
    import scipy.fft

    return scipy.fft.next_fast_len(max(_SMALLEST_TILE, 6 * span), real=True)


def _fft(result: np.ndarray, plane: np.ndarray, weights: np.ndarray, stride: Steps, dilation: Steps) -> None:
    import scipy.fft

    spread = np.zeros([d * (k - 1) + 1 for d, k in zip(dilation, weights.shape)], weights.dtype)
    spread[:: dilation[0], :: dilation[1]] = weights
    tile = _tile_side(max(spread.shape))
    sides = [min(tile, scipy.fft.next_fast_len(n, real=True)) for n in plane.shape]
    # The conjugate spectrum correlates in place of convolving; what wraps around lies at a tile's far end.
    spectrum = scipy.fft.rfft2(spread, sides).conj()
    steps = [(side - n) // s + 1 for side, n, s in zip(sides, spread.shape, stride)]  # results a tile gives
    for top in range(0, result.shape[0], steps[0]):
        for left in range(0, result.shape[1], steps[1]):
            pixels = plane[top * stride[0] :, left * stride[1] :][: sides[0], : sides[1]]
            product = scipy.fft.rfft2(pixels, sides)  # tiles at the border are filled up with zeros
            product *= spectrum
            values = scipy.fft.irfft2(product, sides, overwrite_x=True)[:: stride[0], :: stride[1]]
            place = result[top : top + steps[0], left : left + steps[1]]
            place[...] = values[: place.shape[0], : place.shape[1]]


def pad_planes(planes: np.ndarray, spans: list[int], padding: str, flipped: bool) -> np.ndarray:
    """Planes (C, H, W) with what a kernel of ``spans`` + 1 pixels meets beyond the border."""
    if padding not in _NUMPY_PADDING:
        hint = did_you_mean(padding, _NUMPY_PADDING)
        raise UsageError(f"unknown padding {padding!r}{hint}; known: {', '.join(_NUMPY_PADDING)}")
    height, width = planes.shape[1:]
    covers = f"the kernel covers {spans[0] + 1}x{spans[1] + 1} pixels and the image has {height}x{width}"
    if padding == "none":
        if spans[0] >= height or spans[1] >= width:
            raise UsageError(f"{covers}: without padding it has no place; use padding zero")
        return planes
    # An even kernel has no middle: correlation takes the upper left of the four, convolution the lower right.
    before = [(span + flipped) // 2 for span in spans]
    after = [span - one for span, one in zip(spans, before)]
    if padding == "reflect" and (max(before[0], after[0]) >= height or max(before[1], after[1]) >= width):
        raise UsageError(f"{covers}: too few pixels to reflect; use padding zero or replicate")
    values = len(planes) * (height + spans[0]) * (width + spans[1])
    if values > MAX_VALUES:
        raise ResourceError(f"{covers}: padded, it has {values:,} values; use a smaller kernel or dilation")
    widths = [(0, 0), *zip(before, after)]
    return np.pad(planes, widths, mode=_NUMPY_PADDING[padding])  # type: ignore[call-overload]


def _pair(value: int | Steps, name: str) -> Steps:
    down, right = value if isinstance(value, tuple | list) and len(value) == 2 else (value, value)
    if not all(isinstance(n, int | np.integer) and n >= 1 for n in (down, right)):
        raise UsageError(f"{name} must be a whole number of 1 or more, or two of them; got {value!r}")
    return int(down), int(right)


def _check_image(image: np.ndarray, weights: np.ndarray) -> np.ndarray:
    image = np.asarray(image)
    if image.ndim not in (2, 3):
        raise DataError(f"an image has shape (H, W) or (H, W, C), got {image.shape}")
    if image.size == 0:
        raise DataError(f"the image is empty: its shape is {image.shape}")
    if image.dtype.kind not in "biuf":
        raise DataError(f"an image holds real numbers, got {image.dtype}")
    channels = image.shape[2] if image.ndim == 3 else 1
    if weights.ndim == 3 and (image.ndim, channels) != (3, len(weights)):
        raise UsageError(
            f"this is a filter of {len(weights)} kernels, one for each channel, and the image has {channels}"
            f" channel{'s' if channels > 1 else ''}; give one kernel, or an image of {len(weights)} channels"
        )
    if image.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            suspicious = not np.isfinite(image.sum())  # one fast pass; the exact test only where it is needed
        if suspicious and not np.isfinite(image).all():
            raise DataError("the image holds NaN or infinity; give finite pixels")
    return image
