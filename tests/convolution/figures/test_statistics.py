"""The figure of the autocorrelation."""

from matplotlib.backends.backend_agg import FigureCanvasAgg
from skimage.data import chelsea

from decanet.convolution.figures.statistics import draw_statistics
from decanet.convolution.statistics import (
    measure,
    noise_like,
    verdict,
)
from decanet.data.image_io import gray_of


def test_the_figures_panels_are_of_equal_height_and_its_title_is_the_verdict():
    for cat in (gray_of(chelsea()[:120, :200]), gray_of(chelsea()[:200, :120])):
        natural = measure(cat)
        figure = draw_statistics(natural, measure(noise_like(cat)))
        FigureCanvasAgg(figure).draw()
        heights = [axes.get_window_extent().height for axes in figure.subfigs[0].axes[:4]]
        assert max(heights) < 1.06 * min(heights)
        assert figure.get_suptitle() == verdict(natural)
