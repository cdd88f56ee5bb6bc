"""Pieces of a layout: boxes, edges, texts and frames around a vertical line, in units of the font size."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

LINE = 1.25  # height of a line of text
PADDING = 0.25  # above and below the text of a box
SIDE = 0.5  # to the left and right of the text of a box

# Advance widths of DejaVu Sans, matplotlib's font, in hundredths of the font size.
_WIDTHS = {
    character: width / 100
    for width, characters in {
        28: "ijlI", 33: " .,·:;/", 36: "f-", 41: "tr()", 54: "szc_", 60: "LkFvxyPaoTYe", 64: "bdghnpquES0123456789",
        70: "KAVBRXZC", 77: "UHNDG", 84: "OQw+×−M", 99: "mW",
    }.items() for character in characters
}  # fmt: skip
BOLD = 1.13  # how much wider bold text is
HINTING = 1.03  # how much wider a renderer may draw text, whose glyphs it aligns to pixels


@dataclass(frozen=True)
class Box:
    """A rectangle with lines of text; (x, y) is its upper left corner.

    Attributes:
        kind: see :class:`decanet.anatomy.diagram.graph.Node`.
        lines: its text.
        main: the line that names the layer; the others follow it or precede it.
        path: attribute path of the module, for instance of the first of blocks that repeat.
    """

    x: float
    y: float
    width: float
    height: float
    kind: str
    lines: tuple[str, ...]
    main: int = 0
    path: str = ""


@dataclass(frozen=True)
class Edge:
    """A line through ``points`` (x, y), with an arrow at its end if ``arrow``; ``kind``: "flow" or "shortcut"."""

    points: tuple[tuple[float, float], ...]
    arrow: bool = True
    kind: str = "flow"


@dataclass(frozen=True)
class Text:
    """A line of text; (x, y) is the middle of its left end, of its center or of its right end.

    Attributes:
        role: "title", "total", "stage", "cost", "shape", "repeat", "note" or "legend".
        align: "left", "center" or "right".
    """

    x: float
    y: float
    text: str
    role: str
    align: str = "left"

    @property
    def bold(self) -> bool:
        """Whether attention goes there."""
        return self.role in {"title", "stage", "repeat"}

    @property
    def span(self) -> tuple[float, float]:
        """Its left and right end, where x is in units of the font size."""
        width = text_width(self.text, self.bold)
        left = self.x - {"left": 0.0, "center": width / 2, "right": width}[self.align]
        return left, left + width


@dataclass(frozen=True)
class Frame:
    """A dashed rectangle around a block that repeats; (x, y) is its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass
class Piece:
    """A part of a layout. The signal enters at (0, 0) and leaves at ``height``.

    Attributes:
        exits: x coordinates at which the signal leaves.
        leads: whether it draws the line to its first box itself.
    """

    boxes: list[Box] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)
    frames: list[Frame] = field(default_factory=list)
    height: float = 0.0
    exits: tuple[float, ...] = (0.0,)
    leads: bool = False

    def add(self, other: "Piece", x: float = 0.0, y: float = 0.0) -> None:
        """Add the contents of another piece, moved by (x, y)."""
        self.boxes += [replace(box, x=box.x + x, y=box.y + y) for box in other.boxes]
        self.texts += [replace(text, x=text.x + x, y=text.y + y) for text in other.texts]
        self.frames += [replace(frame, x=frame.x + x, y=frame.y + y) for frame in other.frames]
        self.edges += [
            replace(edge, points=tuple((px + x, py + y) for px, py in edge.points)) for edge in other.edges
        ]

    def line(self, *points: tuple[float, float], arrow: bool = True, kind: str = "flow") -> None:
        """Add an edge."""
        self.edges.append(Edge(points, arrow, kind))

    def left(self) -> float:
        """The smallest x."""
        return min((left for left, _, _, _ in self._spans()), default=0.0)

    def right(self, top: float = float("-inf"), bottom: float = float("inf")) -> float:
        """The largest x between ``top`` and ``bottom``, at least 0."""
        inside = (right for _, right, high, low in self._spans() if low > top and high < bottom)
        return max(inside, default=0.0)

    def _spans(self) -> Iterable[tuple[float, float, float, float]]:
        """Left, right, top and bottom of everything."""
        rectangles: list[Box | Frame] = [*self.boxes, *self.frames]
        for rectangle in rectangles:
            yield (
                rectangle.x,
                rectangle.x + rectangle.width,
                rectangle.y,
                rectangle.y + rectangle.height,
            )
        for text in self.texts:
            yield *text.span, text.y - LINE / 2, text.y + LINE / 2
        for edge in self.edges:
            xs, ys = zip(*edge.points, strict=True)
            yield min(xs), max(xs), min(ys), max(ys)


def text_width(text: str, bold: bool = False) -> float:
    """Estimate the width of a text in units of the font size."""
    width = sum(_WIDTHS.get(character, 0.85) for character in text)
    return width * HINTING * (BOLD if bold else 1)
