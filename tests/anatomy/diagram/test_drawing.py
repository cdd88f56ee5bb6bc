"""Drawings: what is drawn, and that nothing overlaps as matplotlib renders it."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from decanet.anatomy.diagram.drawing import LOOKS, draw
from decanet.anatomy.diagram.layout import SMALLEST, Diagram
from decanet.models import list_models
from tests.anatomy.diagram.graphs import FAMILIES, diagram


def check_extents(layout: Diagram) -> None:
    """No text touches another text, the line of a box or an edge; all are on the page and large enough."""
    figure = draw(layout)
    canvas = FigureCanvasAgg(figure)
    figure.set_dpi(150)
    renderer = canvas.get_renderer()
    (axes,) = figure.axes
    boxes = [
        p.get_window_extent(renderer)
        for p in axes.patches
        if isinstance(p, FancyBboxPatch) and p.get_gid() == "box"
    ]
    texts = [(t, t.get_window_extent(renderer)) for t in axes.texts]
    for text, extent in texts:
        assert text.get_fontsize() >= SMALLEST
        assert _inside(extent, figure.bbox), text.get_text()
        holders = [box for box in boxes if _overlap(box, extent)]
        if text.get_gid() == "in box":
            (box,) = holders
            assert _inside(extent, box), text.get_text()
        else:
            assert not holders, text.get_text()
    for edge in layout.edges:
        for ends in pairwise(axes.transData.transform(edge.points)):
            touched = [
                text.get_text() for text, extent in texts if Path(ends).intersects_bbox(extent, filled=False)
            ]
            assert not touched, (touched, edge)
    for (a, first), (b, second) in combinations(texts, 2):
        assert not _overlap(first, second), (a.get_text(), b.get_text())
    assert not any(_overlap(a, b) for a, b in combinations(boxes, 2))


def _inside(a: Bbox, b: Bbox) -> bool:
    return b.x0 <= a.x0 and a.x1 <= b.x1 and b.y0 <= a.y0 and a.y1 <= b.y1


def _overlap(a: Bbox, b: Bbox) -> bool:
    slack = 0.5  # pixels at 150 per inch
    return a.x0 < b.x1 - slack and b.x0 < a.x1 - slack and a.y0 < b.y1 - slack and b.y0 < a.y1 - slack


@pytest.mark.parametrize("name", FAMILIES)
def test_nothing_overlaps(name: str) -> None:
    check_extents(diagram(name))


@pytest.mark.slow(reason="71 figures; the test above draws one of each family")
@pytest.mark.parametrize("name", list_models())
def test_nothing_overlaps_in_any_network(name: str) -> None:
    check_extents(diagram(name))


def test_every_box_line_and_word_of_the_layout_is_drawn() -> None:
    layout = diagram("lenet5")
    figure = draw(layout)
    (axes,) = figure.axes
    assert tuple(figure.get_size_inches() * 72) == pytest.approx((layout.width, layout.height))
    drawn = [patch for patch in axes.patches if isinstance(patch, FancyBboxPatch)]
    assert [(p.get_x(), p.get_y(), p.get_width(), p.get_height()) for p in drawn] == [
        (b.x, b.y, b.width, b.height) for b in layout.boxes
    ]
    assert [to_rgb(p.get_facecolor()) for p in drawn] == [to_rgb(LOOKS[b.kind][0]) for b in layout.boxes]
    assert sum(isinstance(patch, FancyArrowPatch) for patch in axes.patches) == len(layout.edges)
    words = [text.get_text() for text in axes.texts if isinstance(text, Text)]
    assert sorted(words) == sorted(
        [*(line for b in layout.boxes for line in b.lines), *(t.text for t in layout.texts)]
    )


def test_the_kinds_differ_in_black_and_white() -> None:
    """By lightness, or by the style of the line."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    for (one, (fill, _, style)), (other, (fill2, _, style2)) in combinations(LOOKS.items(), 2):
        if {one, other} == {"input", "join"}:
            continue  # both are rounded and white; their words tell them apart
        difference = abs(float((np.array(to_rgb(fill)) - to_rgb(fill2)) @ weights))
        assert difference > 0.06 or style != style2, (one, other)
