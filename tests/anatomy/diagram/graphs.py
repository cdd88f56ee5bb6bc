"""Graphs for the tests of the diagram: random ones, and a network whose layers read each other across branches."""

import functools

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

from decanet.anatomy.diagram.graph import Graph, Node, record
from decanet.anatomy.diagram.layout import Diagram, compute
from decanet.anatomy.diagram.structure import Structure, structure_of

FAMILIES = (
    "alexnet_two_tower", "googlenet", "resnet50", "densenet121", "senet154", "vit_b16", "lenet5", "resnet110_cifar",
)  # fmt: skip


@functools.cache
def graph_of(name: str) -> Graph:
    """The graph of a registered network."""
    return record(name)


@functools.cache
def structure(name: str) -> Structure:
    """The structure of a registered network."""
    return structure_of(graph_of(name))


@functools.cache
def diagram(name: str) -> Diagram:
    """The diagram of a registered network."""
    return compute(name)


@st.composite
def random_graphs(draw: st.DrawFn) -> Graph:
    """Graphs of up to twelve layers, each of which reads one to three of the layers before it."""
    nodes = [Node("", "", "input", "image", (3, 8, 8))]
    for index in range(1, draw(st.integers(2, 12))):
        sources = draw(st.sets(st.integers(0, index - 1), min_size=1, max_size=3))
        kind = "conv" if len(sources) == 1 else "join"
        path = f"layers.{index}"
        nodes.append(Node(path, "layers", kind, f"layer {index}", (index, 8, 8), tuple(sorted(sources))))
    return Graph("random", tuple(nodes), (len(nodes) - 1,))


class Crossed(nn.Module):
    """Two branches, one of which reads the other: no series-parallel graph."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, padding=1)
        self.left = nn.Conv2d(8, 8, 3, padding=1)
        self.right = nn.Conv2d(8, 8, 1)
        self.head = nn.Linear(8, 4)

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> (N, 4)."""
        x = self.stem(x)
        left = self.left(x)
        right = self.right(x + left)
        return self.head(torch.cat([left, right, x], 1)[:, :8].mean((2, 3)))
