"""Figures of the lineage: error over the years, error against multiply-adds, depth against parameters.

The error that a paper states and the error of a library's pretrained weights are two marks: the recipe of the weights
may be years younger than the network.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from decanet.core import facts
from decanet.core.plotting import COLORS, new_figure, styled
from decanet.lineage.timeline import Milestone, entry_error

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


class Point(NamedTuple):
    """One error of a network, and the multiply-adds of the layout that has it."""

    milestone: Milestone
    gmacs: float
    error_pct: float


def paper_points(milestones: Iterable[Milestone]) -> list[Point]:
    """Return the errors that papers state for one crop; other evaluations cost more than one forward pass."""
    return [
        Point(m, m.macs / 1e9, 100 - m.paper_top1_pct)
        for m in milestones
        if m.paper_top1_pct is not None and m.paper_test == "one crop"
    ]


def library_points(milestones: Iterable[Milestone]) -> list[Point]:
    """Return the errors of the library's pretrained weights."""
    return [
        Point(m, m.library_gmacs, 100 - m.library_top1_pct)
        for m in milestones
        if m.library_top1_pct is not None and m.library_gmacs is not None
    ]


FAR = 7  # points between a bubble and its label beyond which a line joins them
PAPER_MARK, LIBRARY_MARK = "paper, one crop", "library weights, one crop (second year: their recipe)"


@styled
def error_over_years(entries: Sequence[facts.Entry], human: facts.Human) -> "Figure":
    """Draw the top-5 test error of the classification entries by year, with the human error and its caveat."""
    figure = new_figure(10.2, 5.2)
    axes = figure.add_subplot()
    axes.set_yscale("log")  # errors halve every few years; the late ones stay apart
    drawn = (
        e for e in entries if e.task == "classification" and e.top5_error_pct and e.confidence != "memory"
    )
    entries = sorted(drawn, key=entry_error)
    years = sorted({e.year for e in entries})
    best = [next(e for e in entries if e.year == year) for year in years]
    axes.plot(years, [entry_error(e) for e in best], color=COLORS[0], zorder=2)
    looks: tuple[tuple[str, list[facts.Entry], dict[str, Any]], ...] = (
        (
            "first (two: with and without extra data)",
            [e for e in entries if e.rank == 1],
            # Above the squares and smaller: in 2015 and 2016 the first two errors are almost equal.
            {"marker": "o", "color": COLORS[0], "s": 34, "zorder": 4},
        ),
        (
            "second or third",
            [e for e in entries if e.rank > 1],
            {
                "marker": "s",
                "facecolor": "white",
                "edgecolor": COLORS[1],
                "linewidth": 1.5,
                "s": 60,
                "zorder": 3,
            },
        ),
    )
    for label, chosen, look in looks:
        axes.scatter([e.year for e in chosen], [entry_error(e) for e in chosen], label=label, **look)
    for e in best:
        second, third = (
            next((o for o in entries if o.year == e.year and o.rank == rank), None) for rank in (2, 3)
        )
        text = f"{e.team} {entry_error(e):.1f} %" if second else f"{e.team}\n{entry_error(e):.1f} %"
        for rank, other in (("2nd", second), ("3rd", third)):
            text += f"\n{rank}: {other.team} {entry_error(other):.1f} %" if other else ""
        axes.annotate(
            text, (e.year, entry_error(e)), xytext=(10, 5) if second else (-4, -7), textcoords="offset points",
            fontsize=8, va="bottom" if second else "top", ha="left" if second else "right",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    axes.axhline(human.top5_error_pct, color="black", linestyle="--", linewidth=1.2, zorder=1)
    note: dict[str, Any] = {"xy": (2009.3, human.top5_error_pct), "textcoords": "offset points"}
    axes.annotate(f"a person: {human.top5_error_pct} %", xytext=(0, 4), fontsize=9, va="bottom", **note)
    caveat = human.caveat.replace("; ", ";\n")
    axes.annotate(
        f"{caveat};\n{human.source.replace(', as', chr(10) + 'as')}",
        xytext=(0, -5),
        fontsize=8,
        va="top",
        color="#444444",
        **note,
    )
    axes.set(
        xlim=(2009.2, 2019.1), ylim=(1.8, 36), xticks=years, ylabel="top-5 error on the test set (%)",
        title="ImageNet classification, 2010 to 2017",
    )  # fmt: skip
    _plain_ticks(axes.yaxis, [2, 3, 5, 10, 20, 30])
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper right")
    return figure


@styled
def cost_against_error(milestones: Sequence[Milestone]) -> "Figure":
    """Draw error against multiply-adds: filled bubbles for the papers, open ones for a library's pretrained weights.

    The area of a bubble is the number of parameters; a line joins the two bubbles of a network.
    """
    papers, libraries = paper_points(milestones), library_points(milestones)
    figure = new_figure(10.2, 7.0)
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log")  # the later networks differ by a few points only
    by_name = {p.milestone.name: p for p in libraries}
    pairs = [(p, by_name[p.milestone.name]) for p in papers if p.milestone.name in by_name]
    lines = [[(p.gmacs, p.error_pct) for p in pair] for pair in pairs]
    for line in lines:
        axes.plot(*zip(*line), color="#999999", linewidth=0.8, zorder=1)
    looks: tuple[tuple[str, list[Point], dict[str, Any]], ...] = (
        (LIBRARY_MARK, libraries, {"facecolor": "none", "linestyle": "--"}),
        (PAPER_MARK, papers, {"color": COLORS[5], "alpha": 0.55}),
    )
    for label, points, look in looks:
        axes.scatter(
            [p.gmacs for p in points], [p.error_pct for p in points], s=[_area(p) for p in points],
            edgecolor="black", linewidth=0.9, **look,
        )  # fmt: skip
        axes.scatter([], [], s=60, edgecolor="black", linewidth=0.9, label=label, **look)
    axes.legend(loc="upper right")
    axes.set(
        xlabel="multiply-adds for one image (billions)", ylabel="top-1 error (%)",
        title="Error and multiply-adds; the area is the number of parameters",
    )  # fmt: skip
    axes.margins(0.15)
    _plain_ticks(axes.xaxis, [0.5, 1, 2, 5, 10, 20])
    _plain_ticks(axes.yaxis, [15, 20, 25, 30, 35, 40, 45])
    # One label for each network, at the paper's bubble where there is one.
    by_paper = {p.milestone.name for p in papers}
    labeled = [*papers, *(p for p in libraries if p.milestone.name not in by_paper)]
    others = [p for p in libraries if p.milestone.name in by_paper]
    texts = []
    for m in (p.milestone for p in labeled):
        years = f"{m.year} / {m.library_year}" if m.library_year else str(m.year)
        texts.append(f"{m.title}\n{years}, {m.params / 1e6:.0f} M")
    both = [*labeled, *others]
    _label(figure, axes, [(p.gmacs, p.error_pct) for p in both], texts, [_area(p) for p in both], lines)
    return figure


def _area(point: Point) -> float:
    return 6 * point.milestone.params / 1e6


@styled
def depth_against_parameters(milestones: Sequence[Milestone]) -> "Figure":
    """Draw depth against parameters; the area of a bubble is the number of multiply-adds, its color the year."""
    # The one-tower network of 2014 has the depth and the parameters of AlexNet and would hide it.
    rows = [m for m in milestones if m.year >= 2012 and m.name != "alexnet"]
    figure = new_figure(10.2, 5.6)
    axes = figure.add_subplot()
    axes.set(xscale="log", yscale="log")
    points = [(float(m.depth), m.params / 1e6) for m in rows]
    areas = [30 + 26 * m.macs / 1e9 for m in rows]
    bubbles = axes.scatter(
        [x for x, _ in points], [y for _, y in points], s=areas, c=[m.year for m in rows], cmap="viridis",
        edgecolor="black", linewidth=0.8, alpha=0.75,
    )  # fmt: skip
    bar = figure.colorbar(bubbles, ax=axes, shrink=0.7, aspect=30, pad=0.02)
    bar.set_label("year")
    bar.outline.set_visible(False)
    axes.set(
        xlabel="depth (weighted layers)", ylabel="parameters (millions)",
        title="Depth and parameters; the area is the number of multiply-adds",
    )  # fmt: skip
    axes.margins(0.16)
    _plain_ticks(axes.xaxis, [5, 10, 20, 50, 100, 200])
    _plain_ticks(axes.yaxis, [5, 10, 20, 50, 100, 200])
    texts = [f"{m.title} ({m.year})\n{m.depth} layers, {m.params / 1e6:.0f} M" for m in rows]
    _label(figure, axes, points, texts, areas)
    return figure


def _plain_ticks(axis: "Axis", values: Sequence[float]) -> None:
    """Label a logarithmic axis with plain numbers."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    axis.set_major_locator(FixedLocator(values))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())


def _label(
    figure: "Figure",
    axes: "Axes",
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    areas: Sequence[float],
    lines: Sequence[Sequence[tuple[float, float]]] = (),
) -> None:
    """Write each text beside its bubble, at the first position around it where it hides no bubble, text or line."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()  # fixes the positions of the axes in pixels
    renderer = FigureCanvasAgg(figure).get_renderer()
    scale = figure.dpi / 72
    centers = axes.transData.transform(points)
    radii = [(area / 3.1416) ** 0.5 for area in areas]
    taken = [
        Bbox.from_extents(*(center - radius * scale * 0.8), *(center + radius * scale * 0.8))
        for center, radius in zip(centers, radii, strict=True)
    ]
    for start, end in map(axes.transData.transform, lines):
        steps = np.linspace(start, end, 2 + int(np.hypot(*(end - start)) / scale))  # one point apart
        taken += [Bbox.from_extents(*step, *step).padded(scale) for step in steps]
    frame = axes.get_window_extent(renderer)
    for point, text, radius in zip(points, texts, radii, strict=False):  # only the first points have texts
        around = [
            (sx * (radius * reach + 4), sy * (radius * reach + 4), ha, va)
            for reach in (0.95, 1.3, 2.0, 3.0, 4.0)
            for sx, sy, ha, va in (
                (1, 0.3, "left", "center"), (-1, 0.3, "right", "center"), (0, 1, "center", "bottom"),
                (0, -1, "center", "top"), (1, 1, "left", "bottom"), (-1, 1, "right", "bottom"),
                (1, -1, "left", "top"), (-1, -1, "right", "top"),
            )
        ]  # fmt: skip
        for dx, dy, ha, va in around:
            note = axes.annotate(
                text, point, xytext=(dx, dy), textcoords="offset points", fontsize=8, ha=ha, va=va
            )
            box = note.get_window_extent(renderer).padded(2 * scale)  # keeps labels apart
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                if np.hypot(dx, dy) - radius > FAR:
                    leader = {"arrowstyle": "-", "linewidth": 0.6, "shrinkA": 0, "shrinkB": radius}
                    axes.annotate("", point, xytext=(dx, dy), textcoords="offset points", arrowprops=leader)
                break
            note.remove()
        else:  # no free position: a crowded label is better than none
            note = axes.annotate(text, point, xytext=(radius + 4, 0), textcoords="offset points", fontsize=8)
            box = note.get_window_extent(renderer)
        taken.append(box)
