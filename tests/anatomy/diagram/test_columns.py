"""Columns: towers and their links, costs of stages, shapes, the division of rows; nothing overlaps in any graph."""

from itertools import combinations

import pytest
from hypothesis import given, settings

from decanet.anatomy.diagram.columns import lay_out_column, make_rows, split
from decanet.anatomy.diagram.graph import Graph
from decanet.anatomy.diagram.pieces import Box
from decanet.anatomy.diagram.structure import structure_of
from tests.anatomy.diagram.graphs import random_graphs, structure


def _rows(name: str):  # type: ignore[no-untyped-def]
    return make_rows(structure(name))


def _apart(a: Box, b: Box) -> bool:
    beside = a.x + a.width <= b.x or b.x + b.width <= a.x
    return beside or a.y + a.height <= b.y or b.y + b.height <= a.y


@given(random_graphs())
@settings(max_examples=25)
def test_boxes_of_any_graph_are_apart_and_the_main_line_goes_down(graph: Graph) -> None:
    column = lay_out_column(make_rows(structure_of(graph)))
    boxes = column.piece.boxes
    assert len(boxes) == len({title for box in boxes for title in box.lines})
    assert all(_apart(a, b) for a, b in combinations(boxes, 2))
    assert max(box.y + box.height for box in boxes) < column.spine_end


def test_conv3_and_the_fully_connected_layers_of_alexnet_read_both_towers() -> None:
    """Figure 2 of Krizhevsky et al. (2012)."""
    rows = _rows("alexnet_two_tower")
    assert [row.towers for row in rows] == [0, *[2] * 10, 0]
    assert [row.stages[0] for row in rows[2:] if row.dense] == ["conv3", "fc6", "fc7"]
    links = [edge.points for edge in lay_out_column(rows).piece.edges if edge.arrow]
    crossing = [(a, b) for a, b in links if a[0] * b[0] < 0]
    assert len(crossing) == 2 * 3


def test_grouped_convolutions_of_other_networks_are_no_towers() -> None:
    assert not any(row.towers for row in _rows("resnext50_32x4d"))


def test_stages_have_their_costs_once() -> None:
    costs = {row.stages: row.costs for row in _rows("resnet50") if row.begins and row.costs}
    assert (
        costs[("conv1",)] == "9.54 k · 118 M"
    )  # 64 * 3 * 7 * 7 weights + 2 * 64; times 112 * 112 without the latter
    assert costs[("fc",)] == "2.05 M · 2.05 M"
    assert list(costs) == [("conv1",), ("conv2_x",), ("conv3_x",), ("conv4_x",), ("conv5_x",), ("fc",)]


def test_shapes_stand_where_they_change() -> None:
    shapes = [row.shape for row in _rows("lenet5")]
    assert shapes == [
        "",
        "6 × 28 × 28",
        "6 × 14 × 14",
        "16 × 10 × 10",
        "16 × 5 × 5",
        "120 × 1 × 1",
        "84",
        "10",
    ]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_rows_are_divided_in_their_order_into_columns_of_similar_height(count: int) -> None:
    rows = _rows("resnet50")
    columns = split(rows, count, at_stages=False)
    assert [row for column in columns for row in column] == rows
    assert len(columns) == count
    heights = [lay_out_column(column).height for column in columns]
    assert max(heights) < 1.7 * sum(heights) / count


def test_columns_begin_with_a_stage_and_towers_are_not_divided() -> None:
    first, second = split(_rows("resnet50"), 2, at_stages=True)
    assert first[-1].stages != second[0].stages
    assert [len(column) for column in split(_rows("alexnet_two_tower"), 2, at_stages=False)] in (
        [1, 11],
        [12],
    )
