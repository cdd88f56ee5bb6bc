"""Autocorrelation against its definition, and the fitted laws."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.signal import lfilter
from scipy.stats import linregress
from skimage.data import chelsea

from decanet.convolution.figures.statistics import draw_statistics
from decanet.convolution.statistics import (
    Statistics,
    autocorrelation,
    fit_decay,
    measure,
    measure_many,
    noise_like,
    radial_average,
    verdict,
)
from decanet.core.errors import DataError
from decanet.data.image_io import gray_of


def correlation_by_definition(image, dy, dx):
    """Mean over all pairs within the image, in two loops."""
    height, width = image.shape
    centerd = image - image.mean()
    products = [
        centerd[y, x] * centerd[y + dy, x + dx]
        for y in range(height)
        for x in range(width)
        if 0 <= y + dy < height and 0 <= x + dx < width
    ]
    return float(np.mean(products)) / image.var()


@given(height=st.integers(2, 7), width=st.integers(2, 7), seed=st.integers(0, 999))
@settings(max_examples=25, deadline=None)
def test_autocorrelation_is_its_definition(height, width, seed):
    image = np.random.default_rng(seed).uniform(0, 255, (height, width))
    reach = min(height, width) - 1
    rho = autocorrelation(image, reach)
    assert rho.shape == (2 * reach + 1, 2 * reach + 1)
    for dy in range(-reach, reach + 1):
        for dx in range(-reach, reach + 1):
            expected = correlation_by_definition(image, dy, dx)
            assert rho[dy + reach, dx + reach] == pytest.approx(expected, abs=1e-10)


def test_autocorrelation_is_invariant_to_brightness_and_contrast():
    image = np.random.default_rng(0).uniform(0, 1, (40, 60))
    np.testing.assert_allclose(autocorrelation(image), autocorrelation(7.0 - 3.0 * image), atol=1e-12)


def test_autocorrelation_finds_a_known_law():
    """Noise through y[i] = 0.8 y[i-1] + noise, both ways, has the correlation 0.8^(|dy| + |dx|)."""
    noise = np.random.default_rng(0).standard_normal((700, 700))
    image = lfilter([1.0], [1.0, -0.8], lfilter([1.0], [1.0, -0.8], noise, axis=0), axis=1)[100:, 100:]
    rho = autocorrelation(image, 3)
    away = np.abs(np.arange(-3, 4))
    np.testing.assert_allclose(rho, 0.8 ** (away[:, None] + away[None, :]), atol=0.03)


def test_radial_average_counts_every_pair_once():
    image = np.random.default_rng(1).uniform(0, 1, (12, 9))
    reach = 4
    rho = autocorrelation(image, reach)
    distances, radial = radial_average(rho, image.shape)
    assert distances.shape == radial.shape == (5,)
    for ring in range(5):
        weight = total = length = 0.0
        for dy in range(-reach, reach + 1):
            for dx in range(-reach, reach + 1):
                if round(math.hypot(dy, dx)) == ring:
                    pairs = (12 - abs(dy)) * (9 - abs(dx))
                    weight += pairs
                    total += pairs * rho[dy + reach, dx + reach]
                    length += pairs * math.hypot(dy, dx)
        assert radial[ring] == pytest.approx(total / weight)
        assert distances[ring] == pytest.approx(length / weight)


@pytest.mark.parametrize(("law", "k"), [("exponential", 0.04), ("power", 0.6)])
def test_fit_finds_an_exact_law(law, k):
    x = np.arange(0.0, 30.0)
    with np.errstate(divide="ignore"):
        rho = 0.9 * (np.exp(-k * x) if law == "exponential" else x**-k)
    fit = fit_decay(x, rho, law)
    assert fit is not None
    assert (fit.amplitude, fit.k) == (pytest.approx(0.9), pytest.approx(k))
    assert fit.r_squared == pytest.approx(1.0)
    assert fit.k_error < 1e-9
    assert fit.points == 29
    np.testing.assert_allclose(fit(x[1:]), rho[1:])


@pytest.mark.parametrize("law", ["exponential", "power"])
def test_fit_errors_are_those_of_linear_regression(law):
    x = np.arange(1.0, 25.0)
    rho = np.exp(-0.05 * x + 0.05 * np.random.default_rng(2).standard_normal(24))
    fit = fit_decay(x, rho, law)
    line = linregress(x if law == "exponential" else np.log(x), np.log(rho))
    assert fit is not None
    assert fit.k == pytest.approx(-line.slope)
    assert fit.k_error == pytest.approx(line.stderr)
    assert fit.r_squared == pytest.approx(line.rvalue**2)
    assert fit.amplitude == pytest.approx(math.exp(line.intercept))


def test_fit_stops_where_the_correlation_has_faded():
    x = np.arange(6.0)
    fit = fit_decay(x, np.array([1.0, 0.8, 0.6, 0.4, -0.1, 0.7]), "exponential")
    assert fit is not None
    assert fit.points == 3
    assert fit_decay(x, np.array([1.0, 0.8, 0.6, 0.01, 0.6, 0.6]), "exponential") is None


def test_a_photograph_is_correlated_and_noise_is_not():
    cat = measure(gray_of(chelsea()))
    snow = measure(noise_like(cat.image))
    assert min(cat.neighbors) > 0.9
    assert max(np.abs(snow.neighbors)) < 5 / math.sqrt(cat.image.size)
    assert np.abs(snow.radial[1:]).max() < 0.02
    assert snow.fits == {"exponential": None, "power": None}
    assert cat.radial[1] > cat.radial[8] > cat.radial[32]
    exponential, power = cat.fits["exponential"], cat.fits["power"]
    assert exponential is not None
    assert power is not None
    assert exponential.r_squared > 0.95
    assert power.k > 0
    figure = draw_statistics(cat, snow)
    labels = [
        text.get_text() for sub in figure.subfigs for legend in sub.legends for text in legend.get_texts()
    ]
    assert len(labels) == 4


def test_noise_has_the_images_size_mean_and_deviation():
    image = np.random.default_rng(0).uniform(10, 20, (200, 300))
    noise = noise_like(image)
    assert noise.shape == image.shape
    assert noise.mean() == pytest.approx(image.mean(), abs=0.1)
    assert noise.std() == pytest.approx(image.std(), rel=0.02)
    np.testing.assert_array_equal(noise, noise_like(image))


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (np.zeros((0, 0)), "at least 2x2"),
        (np.zeros((1, 9)), "at least 2x2"),
        (np.zeros((4, 4, 3)), "at least 2x2"),
        (np.full((4, 4), 3.0), "equal"),
        (np.full((4, 4), np.nan), "NaN"),
    ],
)
def test_images_without_statistics_are_refused_in_one_line(image, message):
    with pytest.raises(DataError, match=message) as caught:
        measure(image)
    assert "\n" not in caught.value.line


def test_bad_distances_are_refused():
    with pytest.raises(DataError, match="1 to 4 pixels"):
        autocorrelation(np.eye(5), 5)


def test_images_that_are_too_large_are_refused(monkeypatch):
    monkeypatch.setattr("decanet.convolution.statistics.MOST_PIXELS", 1000)
    with pytest.raises(DataError, match="64x32 pixels is too large"):
        measure(np.random.default_rng(0).uniform(0, 1, (32, 64)))


def test_the_verdict_names_the_law_that_fits_better():
    x = np.arange(40.0)
    for law, rho in (("exponential", np.exp(-0.05 * x)), ("power", (x + 1e-9) ** -0.4)):
        fits = {name: fit_decay(x, rho, name) for name in ("exponential", "power")}
        statistics = Statistics(np.zeros((2, 2)), np.zeros((3, 3)), x, rho, fits)
        assert verdict(statistics).startswith(f"The {law} law fits better: R² 1.000 against 0.")
    assert "equally well" in verdict(
        Statistics(
            np.zeros((2, 2)), np.zeros((3, 3)), x, rho, {"power": fits["power"], "exponential": fits["power"]}
        )
    )
    assert verdict(measure(noise_like(np.random.default_rng(0).random((40, 40))))).startswith(
        "No law is fitted"
    )


def test_statistics_of_many_images_are_the_weighted_mean_and_leave_constant_ones_out():
    random = np.random.default_rng(0)
    images = [
        random.normal(size=(24, 24)),
        3 * random.normal(size=(24, 24)).cumsum(axis=1),
        np.ones((24, 24)),
    ]
    found = measure_many(images)
    assert found.count == 2
    weights = [image.var() for image in images[:2]]
    expected = np.average([autocorrelation(image) for image in images[:2]], axis=0, weights=weights)
    np.testing.assert_allclose(found.correlation, expected)
    larger = measure_many([np.pad(images[0], 4, constant_values=9.0), images[0]])
    np.testing.assert_allclose(larger.correlation, autocorrelation(images[0]))
    with pytest.raises(DataError, match="no image"):
        measure_many([np.ones((5, 5))])
