"""Cells of a diagram: a layer with the normalization, activation and dropout that belong to it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import takewhile

from decanet.anatomy.diagram.graph import Graph, Node

LIGHT = frozenset({"norm", "activation", "dropout", "other"})
FEWEST_TO_OMIT = (
    8  # convolutions that all have the same layers behind them: one note instead of a line in each box
)


@dataclass(frozen=True)
class Cell:
    """What one box of a diagram shows.

    Attributes:
        kind: see :class:`decanet.anatomy.diagram.graph.Node`.
        title: the layer, for instance ``"3×3 conv, 64"``; empty where there are only layers without a box.
        before: normalization and activation that precede it.
        after: normalization, activation and dropout that follow it.
        shape: of the output of the last of them, without the batch axis.
        inputs: positions of the cells that it reads.
        stage: name of the stage.
        paths: attribute paths of the modules.
        groups: groups of a convolution; 1 elsewhere.
        params: parameters.
        macs: multiply-adds for one image.
    """

    kind: str
    title: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    shape: tuple[int, ...]
    inputs: tuple[int, ...]
    stage: str
    paths: tuple[str, ...]
    groups: int
    params: int
    macs: int


def make_cells(graph: Graph) -> tuple[tuple[Cell, ...], tuple[int, ...], str]:
    """Join each layer with the light layers that belong to it.

    Returns:
        The cells in the order in which they run, the positions of the cells of the outputs, and what follows every
        convolution, which the cells then do not state; empty where nothing does.
    """
    nodes, readers = graph.nodes, _readers(graph)
    groups: list[list[int]] = []
    cell_of: dict[int, int] = {}
    for index, node in enumerate(nodes):
        if index not in readers:
            continue  # nothing depends on it
        source = node.inputs[0] if len(node.inputs) == 1 else None
        if (
            source is not None
            and readers[source] == [index]
            and _belongs(groups[cell_of[source]], node, nodes)
        ):
            groups[cell_of[source]].append(index)
            cell_of[index] = cell_of[source]
        else:
            cell_of[index] = len(groups)
            groups.append([index])
    cells = [_cell(group, nodes, cell_of) for group in groups]
    outputs = tuple(dict.fromkeys(cell_of[output] for output in graph.outputs))
    followers = [cell.after for cell in cells if cell.kind == "conv"]
    common = _common_start(followers) if len(followers) >= FEWEST_TO_OMIT else ()
    shortened = (
        replace(cell, after=cell.after[len(common) :]) if cell.kind == "conv" else cell for cell in cells
    )
    return tuple(shortened), outputs, " and ".join(common)


def _common_start(texts: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    equal = takewhile(lambda column: len(set(column)) == 1, zip(*texts, strict=False))
    return tuple(column[0] for column in equal)


def _readers(graph: Graph) -> dict[int, list[int]]:
    """The nodes that read each node, for the nodes on which an output depends."""
    readers: dict[int, list[int]] = {output: [] for output in graph.outputs}
    for index in range(len(graph.nodes) - 1, -1, -1):
        if index in readers:
            for source in graph.nodes[index].inputs:
                readers.setdefault(source, []).insert(0, index)
    return readers


def _belongs(group: Sequence[int], node: Node, nodes: Sequence[Node]) -> bool:
    """Whether ``node``, the only reader of the last node of ``group``, is drawn in the same box."""
    members = [nodes[index] for index in group]
    heavy = next((member for member in members if member.kind not in LIGHT), None)
    if node.kind not in LIGHT:  # layers before a convolution are drawn in its box
        return heavy is None and node.kind != "join"
    if heavy is None:
        return True
    # What follows the flattening of feature maps belongs to the fully connected layer behind it.
    if heavy.kind == "input" or len(node.shape) != len(members[-1].shape):
        return False
    if heavy.kind == "join":  # a layer of the same block, not the first of the next one
        return bool(heavy.path) and node.path.startswith(heavy.path + ".")
    return node.kind != "other" or (bool(node.path) and heavy.path.startswith(node.path))


def _cell(group: Sequence[int], nodes: Sequence[Node], cell_of: dict[int, int]) -> Cell:
    members = [nodes[index] for index in group]
    position = next((k for k, member in enumerate(members) if member.kind not in LIGHT), None)
    heavy = members[0 if position is None else position]
    texts = [member.text for member in members]
    before, after = (texts, []) if position is None else (texts[:position], texts[position + 1 :])
    return Cell(
        kind=heavy.kind if position is not None else "norm",
        title=heavy.text if position is not None else "",
        before=tuple(before),
        after=tuple(after),
        shape=members[-1].shape,
        inputs=tuple(dict.fromkeys(cell_of[source] for source in members[0].inputs)),
        stage=heavy.stage,
        paths=tuple(member.path for member in members),
        groups=heavy.groups,
        params=sum(member.params for member in members),
        macs=sum(member.macs for member in members),
    )
