"""Cells: which normalization and activation belongs to which layer."""

from torch import nn

from decanet.anatomy.diagram.cells import Cell, make_cells
from decanet.anatomy.diagram.graph import record
from tests.anatomy.diagram.graphs import graph_of


def _texts(cells: tuple[Cell, ...]) -> list[tuple[tuple[str, ...], str, tuple[str, ...]]]:
    return [(cell.before, cell.title, cell.after) for cell in cells[1:]]


def test_layers_after_a_convolution_belong_to_it_and_layers_before_the_first_one_too() -> None:
    own = nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.Conv2d(3, 8, 1), nn.ReLU(), nn.MaxPool2d(2))
    cells, outputs, note = make_cells(record(own, (3, 8, 8)))
    assert _texts(cells) == [
        (("batch norm", "ReLU"), "1×1 conv, 8", ("ReLU",)),
        ((), "2×2 max pool, stride 2", ()),
    ]
    assert (outputs, note) == ((2,), "")


def test_an_activation_after_an_addition_belongs_to_the_block_of_the_addition_only() -> None:
    """ResNet's ReLU ends a block; the normalization of a pre-activation unit begins the next one."""
    joins = [cell for cell in make_cells(graph_of("resnet20_cifar"))[0] if cell.kind == "join"]
    assert {cell.after for cell in joins} == {("ReLU",)}
    joins = [cell for cell in make_cells(graph_of("preact_resnet110_cifar"))[0] if cell.kind == "join"]
    assert {cell.after for cell in joins} == {()}


def test_what_follows_every_convolution_is_said_once() -> None:
    cells, _, note = make_cells(graph_of("resnet50"))
    assert note == "batch norm"
    assert {cell.after for cell in cells if cell.kind == "conv"} == {("ReLU",), ()}
    assert make_cells(graph_of("inception_v3"))[2] == "batch norm and ReLU"
    assert make_cells(graph_of("alexnet"))[2] == ""  # five convolutions state it themselves


def test_what_no_output_depends_on_is_left_out() -> None:
    class Unused(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.unused = nn.Conv2d(3, 4, 1), nn.Conv2d(3, 5, 1)

        def forward(self, x):  # type: ignore[no-untyped-def]
            self.unused(x)
            return self.used(x)

    assert _texts(make_cells(record(Unused(), (3, 8, 8)))[0]) == [((), "1×1 conv, 4", ())]
