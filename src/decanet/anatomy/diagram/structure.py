"""Structure of a network: chains of cells, branches side by side, blocks that repeat, auxiliary classifiers.

A branch begins where several layers read one tensor and ends at the first layer that depends on all of them (the
immediate post-dominator of the graph). Branches may branch again. Where layers of two branches depend on each other
(no network of this project, but one of a user's may), they form a :class:`Tangle`.
"""

import os.path
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from decanet.anatomy.diagram.cells import Cell, make_cells
from decanet.anatomy.diagram.graph import Graph

LONGEST_UNIT = 8  # items of a chain that may repeat together


@dataclass(frozen=True)
class Parallel:
    """Branches side by side.

    Attributes:
        branches: an empty one is a shortcut.
        join: the cell where they meet; None where the branches around this one end at the same cell.
    """

    branches: "tuple[Chain, ...]"
    join: Cell | None


@dataclass(frozen=True)
class Tangle:
    """Cells in the order in which they run, with links between any of them.

    Attributes:
        cells: the last is the one on which nothing else in the tangle depends.
        links: (from, to) positions in ``cells`` beside those to the next; -1 is the cell before the tangle.
    """

    cells: tuple[Cell, ...]
    links: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Repeat:
    """A block that repeats with layers of the same kinds and sizes; in a dense block, the number of inputs grows.

    Attributes:
        items: the first of the blocks.
        blocks: all of them.
    """

    items: "Chain"
    blocks: "tuple[Chain, ...]"


Item = Cell | Parallel | Tangle | Repeat
Chain = tuple[Item, ...]


@dataclass(frozen=True)
class Structure:
    """A network as a diagram shows it.

    Attributes:
        network: its name.
        chain: from the image to the logits.
        auxiliary: (position in ``chain`` of the item that it reads, its chain) of each auxiliary classifier.
        note: what follows every convolution, in words; empty where the cells state it.
    """

    network: str
    chain: Chain
    auxiliary: tuple[tuple[int, Chain], ...]
    note: str


def structure_of(graph: Graph) -> Structure:
    """Find the chains, branches and repeated blocks of a network."""
    cells, outputs, note = make_cells(graph)
    main = _ancestors(cells, outputs[0])
    builder = _Builder(cells, main, outputs[0])
    chain = builder.chain(0, None)
    auxiliary = []
    for output in outputs[1:]:
        own = _ancestors(cells, output) - main
        first = min(own)
        (source, *_) = (index for index in cells[first].inputs if index in main)
        place = next(k for k, item in enumerate(chain) if any(c is cells[source] for c in cells_of((item,))))
        auxiliary.append((place, _Builder(cells, own, output).chain(first, None)))
    folded, places = _fold(chain, {place for place, _ in auxiliary})
    return Structure(
        graph.network, folded, tuple((places[place], branch) for place, branch in auxiliary), note
    )


def cells_of(chain: Chain) -> Iterator[Cell]:
    """All cells of a chain, those of every repetition included."""
    for item in chain:
        if isinstance(item, Cell):
            yield item
        elif isinstance(item, Parallel):
            for branch in item.branches:
                yield from cells_of(branch)
            if item.join:
                yield item.join
        elif isinstance(item, Tangle):
            yield from item.cells
        else:
            for block in item.blocks:
                yield from cells_of(block)


def _ancestors(cells: Sequence[Cell], output: int) -> set[int]:
    """``output`` and all cells on which it depends."""
    found = {output}
    for index in range(output, -1, -1):
        if index in found:
            found.update(cells[index].inputs)
    return found


class _CrossedError(Exception):
    """A layer of one branch reads a layer of another."""


class _Builder:
    """Builds the chain of the cells ``inside``, all of which lead to ``sink``."""

    def __init__(self, cells: Sequence[Cell], inside: set[int], sink: int) -> None:
        self.cells = cells
        self.readers: dict[int, list[int]] = {index: [] for index in inside}
        for index in sorted(inside):
            for source in cells[index].inputs:
                if source in inside:
                    self.readers[source].append(index)
        # Bit k of after[i]: every path from cell i to the sink leads through cell k.
        after: dict[int, int] = {}
        for index in sorted(inside, reverse=True):
            common = -1
            for reader in self.readers[index]:
                common &= after[reader]
            after[index] = (common if self.readers[index] else 0) | 1 << index
        self.after, self.sink = after, sink

    def chain(self, index: int | None, stop: int | None) -> Chain:
        """The items from cell ``index`` to the sink, or to ``stop``, which is left out."""
        items: list[Item] = []
        while index is not None and index != stop:
            items.append(self.cells[index])
            while index is not None and len(self.readers[index]) > 1:
                end = self._meeting(index)
                item = self._branches(index, end, stop)
                items.append(item)
                if isinstance(item, Parallel) and item.join is None:
                    return tuple(items)
                index = end
            index = self.readers[index][0] if index is not None and self.readers[index] else None
        return tuple(items)

    def _meeting(self, index: int) -> int:
        beyond = self.after[index] & ~(1 << index)
        return (beyond & -beyond).bit_length() - 1

    def _branches(self, start: int, end: int, stop: int | None) -> Item:
        region = self._between(start, end)
        owned = [self._between(start, end, first) for first in self.readers[start]]
        try:
            if sum(map(len, owned)) > len(region):
                raise _CrossedError
            branches = tuple(() if first == end else self.chain(first, end) for first in self.readers[start])
        except _CrossedError:
            if end == stop:  # the branches around these are part of the tangle
                raise
            order = [*sorted(region), end]
            place = {index: k for k, index in enumerate(order)} | {start: -1}
            links = (
                (place[source], k)
                for k, index in enumerate(order)
                for source in self.cells[index].inputs
                if source in place
            )
            far = tuple((source, k) for source, k in links if source != k - 1)
            return Tangle(tuple(self.cells[index] for index in order), far)
        return Parallel(branches, None if end == stop else self.cells[end])

    def _between(self, start: int, end: int, first: int | None = None) -> set[int]:
        """The cells on paths from ``start`` (over ``first``) to ``end``, both ends left out."""
        found: set[int] = set()
        waiting = list(self.readers[start]) if first is None else [first]
        while waiting:
            index = waiting.pop()
            if index != end and index not in found:
                found.add(index)
                waiting += self.readers[index]
        return found


def _fold(chain: Chain, fixed: set[int]) -> tuple[Chain, dict[int, int]]:
    """Fold blocks that repeat; items that an auxiliary classifier reads stay.

    Returns:
        The chain, and the new position of each item of the old one.
    """
    folded: list[Item] = []
    places: dict[int, int] = {}
    index = 0
    while index < len(chain):
        length, count = _repetition(chain, index, fixed)
        places |= {index + k: len(folded) for k in range(length * count)}
        blocks = tuple(chain[index + k * length : index + (k + 1) * length] for k in range(count))
        folded.append(Repeat(blocks[0], blocks) if count > 1 else chain[index])
        index += length * count
    return tuple(folded), places


def _repetition(chain: Chain, start: int, fixed: set[int]) -> tuple[int, int]:
    """The number of items in the block that repeats from ``start`` on, and how often it occurs; (1, 1) for none."""
    best = (1, 1)
    for length in range(1, LONGEST_UNIT + 1):
        unit = chain[start : start + length]
        if len(list(cells_of(unit))) < 2 or not _is_block(unit):
            continue
        count = 1
        while True:
            place = start + count * length
            following = chain[place : place + length]
            if (
                fixed & set(range(place - length, place + length))
                or _signature(following) != _signature(unit)
                or not _is_block(following)
                or _prefix(following) == _prefix(unit)
                or os.path.dirname(_prefix(following)) != os.path.dirname(_prefix(unit))
            ):
                break
            count += 1
        if count > 1 and count * length > best[0] * best[1]:
            best = (length, count)
    return best


def _is_block(items: Chain) -> bool:
    """Whether the items are one module, and of one stage."""
    return bool(_prefix(items)) and len({cell.stage for cell in cells_of(items)}) == 1


def _prefix(items: Chain) -> str:
    """Path of the smallest module that computes the items, with slashes."""
    paths = [path.replace(".", "/") for cell in cells_of(items) for path in cell.paths]
    return os.path.commonpath(paths) if paths else ""


def _signature(items: Chain) -> tuple[object, ...]:
    """Equal for blocks that are drawn alike."""
    return tuple(
        (item.kind, item.title, item.before, item.after, item.shape[1:])
        if isinstance(item, Cell)
        else (*map(_signature, item.branches), item.join and _signature((item.join,)))
        if isinstance(item, Parallel)
        else item
        for item in items
    )
