"""Layouts of blocks: the main line, shortcuts beside it, branches side by side, boxes of one or more lines."""

from dataclasses import replace
from itertools import pairwise

import pytest

from decanet.anatomy.diagram.blocks import lay_out_item, lines_of, tower
from decanet.anatomy.diagram.cells import Cell
from decanet.anatomy.diagram.pieces import Piece
from decanet.anatomy.diagram.structure import Item, Parallel, Repeat
from tests.anatomy.diagram.graphs import structure

CELL = Cell("conv", "3×3 conv, 64", (), ("ReLU",), (64, 8, 8), (0,), "conv1", ("conv1",), 1, 0, 0)


def _first(name: str, kind: type) -> Item:
    return next(item for item in structure(name).chain if isinstance(item, kind))


def _middles(piece: Piece) -> dict[str, float]:
    return {box.lines[0]: box.x + box.width / 2 for box in piece.boxes}


def test_short_texts_stand_in_one_line_and_groups_in_a_line_of_their_own() -> None:
    assert lines_of(CELL) == (("3×3 conv, 64, ReLU",), 0)
    grouped = replace(CELL, title="3×3 conv, 256, stride 2, 64 groups", before=("batch norm",))
    assert lines_of(grouped) == (("batch norm", "3×3 conv, 256, stride 2", "64 groups, ReLU"), 1)
    assert lines_of(replace(CELL, kind="input", title="image", shape=(3, 224, 224))) == (
        ("image, 3 × 224 × 224",),
        0,
    )


def test_a_projection_stands_beside_the_main_line_and_ends_at_the_side_of_the_addition() -> None:
    piece = lay_out_item(_first("resnet50", Parallel), 14)
    places = _middles(piece)
    assert places["1×1 conv, 64, ReLU"] == places["3×3 conv, 64, ReLU"] == places["add, ReLU"] == 0
    (projection,) = (box for box in piece.boxes if box.x > 0)
    assert projection.lines == ("1×1 conv, 256",)
    (addition,) = (box for box in piece.boxes if box.kind == "join")
    ends = [edge.points[-1] for edge in piece.edges if edge.arrow]
    assert (addition.x + addition.width, addition.y + addition.height / 2) in ends
    assert all(edge.kind == "flow" for edge in piece.edges)


def test_a_repeated_block_has_a_frame_around_its_shortcut_and_the_count_beside_it() -> None:
    piece = lay_out_item(_first("resnet50", Repeat), 14)
    (frame,) = piece.frames
    (shortcut,) = (edge for edge in piece.edges if edge.kind == "shortcut" and edge.arrow)
    assert all(frame.x < x < frame.x + frame.width for x, _ in shortcut.points)
    assert all(frame.y < box.y < box.y + box.height < frame.y + frame.height for box in piece.boxes)
    assert [(text.text, text.role, text.x > frame.x + frame.width) for text in piece.texts] == [
        ("× 2", "repeat", True)
    ]


def test_the_branches_of_an_inception_module_stand_side_by_side_above_one_wide_box() -> None:
    piece = lay_out_item(_first("googlenet", Parallel), 14)
    join = next(box for box in piece.boxes if box.kind == "join")
    first = [box for box in piece.boxes if box.y == min(b.y for b in piece.boxes)]
    assert [box.lines[0] for box in first] == ["1×1 conv, 64", "1×1 conv, 96", "1×1 conv, 16", "3×3 max pool"]
    assert all(a.x + a.width < b.x for a, b in pairwise(first))
    into = [edge.points[-1] for edge in piece.edges if edge.arrow and edge.points[-1][1] == join.y]
    assert len(into) == 4
    assert all(join.x < x < join.x + join.width for x, _ in into)


def test_a_layer_of_two_towers_has_half_of_the_channels_in_each() -> None:
    cell = replace(CELL, title="5×5 conv, 256, 2 groups", shape=(256, 27, 27), groups=2)
    piece = tower(cell, 12)
    assert [box.lines for box in piece.boxes] == [("5×5 conv, 128, ReLU",)] * 2
    assert piece.exits == pytest.approx([box.x + box.width / 2 for box in piece.boxes])
