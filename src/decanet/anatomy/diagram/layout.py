"""Layout of a network's diagram on one page: columns, stages with their costs, legend. Nothing is drawn here."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from torch import nn

from decanet.anatomy.diagram.columns import Column, lay_out_column, make_rows, split
from decanet.anatomy.diagram.graph import record
from decanet.anatomy.diagram.pieces import LINE, Box, Edge, Frame, Piece, Text, text_width
from decanet.anatomy.diagram.structure import Structure, cells_of, structure_of
from decanet.core.errors import UsageError

A4 = (595.0, 842.0)  # points
MARGIN = 20.0
LARGEST, SMALLEST = 9.0, 6.0  # font size in points
COMFORTABLE = 7.5  # more columns only make room for larger text below this size
MOST_COLUMNS = 5
COLUMN_GAP = 2.2
LEAST_WIDTH = 34.0  # for the legend
HEAD = 1.6  # space above a column for the line from the column before it

KINDS = {
    "conv": "convolution",
    "pool": "pooling",
    "linear": "fully connected (linear)",
    "attention": "attention",
    "join": "join of branches",
    "norm": "normalization and others",
}


@dataclass(frozen=True)
class Diagram:
    """A diagram of a network, in points of a page; (0, 0) is the upper left corner and y grows downwards.

    Attributes:
        network: its registered name, or its class.
        width: of the page.
        height: of the page.
        font_size: of all text; the title is half as large again.
        boxes: the layers, and the samples of the legend.
        edges: lines and arrows.
        texts: everything outside of boxes.
        frames: around blocks that repeat.
    """

    network: str
    width: float
    height: float
    font_size: float
    boxes: tuple[Box, ...]
    edges: tuple[Edge, ...]
    texts: tuple[Text, ...]
    frames: tuple[Frame, ...]


def compute(model: nn.Module | str, input_size: tuple[int, ...] | None = None) -> Diagram:
    """Lay out the diagram of a network on at most one A4 page, with text of at least 6 points.

    ``dataclasses.asdict`` of the result can be written as JSON.

    Args:
        model: any network for images, which is left as it is, or a registered name.
        input_size: (C, H, W) of the image; a registered network's own by default.

    Raises:
        UsageError: unknown name, no image size, none given for a network that is not registered, or a network that
            does not fit on a page.
        DataError: the image does not fit the network.
    """
    structure = structure_of(record(model, input_size))
    rows = make_rows(structure)
    totals = _totals(structure)
    for at_stages in (True, False):  # columns begin with a stage where that fits
        best: tuple[float, float, Piece] | None = None  # font size, width of the page in it, columns
        for count in range(1, MOST_COLUMNS + 1):
            columns = [lay_out_column(part) for part in split(rows, count, at_stages)]
            body = _beside(columns)
            for width, height in (A4, A4[::-1]):
                size = _font_size(body, structure, totals, width, height)
                if size and (best is None or size > best[0] + 0.3):
                    best = size, (width - 2 * MARGIN) / size, body
            if best and best[0] >= COMFORTABLE:
                break
        if best and (best[0] >= COMFORTABLE or not at_stages):
            size, room, body = best
            return _page(structure, body, totals, size, room)
    raise UsageError(
        f"{structure.network} does not fit on one page with text of {SMALLEST:g} points; "
        "draw one of its submodules instead"
    )


def _totals(structure: Structure) -> list[str]:
    """The words below the title."""
    image = next(cells_of(structure.chain))
    cells = list(cells_of(structure.chain))
    extra = sum(cell.params for _, chain in structure.auxiliary for cell in cells_of(chain))
    totals = [
        f"{sum(cell.params for cell in cells):,} parameters"
        + (f" (+ {extra:,} in training)" if extra else ""),
        f"{sum(cell.macs for cell in cells):,} multiply-adds for one image of {'×'.join(map(str, image.shape))}",
    ]
    return totals


def _beside(columns: Sequence[Column]) -> Piece:
    """The columns beside each other, with a line from the end of each to the beginning of the next."""
    piece = Piece()
    head = HEAD if len(columns) > 1 else 0.0
    x, spines = 0.0, []
    for column in columns:
        left = column.piece.left()
        piece.add(column.piece, x - left, head)
        spines.append((x - left, head + column.spine_end))
        x += column.piece.right() - left + COLUMN_GAP
        piece.height = max(piece.height, head + column.height)
    for (x0, y0), (x1, _), after in zip(spines, spines[1:], columns[1:], strict=False):
        between = x1 + after.piece.left() - COLUMN_GAP / 2
        low, high = piece.height + 0.6, 0.4
        piece.line((x0, y0), (x0, low), (between, low), (between, high), (x1, high), (x1, HEAD), arrow=False)
    if len(columns) > 1:
        piece.height += 0.8
    return piece


def _font_size(
    body: Piece, structure: Structure, totals: Sequence[str], width: float, height: float
) -> float | None:
    """The largest font size at which everything fits on the page; None if the smallest is too large."""
    size = LARGEST
    needed, wide = _needed(body, structure, totals), body.right() - body.left()
    while size >= SMALLEST:
        room = (width - 2 * MARGIN) / size
        if wide <= room:
            room = min(room, needed)
            head = _header(structure.network, totals, room)
            foot = _legend(body, structure, room)
            if head.height + body.height + foot.height <= (height - 2 * MARGIN) / size:
                return size
        size = round(size - 0.1, 1)
    return None


def _needed(body: Piece, structure: Structure, totals: Sequence[str]) -> float:
    """The width of the contents."""
    title = text_width(structure.network, bold=True) * 1.5
    return max(body.right() - body.left(), title, *map(text_width, totals), LEAST_WIDTH)


def _header(network: str, totals: Sequence[str], room: float) -> Piece:
    piece = Piece(height=2.1)
    piece.texts.append(Text(0, 0.9, network, "title"))
    for line in _flow(totals, room, "; "):
        piece.texts.append(Text(0, piece.height + LINE / 2, line, "total"))
        piece.height += LINE
    piece.height += 0.8
    return piece


def _legend(body: Piece, structure: Structure, room: float) -> Piece:
    """Samples of the kinds of boxes in the diagram, and how to read the rest, in rows as wide as the page."""
    piece = Piece(height=1.2)
    kinds = {
        "norm" if drawn.kind in {"norm", "other", "activation", "dropout"} else drawn.kind
        for drawn in body.boxes
    }
    x, y = 0.0, piece.height + LINE / 2
    for kind, words in KINDS.items():
        if kind not in kinds:
            continue
        wide = 2.4 + text_width(words)
        if x and x + wide > room:
            x, y = 0.0, y + 1.5 * LINE
        piece.boxes.append(Box(x, y - 0.5, 1.8, 1.0, kind, ()))
        piece.texts.append(Text(x + 2.2, y, words, "legend"))
        x += wide + 1.4
    notes = ["Beside a stage: parameters · multiply-adds.", "Beside a line: channels × height × width."]
    if body.frames:
        notes.append("In a dashed frame: a block, drawn once, and how often it repeats.")
    if any(edge.kind == "shortcut" for edge in body.edges):
        notes.append("A thick line: a shortcut.")
    if structure.auxiliary:
        names = " and ".join(next(cells_of(chain)).stage for _, chain in structure.auxiliary)
        notes.append(f"In training only: {names}.")
    if structure.note:
        notes.insert(0, f"Every convolution is followed by {structure.note}.")
    y += 0.5 * LINE
    for line in _flow(notes, room, " "):
        y += LINE
        piece.texts.append(Text(0, y, line, "note"))
    piece.height = y + LINE / 2
    return piece


def _flow(parts: Iterable[str], room: float, between: str) -> list[str]:
    """Lines that hold as many parts as have room."""
    lines: list[str] = []
    for part in parts:
        if lines and text_width(lines[-1] + between + part) <= room:
            lines[-1] += between + part
        else:
            lines.append(part)
    return lines


def _page(structure: Structure, body: Piece, totals: Sequence[str], size: float, room: float) -> Diagram:
    """Everything on a page, in points; the page is as wide as its contents."""
    left = body.left()
    room = min(room, _needed(body, structure, totals))
    whole = _header(structure.network, totals, room)
    foot = _legend(body, structure, room)
    middle = max(0.0, (room - (body.right() - left)) / 2)
    whole.add(body, middle - left, whole.height)
    whole.add(foot, 0, whole.height + body.height)
    height = whole.height + body.height + foot.height

    def points(value: float) -> float:
        return round(value * size + MARGIN, 2)

    return Diagram(
        network=structure.network,
        width=round(room * size + 2 * MARGIN, 2),
        height=round(height * size + 2 * MARGIN, 2),
        font_size=size,
        boxes=tuple(
            replace(
                b,
                x=points(b.x),
                y=points(b.y),
                width=round(b.width * size, 2),
                height=round(b.height * size, 2),
            )
            for b in whole.boxes
        ),
        edges=tuple(
            replace(edge, points=tuple((points(x), points(y)) for x, y in edge.points))
            for edge in whole.edges
        ),
        texts=tuple(replace(text, x=points(text.x), y=points(text.y)) for text in whole.texts),
        frames=tuple(
            replace(
                f,
                x=points(f.x),
                y=points(f.y),
                width=round(f.width * size, 2),
                height=round(f.height * size, 2),
            )
            for f in whole.frames
        ),
    )
