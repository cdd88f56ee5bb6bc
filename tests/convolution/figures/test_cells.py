"""The figure of simple and complex cells."""

import numpy as np

from decanet.convolution.cells import compare_cells
from decanet.convolution.figures.cells import draw_cells


def test_the_curves_are_the_responses_and_the_correction_is_written() -> None:
    cells = compare_cells(np.random.default_rng(0).random((60, 70)), 6.0)
    figure = draw_cells(cells)
    above, below = figure.subfigs
    curves = above.axes[2].lines
    np.testing.assert_array_equal(curves[0].get_ydata(), cells.grating[:, 0])
    np.testing.assert_array_equal(curves[2].get_ydata(), cells.energy)
    assert "complex by" in above.axes[2].get_title()
    assert "not fully connected layers" in below.get_supxlabel()
    np.testing.assert_array_equal(below.axes[3].images[0].get_array(), cells.image_energy)
