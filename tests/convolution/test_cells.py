"""Simple cells change with the phase of a pattern, complex cells do not."""

import numpy as np
import pytest
from scipy.ndimage import correlate

from decanet.convolution.cells import compare_cells
from decanet.core.errors import UsageError

X = np.arange(96)


def grating(wavelength: float, phase: float = 0.0) -> np.ndarray:
    return np.repeat((0.5 + 0.5 * np.cos(2 * np.pi * X / wavelength + phase))[None], 96, axis=0)


@pytest.mark.parametrize(("wavelength", "angle"), [(8.0, 0.0), (6.0, 30.0), (12.0, 90.0)])
def test_the_energy_stays_where_the_simple_responses_change(wavelength: float, angle: float) -> None:
    cells = compare_cells(grating(8.0), wavelength, angle)
    simple, energy = cells.modulation
    assert simple > 0.95
    assert energy < 0.02
    np.testing.assert_allclose(cells.energy**2, (cells.grating**2).sum(axis=1))


def test_responses_to_an_image_are_scipys_correlation() -> None:
    image = np.random.default_rng(0).random((60, 70))
    cells = compare_cells(image, 5.0, 45.0)
    for kernel, found in ((cells.even, cells.image_even), (cells.odd, cells.image_odd)):
        np.testing.assert_allclose(found, correlate(image, kernel, mode="mirror"), atol=1e-6)
    np.testing.assert_allclose(cells.image_energy, np.hypot(cells.image_even, cells.image_odd))


def test_a_shifted_grating_as_an_image_changes_the_simple_response_only() -> None:
    cells = compare_cells(grating(8.0), 8.0)
    assert cells.image_simple.min() < 0 < cells.image_simple.max()
    assert np.ptp(cells.image_complex) < 0.02 * cells.image_complex.max()


def test_a_flat_image_gives_no_answer() -> None:
    cells = compare_cells(np.full((64, 64), 0.7))
    assert abs(cells.image_energy).max() < 1e-6


def test_an_image_smaller_than_the_filter_is_refused() -> None:
    with pytest.raises(UsageError, match="shorter --wavelength"):
        compare_cells(np.zeros((20, 20)), 8.0)
