"""Drawing of a diagram as a matplotlib figure."""

from typing import TYPE_CHECKING, Any

from decanet.anatomy.diagram.layout import Diagram
from decanet.core.plotting import literal, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from decanet.anatomy.diagram.pieces import Box

# (fill, line, line style) by kind. The fills differ in lightness, and the lines in style, for black-and-white prints;
# no two of them differ in red and green alone.
LOOKS: dict[str, tuple[str, str, Any]] = {
    "input": ("#ffffff", "#222222", "-"),
    "conv": ("#cfe3f5", "#1f5a8c", "-"),
    "pool": ("#fde3b5", "#a86500", (0, (4, 1.5))),
    "linear": ("#8fc7b5", "#0b5a45", "-"),
    "attention": ("#e6b3cf", "#8a2c62", (0, (7, 1.5, 1.2, 1.5))),
    "join": ("#ffffff", "#222222", "-"),
    "norm": ("#ececec", "#7a7a7a", (0, (1, 1.2))),
}
INK, GRAY = "#1a1a1a", "#555555"
POINTS_PER_INCH = 72


@styled
def draw(diagram: Diagram) -> "Figure":
    """Draw a diagram in its own size; save it with :func:`decanet.core.plotting.save_figure`."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(diagram.width / POINTS_PER_INCH, diagram.height / POINTS_PER_INCH))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, diagram.width), ylim=(diagram.height, 0))
    axes.axis("off")
    _draw_frames(axes, diagram)
    _draw_edges(axes, diagram)
    for box in diagram.boxes:
        _draw_box(axes, box, diagram.font_size)
    for text in diagram.texts:
        size = diagram.font_size * (1.5 if text.role == "title" else 1)
        axes.text(
            text.x, text.y, literal(text.text), fontsize=size, ha=text.align, va="center_baseline",
            color=GRAY if text.role in {"cost", "shape", "note"} else INK,
            fontweight="bold" if text.bold else "normal", gid=text.role,
        )  # fmt: skip
    return figure


def _draw_box(axes: "Axes", box: "Box", size: float) -> None:
    from matplotlib.patches import FancyBboxPatch

    fill, line, style = LOOKS.get(box.kind, LOOKS["norm"])
    corner = min(box.height / 2, size * (0.75 if box.kind in {"join", "input"} else 0.25))
    axes.add_patch(
        FancyBboxPatch(
            (box.x, box.y), box.width, box.height, boxstyle=f"round,pad=0,rounding_size={corner}",
            facecolor=fill, edgecolor=line, linestyle=style, linewidth=size / 9, zorder=3, gid="box",
        )
    )  # fmt: skip
    for k, text in enumerate(box.lines):
        y = box.y + box.height * (k + 0.5) / len(box.lines)
        if len(box.lines) > 1:  # the space above the first line and below the last is that of the layout
            y = box.y + box.height / 2 + (k - (len(box.lines) - 1) / 2) * 1.25 * size
        axes.text(
            box.x + box.width / 2, y, literal(text), fontsize=size, ha="center", va="center_baseline",
            color=INK if k == box.main else "#3d3d3d", zorder=4, gid="in box",
        )  # fmt: skip


def _draw_edges(axes: "Axes", diagram: Diagram) -> None:
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    size = diagram.font_size
    for edge in diagram.edges:
        wide = {"flow": size / 10, "shortcut": size / 6, "stage": size / 4}[edge.kind]
        color = {"flow": "#333333", "shortcut": "#333333", "stage": "#c4c4c4"}[edge.kind]
        codes = [Path.MOVETO, *[Path.LINETO] * (len(edge.points) - 1)]
        axes.add_patch(
            FancyArrowPatch(
                path=Path(edge.points, codes), arrowstyle="-|>" if edge.arrow else "-", mutation_scale=size * 0.75,
                linewidth=wide, color=color, joinstyle="round", capstyle="projecting" if not edge.arrow else "butt",
                shrinkA=0, shrinkB=0, zorder=2, gid=edge.kind,
            )
        )  # fmt: skip


def _draw_frames(axes: "Axes", diagram: Diagram) -> None:
    from matplotlib.patches import FancyBboxPatch

    size = diagram.font_size
    for frame in diagram.frames:
        axes.add_patch(
            FancyBboxPatch(
                (frame.x, frame.y), frame.width, frame.height, boxstyle=f"round,pad=0,rounding_size={size * 0.6}",
                facecolor="#f7f7f7", edgecolor="#8c8c8c", linestyle=(0, (3, 2)), linewidth=size / 10, zorder=1,
                gid="frame",
            )
        )  # fmt: skip
