"""Arrays drawn as cells."""

import numpy as np

from decanet.convolution.layer_examples._board import new_board
from tests.convolution.layer_examples._printed import cells


def test_cells_lie_in_rows_and_columns_with_their_numbers_and_colors():
    figure, board = new_board(6, 5, "title")
    values = np.array([[1.0, -2.0, 0.0], [4.0, np.inf, -4.0]])
    board.cells(1, 2, values, "block", bold=values == 4, rows=["r0", "r1"], columns=["c0", "c1", "c2"])
    np.testing.assert_array_equal(cells(figure, "block"), values.ravel())
    places = [patch.get_xy() for patch in board.axes.patches]
    assert places == [(1 + j, 2 + i) for i in range(2) for j in range(3)]
    red, _, blue, _ = np.array([patch.get_facecolor() for patch in board.axes.patches]).T
    sign = np.sign(np.where(np.isfinite(values), values, 0)).ravel()
    assert np.all((red - blue)[sign > 0] > 0.1)
    assert np.all((blue - red)[sign < 0] > 0.1)
    assert np.all(abs(red - blue)[sign == 0] < 0.05)
    assert [patch.get_linewidth() > 1.5 for patch in board.axes.patches] == [False] * 3 + [True] + [False] * 2
    assert {"r0", "r1", "c0", "c1", "c2", "block"} <= {text.get_text() for text in board.axes.texts}
    assert figure.get_suptitle() == "title"


def test_a_limit_makes_colors_of_two_blocks_comparable():
    _, board = new_board(4, 2, "")
    board.cells(0, 1, np.array([1.0]), "small", limit=10)
    board.cells(2, 1, np.array([10.0]), "large", limit=10)
    small, large = (np.array(patch.get_facecolor()) for patch in board.axes.patches)
    assert small[2] > large[2] + 0.1  # closer to white
    board.cells(0, 0, np.array([1.0, -1.0]), "colored", color="#0072b2")
    assert board.axes.patches[-1].get_facecolor() == board.axes.patches[-2].get_facecolor()
