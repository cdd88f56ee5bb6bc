"""Kernels that blur, sharpen and detect edges, each with its effect and its source.

The weights of a kernel are the coefficients with which a pixel and its neighbors are summed. If they sum to 1, the
kernel keeps the brightness (blur, sharpen); if they sum to 0, it responds to changes only (edges); if all are positive,
it smooths.

The kernels are written for cross-correlation, as in CNN libraries and the tutorial, and described for it: ``sobel_x``
is positive where the image grows brighter to the right. Convolution flips a kernel in both directions first, which
changes the sign of ``sobel_x`` and leaves kernels of twofold rotational symmetry unchanged.

A new kernel is one new function in this file, decorated with its source. Its parameters are those of the command line,
and the first line of its docstring is its description in ``decanet convolve image list``.
"""

import inspect
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from decanet.convolution._kernel_input import MAX_SIZE
from decanet.core.errors import UsageError

_PREWITT = (
    "J. M. S. Prewitt, Object Enhancement and Extraction, in Image Processing and Psychopictorics, 1970"
)
_MARR = "D. Marr, E. Hildreth, Theory of Edge Detection, Proc. R. Soc. Lond. B 207, 1980"
_SOBEL = "I. Sobel, G. Feldman, Stanford Artificial Intelligence Project talk, 1968"
_SCHARR = "H. Scharr, Optimale Operatoren in der Digitalen Bildverarbeitung, thesis, Heidelberg, 2000"
_ROBERTS = "L. G. Roberts, Machine Perception of Three-Dimensional Solids, thesis, MIT, 1963"
_DAUGMAN = "J. G. Daugman, Uncertainty relation for resolution in space [...], J. Opt. Soc. Am. A 2, 1985"

Weights = np.ndarray | Sequence[Sequence[float]]


@dataclass(frozen=True)
class Kernel:
    """Kernel of the collection.

    Attributes:
        name: its name on the command line.
        build: ``build(**parameters)`` returns the weights (kh, kw), or for a bank a dict of names to weights.
        source: author and publication.
        purpose: one of ``PURPOSES``.
    """

    name: str
    build: Callable[..., Any]
    source: str
    purpose: str

    @property
    def does(self) -> str:
        """Its effect on an image, in one line."""
        return (inspect.getdoc(self.build) or "").splitlines()[0]

    @property
    def parameters(self) -> dict[str, int | float]:
        """Its parameters with their defaults."""
        return {name: p.default for name, p in inspect.signature(self.build).parameters.items()}


BLUR, SHARPEN, GRADIENT, CURVATURE, OTHER = PURPOSES = (
    "Blur",
    "Sharpen and relief",
    "Edges by first derivatives",
    "Edges by second derivatives",
    "Gabor, random, and the misprint of the tutorial",
)

KERNELS: dict[str, Kernel] = {}
BANKS: dict[str, Kernel] = {}  # several kernels under one name

TUTORIAL = (  # the nine kernels of the tutorial, in its order
    "edge", "sharpen", "box", "vertical_edge", "random", "diagonal", "sharpen_strong", "sobel_x", "sobel_y",
)  # fmt: skip
TUTORIAL_SLIP = (
    "sobel_y: the tutorial prints -2 as the last weight, so that the sum is -1 and a flat area does not give 0 "
    "(--kernel sobel_y_slip); here it is -1"
)
# Names of the tutorial that differ from those here. Its surbo_2 ends with -2, see sobel_y_slip.
ALIASES = {
    "edge_detection": "edge",
    "normalize": "box",
    "edge_detect2": "vertical_edge",
    "just for fun": "random",
    "kernel6": "diagonal",
    "kernel_7": "sharpen_strong",
    "surbo_1": "sobel_x",
    "surbo_2": "sobel_y_slip",
}


def _entry(
    source: str, purpose: str, into: dict[str, Kernel] = KERNELS
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    def decorate(build: Callable[..., Any]) -> Callable[..., Any]:
        into[build.__name__] = Kernel(build.__name__, build, source, purpose)
        return build

    return decorate


# --- Kernels of the tutorial ---


@_entry("the tutorial, part 2; the 8-neighbor Laplacian with opposite sign", CURVATURE)
def edge() -> Weights:
    """Detects edges in all directions: each pixel minus its eight neighbors."""
    return [[-1, -1, -1], [-1, 8, -1], [-1, -1, -1]]


@_entry("the tutorial, part 2; the image minus its 4-neighbor Laplacian", SHARPEN)
def sharpen() -> Weights:
    """Sharpens: adds to each pixel its difference from its four neighbors."""
    return [[0, -1, 0], [-1, 5, -1], [0, -1, 0]]


@_entry("the tutorial, part 2, with size 3", BLUR)
def box(size: int = 3) -> Weights:
    """Blurs: the mean of a square."""
    size = _size("box", "size", size)
    return np.full((size, size), 1 / size**2)


@_entry("the tutorial, part 2; the same kernel as prewitt_x", GRADIENT)
def vertical_edge() -> Weights:
    """Detects vertical edges: the right column minus the left one."""
    return [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]


@_entry("the tutorial, part 2, without a seed", OTHER)
def random(seed: int = 0, size: int = 3) -> Weights:
    """Normally distributed random weights divided by their sum, which keeps the brightness."""
    size = _size("random", "size", size)
    _require("random", "seed", seed, seed >= 0, "0 or greater")
    weights = np.random.default_rng(seed).standard_normal((size, size))
    return weights / weights.sum()


@_entry("the tutorial, part 2, with size 3: the identity matrix divided by 3", BLUR)
def diagonal(size: int = 3) -> Weights:
    """Blurs along the falling diagonal, like a camera that moves along it."""
    size = _size("diagonal", "size", size)
    return np.eye(size) / size


@_entry("the tutorial, part 2", SHARPEN)
def sharpen_strong() -> Weights:
    """Sharpens strongly: subtracts all eight neighbors."""
    return [[-2, -3, -2], [-3, 21, -3], [-2, -3, -2]]


# --- Gradients ---


@_entry(f"{_SOBEL}; the tutorial, part 2", GRADIENT)
def sobel_x() -> Weights:
    """Gradient to the right, smoothed vertically with 1 2 1."""
    return [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]


@_entry(_SOBEL, GRADIENT)
def sobel_y() -> Weights:
    """Gradient upwards, smoothed horizontally with 1 2 1."""
    return [[1, 2, 1], [0, 0, 0], [-1, -2, -1]]


@_entry("the tutorial, part 2, as printed; the last weight of sobel_y is -1", OTHER)
def sobel_y_slip() -> Weights:
    """The misprint of sobel_y in the tutorial, last weight -2: flat areas do not give 0."""
    return [[1, 2, 1], [0, 0, 0], [-1, -2, -2]]


@_entry(_PREWITT, GRADIENT)
def prewitt_x() -> Weights:
    """Gradient to the right, smoothed vertically with 1 1 1."""
    return [[-1, 0, 1], [-1, 0, 1], [-1, 0, 1]]


@_entry(_PREWITT, GRADIENT)
def prewitt_y() -> Weights:
    """Gradient upwards, smoothed horizontally with 1 1 1."""
    return [[1, 1, 1], [0, 0, 0], [-1, -1, -1]]


@_entry(_SCHARR, GRADIENT)
def scharr_x() -> Weights:
    """Gradient to the right, smoothed vertically with 3 10 3: a more accurate direction than Sobel's."""
    return [[-3, 0, 3], [-10, 0, 10], [-3, 0, 3]]


@_entry(_SCHARR, GRADIENT)
def scharr_y() -> Weights:
    """Gradient upwards, smoothed horizontally with 3 10 3: a more accurate direction than Sobel's."""
    return [[3, 10, 3], [0, 0, 0], [-3, -10, -3]]


@_entry(_ROBERTS, GRADIENT)
def roberts_falling() -> Weights:
    """Difference along the falling diagonal, the smallest gradient kernel."""
    return [[1, 0], [0, -1]]


@_entry(_ROBERTS, GRADIENT)
def roberts_rising() -> Weights:
    """Difference along the rising diagonal, the counterpart of roberts_falling."""
    return [[0, 1], [-1, 0]]


# --- Second derivatives ---


@_entry("the five-point stencil of numerical analysis", CURVATURE)
def laplacian_4() -> Weights:
    """Laplacian: the sum of the four neighbors minus four times the pixel."""
    return [[0, 1, 0], [1, -4, 1], [0, 1, 0]]


@_entry("the nine-point stencil with equal weights", CURVATURE)
def laplacian_8() -> Weights:
    """Laplacian with diagonals: the sum of the eight neighbors minus eight times the pixel."""
    return [[1, 1, 1], [1, -8, 1], [1, 1, 1]]


@_entry(_MARR, CURVATURE)
def laplacian_of_gaussian(sigma: float = 2.0) -> Weights:
    """Laplacian of a Gaussian blur: negative on bright spots of radius sigma * sqrt(2), zero on edges."""
    y, x = _grid(_radius("laplacian_of_gaussian", "sigma", sigma))
    r2 = (x**2 + y**2) / sigma**2
    weights = (r2 - 2) / sigma**2 * np.exp(-r2 / 2) / (2 * math.pi * sigma**2)
    return weights - weights.mean()  # truncated and sampled, the weights do not sum to 0 exactly


@_entry(f"{_MARR}; with the ratio 1.6", CURVATURE)
def difference_of_gaussians(sigma: float = 2.0, ratio: float = 1.6) -> Weights:
    """A narrow Gaussian minus a wide one: keeps details of one scale, like ganglion cells of the retina."""
    _require("difference_of_gaussians", "ratio", ratio, ratio > 1, "greater than 1")
    radius = _radius("difference_of_gaussians", "sigma * ratio", sigma * ratio)
    _radius("difference_of_gaussians", "sigma", sigma)
    return _gaussian(sigma, radius) - _gaussian(sigma * ratio, radius)


# --- Blur, sharpen, relief ---


@_entry("the normal distribution of C. F. Gauss, truncated at 4 sigma", BLUR)
def gaussian(sigma: float = 1.0) -> Weights:
    """Blurs equally in all directions; sigma in pixels."""
    return _gaussian(sigma, _radius("gaussian", "sigma", sigma))


@_entry("unsharp masking of the darkroom, as in image editors", SHARPEN)
def unsharp_mask(sigma: float = 2.0, amount: float = 1.0) -> Weights:
    """Sharpens: adds amount times the difference from a blurred copy."""
    _require("unsharp_mask", "amount", amount, 0 < amount <= 1e6, "between 0 and 1e6")
    radius = _radius("unsharp_mask", "sigma", sigma)
    weights = -amount * _gaussian(sigma, radius)
    weights[radius, radius] += 1 + amount
    return weights


@_entry("common practice of image editors", SHARPEN)
def emboss() -> Weights:
    """Relief with light from the upper left; flipped by convolution, from the lower right."""
    return [[-2, -1, 0], [-1, 1, 1], [0, 1, 2]]


@_entry("the exposure of a camera that moves at constant speed along a line", BLUR)
def motion_blur(length: float = 15.0, angle: float = 0.0) -> Weights:
    """Blurs along a line; length in pixels, angle in degrees, counter-clockwise from the right."""
    _require("motion_blur", "length", length, 1 <= length <= MAX_SIZE - 2, f"between 1 and {MAX_SIZE - 2}")
    _require("motion_blur", "angle", angle, math.isfinite(angle), "a finite number")
    radius = math.ceil((length - 1) / 2)
    # Points on the line are distributed to the four nearest pixels (bilinear weights).
    along = np.linspace(-(length - 1) / 2, (length - 1) / 2, 16 * math.ceil(length) + 1)
    x, y = along * math.cos(math.radians(angle)), -along * math.sin(math.radians(angle))
    pixels = np.arange(-radius, radius + 1)[:, None]
    weights = np.maximum(0, 1 - abs(pixels - y)) @ np.maximum(0, 1 - abs(pixels - x)).T
    return weights / weights.sum()


# --- Gabor kernels, as the first layer of AlexNet learns them ---


@_entry(_DAUGMAN, OTHER)
def gabor(angle: float = 0.0, wavelength: float = 8.0, phase: float = 0.0) -> Weights:
    """Wave under a Gaussian: responds to stripes of one width and direction; angle and phase in degrees."""
    _require("gabor", "angle", angle, math.isfinite(angle), "a finite number")
    _require("gabor", "phase", phase, math.isfinite(phase), "a finite number")
    _require("gabor", "wavelength", wavelength, 2 <= wavelength <= 300, "between 2 and 300 pixels")
    sigma = 0.56 * wavelength  # a bandwidth of one octave, and twice as long as wide, as in the visual cortex
    y, x = _grid(math.ceil(3 * sigma))
    turn = math.radians(angle)
    across, along = x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    bell = np.exp(-(across**2 + (along / 2) ** 2) / (2 * sigma**2))
    wave = np.cos(2 * math.pi * across / wavelength + math.radians(phase))
    weights = bell * (wave - (bell * wave).sum() / bell.sum())  # a flat area gives 0
    return weights / abs(weights).sum()


@_entry(_DAUGMAN, OTHER, into=BANKS)
def gabor_bank(orientations: int = 8, wavelength: float = 8.0) -> dict[str, Weights]:
    """Gabor kernels of one wavelength in evenly spaced directions."""
    _require("gabor_bank", "orientations", orientations, 1 <= orientations <= 36, "between 1 and 36")
    angles = (180 * i / orientations for i in range(orientations))
    return {f"gabor:angle={angle:g},wavelength={wavelength:g}": gabor(angle, wavelength) for angle in angles}


def _gaussian(sigma: float, radius: int) -> np.ndarray:
    bell = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    bell /= bell.sum()
    return np.outer(bell, bell)


def _grid(radius: int) -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    return y, x


def _radius(kernel: str, parameter: str, sigma: float) -> int:
    largest = MAX_SIZE // 2 / 4
    _require(kernel, parameter, sigma, 0.1 <= sigma <= largest, f"between 0.1 and {largest:g} pixels")
    return max(1, int(4 * sigma + 0.5))


def _size(kernel: str, parameter: str, size: int) -> int:
    _require(kernel, parameter, size, 1 <= size <= MAX_SIZE, f"between 1 and {MAX_SIZE}")
    return size


def _require(kernel: str, parameter: str, value: float, holds: bool, wanted: str) -> None:
    if not holds:
        raise UsageError(f"kernel {kernel}: {parameter} must be {wanted}, got {value:g}")
