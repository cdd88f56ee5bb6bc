"""Power spectra of images with known laws."""

import numpy as np
import pytest

from decanet.convolution.spectrum import mean_spectrum, power_spectrum
from decanet.core.errors import DataError


def noise_of_law(exponent: float, size: int = 256, seed: int = 0) -> np.ndarray:
    """Noise whose power falls as 1 / f^exponent."""
    random = np.random.default_rng(seed)
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None, :])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(random.normal(size=(size, size))) * frequency ** (-exponent / 2)
    return np.fft.irfft2(spectrum, (size, size))


@pytest.mark.parametrize("exponent", [0.0, 1.0, 2.0, 3.0])
def test_the_exponent_of_a_known_law_is_found(exponent: float) -> None:
    found = power_spectrum(noise_of_law(exponent))
    assert found.exponent == pytest.approx(exponent, abs=0.12)
    assert (np.diff(found.frequencies) > 0).all()


def test_a_mean_over_images_is_less_noisy() -> None:
    images = [noise_of_law(2.0, 32, seed) for seed in range(40)]
    assert mean_spectrum(images).exponent == pytest.approx(2.0, abs=0.25)


def test_images_without_a_spectrum_are_refused() -> None:
    with pytest.raises(DataError, match="8x8"):
        power_spectrum(np.random.default_rng(0).random((7, 20)))
    with pytest.raises(DataError):
        power_spectrum(np.ones((20, 20)))
