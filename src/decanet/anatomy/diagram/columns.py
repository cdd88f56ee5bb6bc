"""Columns of a diagram: the items of the main line below each other, with stages and auxiliary classifiers."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate, combinations, groupby

from decanet.anatomy.diagram.blocks import (
    CROSSING,
    GAP,
    WIDE_GAP,
    lay_out_item,
    natural_width,
    shape_text,
    spine_width,
    stack,
    tower,
)
from decanet.anatomy.diagram.cells import Cell
from decanet.anatomy.diagram.pieces import LINE, Piece, Text
from decanet.anatomy.diagram.structure import Chain, Structure, cells_of

NARROW = 8.0  # least width of a box on the main line


@dataclass(frozen=True)
class Row:
    """One item of the main line.

    Attributes:
        piece: its layout.
        stages: the stages whose layers it has.
        costs: parameters and multiply-adds of these stages, as text; empty where there are none.
        begins: whether the stages begin here.
        shape: of its output, as text; empty where it is that of its input.
        towers: 0, or 2 where it is divided into two towers.
        dense: whether each tower reads both.
        auxiliary: the auxiliary classifiers that read it.
        is_last: whether its output is the network's.
    """

    piece: Piece
    stages: tuple[str, ...]
    costs: str
    begins: bool
    shape: str
    towers: int = 0
    dense: bool = False
    auxiliary: tuple[Piece, ...] = ()
    is_last: bool = False


@dataclass
class Column:
    """Rows below each other, around the line x = 0.

    Attributes:
        piece: its layout.
        spine_end: where the main line ends.
        height: of everything.
    """

    piece: Piece = field(default_factory=Piece)
    spine_end: float = 0.0
    height: float = 0.0


def make_rows(structure: Structure) -> list[Row]:
    """Lay out each item of the main line."""
    chain = structure.chain
    width = max(spine_width(chain), NARROW)
    towers = _towers(chain)
    half = max((natural_width(c) for k in towers for c in cells_of((chain[k],))), default=0.0)
    costs = _costs(chain)
    rows: list[Row] = []
    stages: tuple[str, ...] = ()
    shape = ""
    for k, item in enumerate(chain):
        cells = list(cells_of((item,)))
        own = tuple(dict.fromkeys(cell.stage for cell in cells if cell.stage))
        if stages and set(own) <= set(stages):
            own = stages  # a pooling behind blocks of several stages
        output = shape_text(cells[-1].shape)
        divided = k in towers
        if divided and isinstance(item, Cell):
            channels, *size = item.shape
            rest = shape_text((channels // 2, *size))
            piece, label = tower(item, half), rest
        else:
            piece, label = lay_out_item(item, width), output
        rows.append(
            Row(
                piece=piece,
                stages=own,
                costs=costs.get(own, ""),
                begins=own != stages,
                shape="" if output == shape or k == 0 else label,
                towers=2 if divided else 0,
                dense=divided and cells[0].kind in {"conv", "linear"} and cells[0].groups == 1,
                auxiliary=tuple(_auxiliary(branch) for place, branch in structure.auxiliary if place == k),
                is_last=k == len(chain) - 1,
            )
        )
        stages, shape = own, output
    return rows


def split(rows: Sequence[Row], count: int, at_stages: bool) -> list[list[Row]]:
    """Divide the rows into at most ``count`` columns, the highest of which is as low as possible.

    Args:
        rows: all of them.
        count: of columns.
        at_stages: begin a column only where a stage begins. Towers are never divided.
    """
    keys: list[int] = []
    for k, row in enumerate(rows):
        joined = k > 0 and (
            (row.towers and rows[k - 1].towers)
            or (at_stages and row.stages == rows[k - 1].stages)
            or rows[k - 1].towers
        )
        keys.append(keys[-1] if joined else k)
    parts = [
        [row for _, row in group] for _, group in groupby(zip(keys, rows, strict=True), key=lambda kr: kr[0])
    ]
    heights = [sum(_height(row) for row in part) for part in parts]
    ends = [0.0, *accumulate(heights)]
    limits = sorted({high - low for low, high in combinations(ends, 2)})
    limit = limits[bisect_left(limits, True, key=lambda limit: len(_fill(heights, limit)) <= count)]
    columns, start = [], 0
    for length in _fill(heights, limit):
        columns.append([row for part in parts[start : start + length] for row in part])
        start += length
    return columns


def _fill(heights: Sequence[float], limit: float) -> list[int]:
    """How many parts each column holds, if none is higher than ``limit``; a single part may be."""
    counts, filled = [0], 0.0
    for height in heights:
        if counts[-1] and filled + height > limit + 1e-9:
            counts.append(0)
            filled = 0.0
        counts[-1] += 1
        filled += height
    return counts


def _height(row: Row) -> float:
    gap = WIDE_GAP if row.shape else 0 if row.piece.leads else GAP
    return row.piece.height + gap + (CROSSING - GAP if row.dense else 0) + (1.1 if row.auxiliary else 0)


def lay_out_column(rows: Sequence[Row]) -> Column:
    """Stack rows, name their stages on the left, and put auxiliary classifiers on the right."""
    column, piece = Column(), Piece()
    y, wanted, label_end = 0.0, 0.0, 0.0
    exits: tuple[float, ...] = (0.0,)
    spans: list[tuple[tuple[str, ...], str, float, float]] = []
    sides: list[tuple[Piece, float]] = []
    for k, row in enumerate(rows):
        begins = k == 0 or row.stages != rows[k - 1].stages
        gap = max(wanted, label_end - y if begins else 0.0)
        top = _link(piece, exits, row, y, gap, is_image=k == 0 and not row.stages)
        piece.add(row.piece, 0, top)
        y, exits = top + row.piece.height, row.piece.exits
        if begins and row.stages:
            costs = row.costs if row.begins else "continued"
            spans.append((row.stages, costs, top, y))
            label_end = top + LINE * (len(row.stages) + bool(costs)) + 0.3
        elif row.stages:
            spans[-1] = (*spans[-1][:3], y)
        wanted = 0.0
        if row.shape:
            for x in exits:
                away = -0.5 if x < 0 else 0.5
                piece.texts.append(
                    Text(x + away, y + WIDE_GAP / 2 - 0.05, row.shape, "shape", "right" if x < 0 else "left")
                )
            wanted = WIDE_GAP
        if row.auxiliary:
            wanted += 1.0
            sides += [(side, y + wanted - 0.55) for side in row.auxiliary]
        if row.is_last:
            piece.line((0, y), (0, y + WIDE_GAP))
            y += WIDE_GAP
    if wanted and not rows[-1].is_last:
        piece.line((0, y), (0, y + wanted), arrow=False)
        y += wanted
    for side, top in sides:
        x = piece.right(top, top + side.height + 0.3) + 1.4 - side.left()
        piece.line((0, top), (x, top), arrow=False)
        piece.add(side, x, top)
    _name_stages(piece, spans)
    column.piece, column.spine_end = piece, y
    column.height = max([y, label_end, *(top + side.height for side, top in sides)])
    return column


def _link(piece: Piece, exits: Sequence[float], row: Row, y: float, gap: float, is_image: bool) -> float:
    """Draw the lines from the row above to ``row``; return where ``row`` begins."""
    if is_image:
        return y
    entries = row.piece.exits if row.towers else (0.0,)
    if len(exits) == len(entries) == 1:
        gap = gap if row.piece.leads else max(gap, GAP)
        if gap:
            piece.line((exits[0], y), (0, y + gap), arrow=not row.piece.leads)
        return y + gap
    crosses = row.dense or len(exits) != len(entries)
    gap = max(gap, CROSSING if crosses else GAP)
    for out in exits:
        for into in entries:
            if crosses or out == into:
                # Arrows from both towers end beside each other.
                shift = 0.0 if len(entries) == 1 or out == into else (0.5 if out > into else -0.5)
                shift = shift or (0.4 if out > 0 else -0.4) * (len(entries) == 1)
                piece.line((out, y), (into + shift, y + gap))
    return y + gap


def _name_stages(piece: Piece, spans: Sequence[tuple[tuple[str, ...], str, float, float]]) -> None:
    """Names and costs of the stages, and a line along each of them, to the left of everything."""
    left = piece.left() - 0.8
    texts = []
    for stages, costs, top, bottom in spans:
        piece.line((left, top), (left, bottom), arrow=False, kind="stage")
        names = [(stage, "stage") for stage in stages]
        for k, (text, role) in enumerate([*names, *([(costs, "cost")] if costs else [])]):
            texts.append(Text(left - 0.5, top + LINE * (k + 0.5), text, role, "right"))
    piece.texts += texts


def _auxiliary(chain: Chain) -> Piece:
    """An auxiliary classifier, with its name and costs below it."""
    cells = list(cells_of(chain))
    piece = stack(chain, max(map(natural_width, cells)))
    params, macs = sum(cell.params for cell in cells), sum(cell.macs for cell in cells)
    lines = ((cells[0].stage, "stage"), (_cost(params, macs), "cost"))
    for k, (text, role) in enumerate(lines):
        piece.texts.append(Text(0, piece.height + 0.3 + LINE * (k + 0.5), text, role, "center"))
    piece.height += 0.3 + LINE * len(lines)
    return piece


def _towers(chain: Chain) -> range:
    """Positions of the items that two towers divide: from the first layer to the one before the last.

    A network has towers if some convolutions have two groups and all layers can be divided in two.
    """
    inner = range(1, len(chain) - 1)
    cells = [item for item in chain if isinstance(item, Cell)]
    grouped = any(cell.kind == "conv" and cell.groups == 2 for cell in cells)
    whole = len(cells) == len(chain) and all(
        cell.shape[0] % 2 == 0 and cell.groups <= 2 for cell in cells[1:-1]
    )
    return inner if grouped and whole else range(0)


def _costs(chain: Chain) -> dict[tuple[str, ...], str]:
    """Parameters and multiply-adds by stages."""
    sums: dict[tuple[str, ...], list[int]] = {}
    for item in chain:
        cells = list(cells_of((item,)))
        total = sums.setdefault(tuple(dict.fromkeys(cell.stage for cell in cells if cell.stage)), [0, 0])
        total[0] += sum(cell.params for cell in cells)
        total[1] += sum(cell.macs for cell in cells)
    return {stages: _cost(*total) for stages, total in sums.items()}


def _cost(params: int, macs: int) -> str:
    return f"{_short(params)} · {_short(macs)}" if params or macs else ""


def _short(count: int) -> str:
    """``"9.41 k"``, ``"118 M"``."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if count >= size:
            return f"{count / size:.3g} {unit}" if count < 999.5 * size else f"{count / size:.0f} {unit}"
    return str(count)
