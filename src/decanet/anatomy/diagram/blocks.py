"""Layout of the parts of a network: chains, branches, shortcuts, repeated blocks, two towers."""

from collections.abc import Sequence
from dataclasses import replace

from decanet.anatomy.diagram.cells import Cell
from decanet.anatomy.diagram.pieces import LINE, PADDING, SIDE, Box, Frame, Piece, Text, text_width
from decanet.anatomy.diagram.structure import Chain, Item, Parallel, Repeat, Tangle, cells_of

GAP = 0.85  # between boxes of a chain, with an arrow
WIDE_GAP = 1.5  # where the shape of the output stands
CROSSING = 2.4  # where lines between towers cross
BETWEEN = 0.8  # between branches
SHORT = 21  # characters of a box whose text fits into one line
LONG = 28  # characters of a line of further layers
LONG_TITLE = 24  # characters of a title that keeps its stride


def lines_of(cell: Cell) -> tuple[tuple[str, ...], int]:
    """The lines of a cell's box, and which of them names the layer."""
    if cell.kind == "input":
        return (f"{cell.title}, {shape_text(cell.shape)}",), 0
    whole = ", ".join(filter(None, (*cell.before, cell.title, *cell.after)))
    if len(whole) <= SHORT:
        return (whole,), 0
    title, after = cell.title, cell.after
    # Groups, and the stride where even so the line is long, move to the next line.
    for part in (" groups", ", stride"):
        head, comma, tail = title.rpartition(", ")
        if part in f"{comma}{tail}" and (part == " groups" or len(title) > LONG_TITLE):
            title, after = head, (tail, *after)
    before = _wrap(cell.before)
    titles = [title] if title else []
    return (*before, *titles, *_wrap(after)), len(before) if titles else 0


def shape_text(shape: Sequence[int]) -> str:
    """``"64 × 56 × 56"``."""
    return " × ".join(map(str, shape))


def natural_width(cell: Cell) -> float:
    """Width of the box that the cell's text needs."""
    return max(map(text_width, lines_of(cell)[0])) + 2 * SIDE


def spine_width(chain: Chain) -> float:
    """Width for all boxes on the line from the image to the logits."""
    widths = [0.0]
    for item in chain:
        if isinstance(item, Cell):
            widths.append(natural_width(item))
        elif isinstance(item, Parallel) and not _is_spread(item):
            widths.append(spine_width(item.branches[_main(item)]))
        elif isinstance(item, Repeat):
            widths.append(spine_width(item.items))
        elif isinstance(item, Tangle):
            widths += map(natural_width, item.cells)
    return max(widths)


def lay_out_item(item: Item, width: float) -> Piece:
    """Lay out one item; boxes on its main line have ``width``."""
    if isinstance(item, Cell):
        return box(item, width)
    if isinstance(item, Repeat):
        return _repeat(item, width)
    if isinstance(item, Tangle):
        return _tangle(item, width)
    return _spread(item) if _is_spread(item) else _beside(item, width)


def stack(items: Sequence[Item], width: float) -> Piece:
    """Lay out a chain from top to bottom; the line to the first box begins at the top."""
    piece = Piece(leads=True)
    for item in items:
        attach(piece, lay_out_item(item, width))
    return piece


def attach(piece: Piece, part: Piece) -> None:
    """Add ``part`` below ``piece``, with an arrow to its first box if it draws none itself."""
    if not part.leads:
        for x in piece.exits:
            piece.line((x, piece.height), (x, piece.height + GAP))
        piece.height += GAP
    piece.add(part, 0, piece.height)
    piece.height += part.height
    piece.exits = part.exits


def box(cell: Cell, width: float = 0.0) -> Piece:
    """The box of one cell, centered below the entry."""
    lines, main = lines_of(cell)
    width = max(natural_width(cell), width)
    if cell.kind == "join":
        width = natural_width(cell) + SIDE
    height = LINE * len(lines) + 2 * PADDING
    drawn = Box(-width / 2, 0, width, height, cell.kind, lines, main, cell.paths[0])
    return Piece([drawn], height=height)


def tower(cell: Cell, width: float) -> Piece:
    """The two boxes of a layer that is divided into two towers, with half of the channels each."""
    channels = cell.shape[0]
    title = cell.title.replace(", 2 groups", "").replace(f", {channels}", f", {channels // 2}", 1)
    half = box(replace(cell, title=title), width)
    piece = Piece(height=half.height, exits=(-width / 2 - 1.2, width / 2 + 1.2))
    for x in piece.exits:
        piece.add(half, x, 0)
    return piece


def _repeat(item: Repeat, width: float) -> Piece:
    inner = stack(item.items, width)
    first = (
        0.45 if isinstance(item.items[0], Cell) else 0.7
    )  # a cell's arrow passes the frame on its way to the box
    piece = Piece(height=inner.height + first + 0.85, exits=inner.exits, leads=True)
    piece.line((0, 0), (0, first), arrow=False)
    piece.add(inner, 0, first)
    for x in inner.exits:
        piece.line((x, first + inner.height), (x, piece.height), arrow=False)
    left, right = inner.left() - 0.6, inner.right() + 0.6
    piece.frames.append(Frame(left, 0.4, right - left, piece.height - 0.85))
    piece.texts.append(Text(right + 0.3, 0.4 + LINE / 2, f"× {len(item.blocks)}", "repeat"))
    return piece


def _is_spread(item: Parallel) -> bool:
    """Whether the branches stand side by side; else one is the main line, and the others pass beside it."""
    if len(item.branches) > 2 or item.join is None or any(map(_is_open, item.branches)):
        return True
    return all(item.branches) and item.join.title == "concatenate"


def _is_open(branch: Chain) -> bool:
    """Whether a branch has several ends."""
    return bool(branch) and isinstance(branch[-1], Parallel) and branch[-1].join is None


def _main(item: Parallel) -> int:
    """The branch on the main line: the longest; of a gate (multiplication) the signal that is scaled."""
    lengths = [len(list(cells_of(branch))) for branch in item.branches]
    wanted = min if item.join and item.join.title == "multiply" else max
    return lengths.index(wanted(lengths))


def _spread(item: Parallel) -> Piece:
    """Branches side by side; a wide box joins them."""
    parts = [stack(branch, max(map(natural_width, cells_of(branch)), default=0)) for branch in item.branches]
    width = sum(part.right() - part.left() for part in parts) + BETWEEN * (len(parts) - 1)
    bus = 0.4
    deepest = bus + max(part.height for part in parts)
    piece, x, exits, entries = Piece(leads=True), -width / 2, [], []
    for part in parts:
        x -= part.left()
        piece.add(part, x, bus)
        entries.append(x)
        exits += [(x + out, bus + part.height) for out in part.exits]
        x += part.right() + BETWEEN
    piece.line((0, 0), (0, bus), arrow=False)
    piece.line((min(0, *entries), bus), (max(0, *entries), bus), arrow=False)
    end = deepest + (GAP if item.join else 0)
    for out, bottom in exits:
        piece.line((out, bottom), (out, end), arrow=item.join is not None)
    piece.height, piece.exits = end, tuple(out for out, _ in exits)
    if item.join:
        joined = box(item.join)
        (drawn,) = joined.boxes
        outs = (*piece.exits, -drawn.width / 2 + 0.6, drawn.width / 2 - 0.6)
        left, right = min(outs) - 0.6, max(outs) + 0.6
        piece.boxes.append(replace(drawn, x=left, y=end, width=right - left))
        piece.height, piece.exits = end + joined.height, (0.0,)
    return piece


def _beside(item: Parallel, width: float) -> Piece:
    """The main line, and beside it the shortcut or the gate, which ends at the side of the join."""
    assert item.join is not None  # two branches without a join are spread
    chosen = _main(item)
    piece = Piece(leads=True)
    bus = 0.45
    main = stack(item.branches[chosen], width)
    sides = [branch for k, branch in enumerate(item.branches) if k != chosen]
    parts = [stack(side, max(map(natural_width, cells_of(side)), default=0)) for side in sides]
    bottom = bus + max(part.height for part in (main, *parts))
    piece.add(main, 0, bus)
    piece.line((0, 0), (0, bus), arrow=False)
    joined = box(item.join)
    top = bottom + GAP
    for out in main.exits:
        piece.line((out, bus + main.height), (out, top))
    middle = top + joined.height / 2
    edge = joined.boxes[0].width / 2
    for side, part in zip(sides, parts, strict=True):
        # The line stays right of everything, a box on it only of what is at its height.
        lane = max(piece.right() + BETWEEN, edge + BETWEEN)
        if part.boxes:
            beside = piece.right(bus, bus + part.height) + BETWEEN - part.left()
            lane = max(beside, piece.right(bus + part.height) + BETWEEN)
        kind = "flow" if side else "shortcut"
        start = (lane, bus + part.height) if side else (lane, bus)
        piece.line((0, bus), (lane, bus), arrow=False, kind=kind)
        piece.add(part, lane, bus)
        piece.line(start, (lane, middle), (edge, middle), kind=kind)
    piece.add(joined, 0, top)
    piece.height = top + joined.height
    return piece


def _tangle(item: Tangle, width: float) -> Piece:
    """A chain of boxes, with links in lanes to its right."""
    piece = Piece(leads=True)
    tops, bottoms = [], {-1: 0.0}
    linked = {(k - 1, k) for k, cell in enumerate(item.cells) if k == 0 or _reads_previous(item, k)}
    for k, cell in enumerate(item.cells):
        part = box(replace(cell, kind="other") if cell.kind == "join" else cell, width)
        if (k - 1, k) in linked:
            piece.line((0, piece.height), (0, piece.height + GAP))
        piece.add(part, 0, piece.height + GAP)
        tops.append(piece.height + GAP)
        piece.height += GAP + part.height
        bottoms[k] = piece.height
    edge = max(drawn.width for drawn in piece.boxes) / 2
    lanes: list[float] = []
    for source, target in sorted(item.links, key=lambda link: (link[1] - link[0], link)):
        start = bottoms[source] - (0.4 if source >= 0 else -0.2)
        end = tops[target] + 0.4
        lane = next((k for k, below in enumerate(lanes) if below < start - 0.2), len(lanes))
        lanes[lane : lane + 1] = [end]
        x = edge + 0.7 + 0.5 * lane
        begin = edge if source >= 0 else 0.0
        piece.line((begin, start), (x, start), (x, end), (edge, end), kind="shortcut")
    return piece


def _reads_previous(item: Tangle, position: int) -> bool:
    return len(item.cells[position].inputs) > sum(target == position for _, target in item.links)


def _wrap(texts: Sequence[str]) -> list[str]:
    """Texts with commas, in lines of at most ``LONG`` characters where possible."""
    lines: list[str] = []
    for text in texts:
        if lines and len(lines[-1]) + 2 + len(text) <= LONG:
            lines[-1] += f", {text}"
        else:
            lines.append(text)
    return lines
