"""The figure of the autocorrelation."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from skimage.data import chelsea

from decanet.convolution.figures.statistics import draw_statistics
from decanet.convolution.statistics import (
    measure,
    noise_like,
    verdict,
)
from decanet.data.image_io import gray_of


def test_the_panels_have_equal_height_and_the_title_is_the_verdict():
    for cat in (gray_of(chelsea()[:60, :100]), gray_of(chelsea()[:100, :60])):
        natural = measure(cat)
        figure = draw_statistics(natural, measure(noise_like(cat)))
        FigureCanvasAgg(figure).draw()
        heights = [axes.get_window_extent().height for axes in figure.subfigs[0].axes[:4]]
        assert max(heights) < 1.06 * min(heights)
        assert figure.get_suptitle() == verdict(natural)


def test_the_figure_shows_autocorrelations_decay_and_both_laws():
    cat = gray_of(chelsea()[:60, :100])
    natural, noise = measure(cat), measure(noise_like(cat))
    above, below = draw_statistics(natural, noise).subfigs
    for axes, values in zip(above.axes, (cat, natural.correlation, noise.image, noise.correlation)):
        np.testing.assert_array_equal(axes.images[0].get_array(), values)
    assert above.axes[1].get_xlabel() == "shift across (pixels)"
    scales = [(axes.get_xscale(), axes.get_yscale()) for axes in below.axes[:3]]
    assert scales == [("linear", "linear"), ("linear", "log"), ("log", "log")]
    for axes in below.axes[:3]:
        assert (axes.get_xlabel(), axes.get_ylabel()) == ("Distance (pixels)", "Correlation")
        names = [line.get_label().partition(":")[0] for line in axes.lines]
        assert names == ["image", "random matrix", "exponential", "power"]
        for line, law in zip(axes.lines[2:], ("exponential", "power")):
            np.testing.assert_array_equal(line.get_ydata(), natural.fits[law](line.get_xdata()))
    np.testing.assert_array_equal(below.axes[0].lines[0].get_ydata(), natural.radial)


def test_noise_is_drawn_without_a_law():
    noise = measure(np.random.default_rng(0).random((50, 80)))
    figure = draw_statistics(noise, noise)
    assert [len(axes.lines) for axes in figure.subfigs[1].axes[:3]] == [2, 2, 2]
    assert figure.get_suptitle().startswith("No law is fitted")


def test_neighbors_and_the_power_spectrum_are_drawn_with_the_fitted_exponent():
    cat = gray_of(chelsea())
    natural = measure(cat)
    scatter, spectrum = draw_statistics(natural, measure(noise_like(cat))).subfigs[1].axes[3:]
    pixel, neighbor = scatter.collections[0].get_offsets().T
    assert np.corrcoef(pixel, neighbor)[0, 1] > 0.9
    np.testing.assert_array_equal(spectrum.lines[0].get_ydata(), natural.spectrum.power)
    x, y = spectrum.lines[2].get_data()
    slope = np.log(y[1] / y[0]) / np.log(x[1] / x[0])
    assert abs(slope + natural.spectrum.exponent) < 1e-9
    assert f"{natural.spectrum.exponent:.1f}" in spectrum.get_title()
