"""Pieces: extents, and the estimated width of text against matplotlib's."""

import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from decanet.anatomy.diagram.pieces import Box, Frame, Piece, Text, text_width


@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize(
    "text",
    ["3×3 conv, 1024, stride 2", "inception_4a", "37.8 M · 37.7 M", "64 × 112 × 112", "batch norm, ReLU"],
)
def test_the_estimated_width_of_text_is_that_of_the_font_or_a_little_more(text: str, bold: bool) -> None:
    font = FontProperties(family="DejaVu Sans", size=100, weight="bold" if bold else "normal")
    width, _, _ = TextToPath().get_text_width_height_descent(text, font, ismath=False)
    assert width / 100 <= text_width(text, bold) <= 1.1 * width / 100


def test_the_right_end_of_a_piece_between_two_heights() -> None:
    piece = Piece([Box(-1, 0, 2, 1, "conv", ("x",))], frames=[Frame(-3, 5, 6, 2)])
    assert (piece.left(), piece.right(), piece.right(0, 2), piece.right(2, 4)) == (-3, 3, 1, 0)
    piece.line((0, 3), (8, 3))
    assert piece.right(2, 4) == 8


def test_a_piece_is_moved_with_all_that_it_has() -> None:
    piece, part = Piece(), Piece([Box(0, 0, 1, 1, "conv", ())], texts=[Text(0, 0, "x", "shape")])
    part.line((0, 0), (0, 1))
    piece.add(part, 2, 3)
    assert (piece.boxes[0].x, piece.boxes[0].y) == (2, 3)
    assert piece.edges[0].points == ((2, 3), (2, 4))
    assert (piece.texts[0].x, piece.texts[0].y) == (2, 3)


def test_the_span_of_a_text_follows_its_alignment() -> None:
    width = text_width("64 × 8 × 8")
    ends = [Text(10, 0, "64 × 8 × 8", "shape", align).span for align in ("left", "center", "right")]
    assert [left for left, _ in ends] == pytest.approx([10, 10 - width / 2, 10 - width])
    assert [right for _, right in ends] == pytest.approx([10 + width, 10 + width / 2, 10])
