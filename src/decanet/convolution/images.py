"""Convolution of images, F(x, y) = sum over u, v of f(x - u, y - v) g(u, v), and cross-correlation.

Cross-correlation multiplies the kernel with the patch of the image beneath it, sums the products and moves to the next
position. Convolution does the same with the kernel flipped in both directions. Networks learn their kernels, so the
flip makes no difference to them and CNN libraries omit it: their "conv2d" is :func:`correlate`.

Three methods compute the same values, and the cheapest is chosen:

direct
    A convolution along an axis is a product with a matrix that repeats the kernel's weights on its diagonals.
    A few rows of the image at a time are multiplied by such a matrix for every column of the kernel, and the
    products are added, each shifted to its position. The cost is proportional to kh * kw.
separable
    A kernel of rank 1 (box, Gaussian, Sobel) is a column times a row: one such product along each axis.
    The cost is proportional to kh + kw.
fft
    By the convolution theorem: a product of spectra, in overlapping tiles that fit into the cache of the processor
    (overlap-save). The cost is almost the same for every kernel.

Images are (H, W) or (H, W, C). float64 and 32-bit integers are computed in float64, all others in float32.
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

# Rows computed together: few enough for the cache, and enough for efficient products.
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
    """Convolve an image: the kernel is flipped in both directions and moved over the image.

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
    """Cross-correlate an image, as the convolutional layers of CNN libraries do: the kernel is not flipped.

    With padding "zero" and stride 1 it equals ``torch.nn.functional.conv2d(..., padding="same")``.

    Args:
        image: (H, W), or (H, W, C) whose channels are filtered separately.
        kernel: a kernel (kh, kw); or a filter (C, kh, kw), one kernel for each channel, whose results are summed as for
            an output channel of a convolutional layer.
        padding: what surrounds the image: zeros; the image reflected without repeating its edge pixels; its edge
            pixels repeated; the image repeated; or nothing, so that the result is smaller.
        stride: pixels from one position of the kernel to the next, (down, right) or one number for both.
        dilation: pixels between neighboring weights of the kernel, (down, right) or one number for both.
        method: the method of computation; "auto" chooses the cheapest.

    Returns:
        (H', W') or (H', W', C), with H' = ceil(H / stride); with padding "none"
        floor((H - dilation (kh - 1) - 1) / stride) + 1. Values are not clipped.

    Raises:
        UsageError: the kernel is invalid or does not fit the image, or an argument is out of range.
        DataError: the image is empty, holds NaN or infinity, or has another number of dimensions.
        ResourceError: the padded image would need too much memory.
    """
    return _correlate(image, check_kernel(kernel), padding, stride, dilation, method, flipped=False)


def separate(kernel: np.ndarray, dtype: DTypeLike = np.float64) -> tuple[np.ndarray, np.ndarray] | None:
    """Return (column, row) whose outer product is ``kernel`` to the precision of ``dtype``; None for a higher rank.

    The singular value decomposition writes a matrix as a sum of outer products, a single one for rank 1.
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
    """Return the method that "auto" chooses for a kernel (kh, kw).

    Costs are estimated in nanoseconds for each pixel of the result at stride 1, fitted by hand to measurements on a
    12-megapixel float32 image (one thread, AVX-512); ``scripts/correlation_methods.py`` repeats them. Only their ratios
    matter.
    """
    (down, right), (apart_down, apart_right) = pair(stride, "stride"), pair(dilation, "dilation")
    kh, kw = kernel.shape
    span = max(apart_down * (kh - 1), apart_right * (kw - 1)) + 1
    tile = _tile_size(span)
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
    stride, dilation = pair(stride, "stride"), pair(dilation, "dilation")
    image = _check_image(image, weights)
    dtype = np.float32 if np.result_type(image.dtype, np.float32) == np.float32 else np.float64
    planes = np.moveaxis(image, -1, 0) if image.ndim == 3 else image[None]  # (C, H, W)
    spans = [d * (k - 1) for d, k in zip(dilation, weights.shape[-2:])]
    planes = np.ascontiguousarray(pad_planes(planes, spans, padding, flipped), dtype)
    size = [(n - span - 1) // s + 1 for n, span, s in zip(planes.shape[1:], spans, stride)]

    kernels = np.broadcast_to(weights.astype(dtype), (len(planes), *weights.shape[-2:]))
    results = np.empty((len(planes), *size), dtype)
    for result, plane, kernel in zip(results, planes, kernels):
        _fill(result, plane, kernel, stride, dilation, method)
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
            raise UsageError(
                "this kernel is not separable, since its rank is greater than 1; use method 'auto'"
            )
        between = np.empty((len(result), plane.shape[1]), plane.dtype)
        _pass(between, plane, factors[0], stride[0], dilation[0])
        _pass(result.T, between.T, factors[1], stride[1], dilation[1])
    else:
        raise UsageError(f"unknown method {method!r}; known: auto, direct, separable, fft")


def _band(taps: np.ndarray, rows: int, stride: int, dilation: int) -> np.ndarray:
    """Return the matrix (rows, pixels) that correlates a column of pixels with ``taps``."""
    span = (len(taps) - 1) * dilation + 1
    matrix = np.zeros((rows, (rows - 1) * stride + span), taps.dtype)
    for i in range(rows):
        matrix[i, i * stride : i * stride + span : dilation] = taps
    return matrix


def _blocks(length: int, longest: int) -> tuple[int, list[int]]:
    """Return a block length and the starts of the blocks; the last one overlaps its neighbor, so that all are equal."""
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
    # The bands of all columns are stacked: one large product is faster than many small ones.
    bands = np.concatenate([_band(column, rows, stride[0], dilation[0]) for column in weights.T])
    width = (result.shape[1] - 1) * stride[1] + 1
    for top in tops:
        products = (bands @ plane[top * stride[0] :][: bands.shape[1]]).reshape(weights.shape[1], rows, -1)
        total = result[top : top + rows]
        total[...] = products[0, :, : width : stride[1]]
        for i in range(1, len(products)):
            total += products[i, :, i * dilation[1] :][:, : width : stride[1]]


def _tile_size(span: int) -> int:
    """Return the size of the square tiles: small enough for the cache, and large against their overlap."""
    import scipy.fft

    return scipy.fft.next_fast_len(max(_SMALLEST_TILE, 6 * span), real=True)


def _fft(result: np.ndarray, plane: np.ndarray, weights: np.ndarray, stride: Steps, dilation: Steps) -> None:
    import scipy.fft

    spread = np.zeros([d * (k - 1) + 1 for d, k in zip(dilation, weights.shape)], weights.dtype)
    spread[:: dilation[0], :: dilation[1]] = weights
    tile = _tile_size(max(spread.shape))
    size = [min(tile, scipy.fft.next_fast_len(n, real=True)) for n in plane.shape]
    # The conjugate spectrum gives the cross-correlation; wrapped values lie at the far end of a tile.
    spectrum = scipy.fft.rfft2(spread, size).conj()
    steps = [(length - n) // s + 1 for length, n, s in zip(size, spread.shape, stride)]  # results of a tile
    for top in range(0, result.shape[0], steps[0]):
        for left in range(0, result.shape[1], steps[1]):
            pixels = plane[top * stride[0] :, left * stride[1] :][: size[0], : size[1]]
            product = scipy.fft.rfft2(pixels, size)  # tiles at the edge are filled with zeros
            product *= spectrum
            values = scipy.fft.irfft2(product, size, overwrite_x=True)[:: stride[0], :: stride[1]]
            part = result[top : top + steps[0], left : left + steps[1]]
            part[...] = values[: part.shape[0], : part.shape[1]]


def pad_planes(planes: np.ndarray, spans: list[int], padding: str, flipped: bool) -> np.ndarray:
    """Return planes (C, H, W) with the padding that a kernel of ``spans`` + 1 pixels needs."""
    if padding not in _NUMPY_PADDING:
        hint = did_you_mean(padding, _NUMPY_PADDING)
        raise UsageError(f"unknown padding {padding!r}{hint}; known: {', '.join(_NUMPY_PADDING)}")
    height, width = planes.shape[1:]
    covers = f"the kernel covers {spans[0] + 1}x{spans[1] + 1} pixels and the image has {height}x{width}"
    if padding == "none":
        if spans[0] >= height or spans[1] >= width:
            raise UsageError(f"{covers}: without padding it does not fit; use padding zero")
        return planes
    # An even kernel has no central weight: correlation uses the upper left of the four, convolution the lower right.
    before = [(span + flipped) // 2 for span in spans]
    after = [span - one for span, one in zip(spans, before)]
    if padding == "reflect" and (max(before[0], after[0]) >= height or max(before[1], after[1]) >= width):
        raise UsageError(f"{covers}: too few pixels to reflect; use padding zero or replicate")
    values = len(planes) * (height + spans[0]) * (width + spans[1])
    if values > MAX_VALUES:
        raise ResourceError(f"{covers}: padded, it has {values:,} values; use a smaller kernel or dilation")
    widths = [(0, 0), *zip(before, after)]
    return np.pad(planes, widths, mode=_NUMPY_PADDING[padding])  # type: ignore[call-overload]


def pair(value: int | Steps, name: str) -> Steps:
    """Return (down, right) of one number or two. Raises UsageError for numbers below 1; ``name`` is for its message."""
    down, right = value if isinstance(value, tuple | list) and len(value) == 2 else (value, value)
    if not all(isinstance(n, int | np.integer) and n >= 1 for n in (down, right)):
        raise UsageError(f"{name} must be an integer of at least 1, or two of them; got {value!r}")
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
            suspicious = not np.isfinite(image.sum())  # a fast test; the exact one follows only where needed
        if suspicious and not np.isfinite(image).all():
            raise DataError("the image holds NaN or infinity; give finite pixels")
    return image
