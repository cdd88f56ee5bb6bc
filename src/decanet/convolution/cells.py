"""Simple and complex cells of the visual cortex, as filters.

Hubel and Wiesel (1962) found cells that answer to a bar or an edge of one orientation. *Simple* cells answer at one
position only, and with the opposite sign to the opposite contrast: a Gabor filter, a convolution. *Complex* cells
answer to the same orientation wherever it lies within their field. The energy model (E. H. Adelson, J. R. Bergen, 1985)
makes a complex cell of two simple ones a quarter of a period apart, a quadrature pair: sqrt(even^2 + odd^2). When the
pattern is shifted, the simple responses rise and fall, and the energy stays.

In a network the convolution corresponds to the simple cells, and pooling to the complex ones: the S and C cells of the
Neocognitron (K. Fukushima, 1980). Fully connected layers, with which complex cells are sometimes compared, correspond
to neither.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from decanet.convolution.images import correlate
from decanet.convolution.kernels import gabor
from decanet.core.errors import UsageError

Array = NDArray[np.float64]
PHASES = 48  # positions of the pattern over one period


@dataclass(frozen=True, eq=False)
class Cells:
    """Responses of a quadrature pair and of its energy, while a pattern is shifted.

    Attributes:
        wavelength, angle: of the filters, in pixels and degrees.
        even, odd: the two kernels, (k, k); the second is a quarter of a period later.
        phases: (48,) shift of the grating in degrees of its period.
        grating: (48, 2), responses of both simple cells in the middle of the grating.
        energy: (48,), response of the complex cell there.
        image: (H, W) in 0..1.
        image_even, image_odd: (H, W), responses of the simple cells to the image.
        image_energy: (H, W), response of the complex cell.
        shifts: (n,) pixels by which the image is shifted across the filters' stripes.
        image_simple, image_complex: (n,), at the pixel of the largest energy, while the image is shifted.
    """

    wavelength: float
    angle: float
    even: Array
    odd: Array
    phases: Array
    grating: Array
    energy: Array
    image: Array
    image_even: Array
    image_odd: Array
    image_energy: Array
    shifts: Array
    image_simple: Array
    image_complex: Array

    @property
    def modulation(self) -> tuple[float, float]:
        """How much the simple and the complex response to the grating vary: (highest - lowest) / (highest + lowest).

        Of the absolute values: 1 where a response passes through 0, and 0 where it stays the same.
        """
        return _modulation(self.grating[:, 0]), _modulation(self.energy)


def compare_cells(image: Array, wavelength: float = 8.0, angle: float = 0.0) -> Cells:
    """Compute the responses to a grating of any phase and to an image.

    Args:
        image: gray, (H, W) in 0..1.
        wavelength: of the filters and of the grating, in pixels.
        angle: direction across the stripes, in degrees.

    Raises:
        UsageError: the wavelength is out of range, or the image is smaller than the filter.
    """
    pair = gabor(angle, wavelength, 0.0), gabor(angle, wavelength, 90.0)
    even, odd = (np.asarray(kernel, dtype=np.float64) for kernel in pair)
    if min(image.shape) <= len(even):
        raise UsageError(
            f"the image has {image.shape[0]}x{image.shape[1]} pixels, and the filter {len(even)}; "
            "use a shorter --wavelength or a larger image"
        )
    phases = np.arange(PHASES) * 360 / PHASES
    responses = np.array([[(kernel * _grating(len(even), wavelength, angle, phase)).sum() for kernel in (even, odd)]
                          for phase in phases])  # fmt: skip
    simple, other = (correlate(image, kernel, padding="reflect") for kernel in (even, odd))
    energy = np.hypot(simple, other)
    edge = len(even)
    inner = energy[edge:-edge, edge:-edge] if min(energy.shape) > 2 * edge else energy
    row, column = np.unravel_index(inner.argmax(), inner.shape)
    offset = edge if inner is not energy else 0
    reach = int(np.ceil(wavelength))
    shifts = np.arange(-reach, reach + 1)
    radians = np.deg2rad(angle)
    rows = np.clip(row + offset - np.rint(shifts * np.sin(radians)).astype(int), 0, len(image) - 1)
    columns = np.clip(column + offset + np.rint(shifts * np.cos(radians)).astype(int), 0, image.shape[1] - 1)
    return Cells(
        wavelength, angle, even, odd, phases, responses, np.hypot(*responses.T), image, simple, other, energy,
        shifts.astype(float), simple[rows, columns], energy[rows, columns],
    )  # fmt: skip


def _grating(size: int, wavelength: float, angle: float, phase: float) -> Array:
    """Stripes of the filters' wavelength and direction in -1..1, shifted by ``phase`` in degrees."""
    place = np.arange(size) - (size - 1) / 2
    x, y = np.meshgrid(place, -place)
    radians = np.deg2rad(angle)
    along = x * np.cos(radians) + y * np.sin(radians)
    return np.cos(2 * np.pi * along / wavelength - np.deg2rad(phase))


def _modulation(values: Array) -> float:
    sizes = abs(values)
    return float((sizes.max() - sizes.min()) / (sizes.max() + sizes.min()))
