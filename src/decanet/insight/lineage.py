"""The line of networks from LeNet to ConvNeXt: what each brought, what it costs and how well it does.

Three sorts of numbers stand side by side and never share a column: what sources state
(``decanet.core.facts``), what we count in the networks that we build (``decanet.models``), and, on demand,
what this machine measures.
"""

import math
import statistics
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from decanet.core import facts
from decanet.core.plotting import COLOURS, new_figure, styled
from decanet.models import create_model, list_models, model_entry
from decanet.models._fuse import fuse
from decanet.models._walk import walk

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

# One network for each step of the story, the deepest where depth is the story; and its short name.
LINE = {
    "lenet5": "LeNet-5",
    "alexnet_two_tower": "AlexNet",
    "zfnet": "ZFNet",
    "nin": "NiN",
    "alexnet": "AlexNet, one tower",
    "vgg16": "VGG-16",
    "googlenet": "GoogLeNet",
    "inception_v3": "Inception-v3",
    "resnet50": "ResNet-50",
    "resnet152": "ResNet-152",
    "wide_resnet50_2": "WRN-50-2",
    "resnext101_64x4d": "ResNeXt-101 64x4d",
    "densenet201": "DenseNet-201",
    "senet154": "SENet-154",
    "vit_b16": "ViT-B/16",
    "convnext_t": "ConvNeXt-T",
}


@dataclass(frozen=True)
class Speed:
    """What this machine measured: one picture at a time, and ``batch`` pictures at a time, in float32.

    ``layout`` and ``fused`` say how the network was prepared; ``threads`` how many cores worked.
    """

    latency_ms: float
    images_per_second: float
    batch: int
    threads: int
    layout: str
    fused: bool


@dataclass(frozen=True)
class Milestone:
    """One row of the lineage.

    Attributes:
        name: registered name of the network.
        title: the short name by which it is known.
        year: of its paper.
        innovation: what it brought, in the ledger's words.
        depth: convolutions and linear layers on the longest path, counted in what we build.
        params: learned numbers used in evaluation, counted.
        macs: multiply-adds for one picture, counted.
        competition_top5_error_pct: of its entry (an ensemble) in the classification task, as the competition
            states; None where this network was not entered.
        competition_rank: place of that entry.
        competition_extra_data: whether that entry was trained on other pictures too; None where not stated.
        published_top1_pct: of weights that torchvision publishes for this family's layout, single centre
            crop, as torchvision states; None where there are none.
        published_gmacs: billions of multiply-adds of the layout that has those weights, as torchvision states:
            they belong to that error, since ResNet's weights are version 1.5's and GoogLeNet's have no 5x5.
        speed: what this machine measured, or None.
    """

    name: str
    title: str
    year: int
    innovation: str
    depth: int
    params: int
    macs: int
    competition_top5_error_pct: float | None = None
    competition_rank: int | None = None
    competition_extra_data: bool | None = None
    published_top1_pct: float | None = None
    published_gmacs: float | None = None
    speed: Speed | None = None


def lineage(names: Iterable[str] = LINE) -> list[Milestone]:
    """The rows of the table for those of ``names`` that are registered, oldest first."""
    known = set(list_models())
    rows = [_milestone(name) for name in names if name in known]
    return sorted(rows, key=lambda row: row.year)


def measured(milestone: Milestone, seconds: float = 1.0, batch: int = 16) -> Milestone:
    """The row with its speed on this machine, as prepared for evaluation: folded, channels last, float32."""
    model = create_model(milestone.name).eval()
    size = model_entry(milestone.name).input_size
    return replace(milestone, speed=measure_speed(fuse(model), size, seconds=seconds, batch=batch))


def measure_speed(
    model: nn.Module, input_size: tuple[int, int, int], *, seconds: float = 1.0, batch: int = 16
) -> Speed:
    """Latency of one picture and throughput of ``batch`` pictures, channels last, for ``seconds`` each.

    Args:
        model: a network in evaluation mode, with batch normalisation folded or not.
        input_size: (C, H, W) of the pictures.
    """
    model = model.to(memory_format=torch.channels_last)
    pictures = torch.randn(batch, *input_size).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        one = median_seconds(lambda: model(pictures[:1]), seconds)
        many = median_seconds(lambda: model(pictures), seconds)
    fused = not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    return Speed(1000 * one, batch / many, batch, torch.get_num_threads(), "channels last", fused)


def median_seconds(run: Callable[[], Any], seconds: float) -> float:
    """Median duration of ``run``, called after two warm-ups for at least ``seconds`` and five times."""
    for _ in range(2):
        run()
    durations: list[float] = []
    begin = time.perf_counter()
    while len(durations) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)


def markdown_table(milestones: Sequence[Milestone]) -> str:
    """The lineage as a Markdown table, for the README; it ends with the meaning of its columns."""
    speeds = [m.speed for m in milestones if m.speed is not None]
    head = [
        "Year", "Network", "What it brought", "Depth", "Parameters", "Multiply-adds",
        "Competition top-5 error", "Published top-1",
    ]  # fmt: skip
    rule = ["---:", "---", "---", "---:", "---:", "---:", "---:", "---:"]
    if speeds:
        head += ["Latency", "Throughput"]
        rule += ["---:", "---:"]
    lines = [head, rule, *(_cells(m, with_speed=bool(speeds)) for m in milestones)]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    notes = (
        "Depth, parameters and multiply-adds (for one picture) are counted in the networks that decanet "
        "builds. Competition errors are those of the entries, mostly ensembles, as the ILSVRC results state "
        "them. "
        "Published top-1 is what torchvision states for the first weights of the family that it published, "
        "single centre crop; the recipes differ, those of the youngest networks most."
    )
    if speeds:
        s = speeds[0]
        notes += (
            f" Measured on {s.threads} threads, {s.layout}, float32, batch normalisation folded: latency of "
            f"one picture, throughput with {s.batch}."
        )
    return f"{table}\n\n{notes}\n"


@styled
def error_over_years(entries: Sequence[facts.Entry], human: facts.Human) -> "Figure":
    """Top-5 test error of the classification entries by year, with the human line and its caveat."""
    figure = new_figure(10.2, 5.2)
    axes = figure.add_subplot()
    axes.set_yscale("log")  # from 28 to 2: halving is the story, and the late years keep their distances
    entries = sorted((e for e in entries if e.task == "classification" and e.top5_error_pct), key=_error)
    years = sorted({e.year for e in entries})
    best = [next(e for e in entries if e.year == year) for year in years]
    axes.plot(years, [_error(e) for e in best], color=COLOURS[0], zorder=2)
    looks: tuple[tuple[str, list[facts.Entry], dict[str, Any]], ...] = (
        (
            "first (two: with and without extra data)",
            [e for e in entries if e.rank == 1],
            # Above the squares and smaller: in 2015 and 2016 first and second are a hair apart.
            {"marker": "o", "color": COLOURS[0], "s": 34, "zorder": 4},
        ),
        (
            "second or third",
            [e for e in entries if e.rank > 1],
            {
                "marker": "s",
                "facecolor": "white",
                "edgecolor": COLOURS[1],
                "linewidth": 1.5,
                "s": 60,
                "zorder": 3,
            },
        ),
    )
    for label, chosen, look in looks:
        axes.scatter([e.year for e in chosen], [_error(e) for e in chosen], label=label, **look)
    for e in best:
        second = next((o for o in entries if o.year == e.year and o.rank == 2), None)
        text = f"{e.team} {_error(e):.1f} %" if second else f"{e.team}\n{_error(e):.1f} %"
        text += f"\n2nd: {second.team} {_error(second):.1f} %" if second else ""
        axes.annotate(
            text, (e.year, _error(e)), xytext=(10, 5), textcoords="offset points", fontsize=8, va="bottom",
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
        )  # fmt: skip
    axes.axhline(human.top5_error_pct, color="black", linestyle="--", linewidth=1.2, zorder=1)
    note: dict[str, Any] = {"xy": (2009.6, human.top5_error_pct), "textcoords": "offset points"}
    axes.annotate(f"a person: {human.top5_error_pct} %", xytext=(0, 4), fontsize=9, va="bottom", **note)
    caveat = human.caveat.replace("; ", ";\n")
    source = human.source.partition(" as quoted")[0]
    axes.annotate(f"{caveat};\n{source}", xytext=(0, -5), fontsize=8, va="top", color="#444444", **note)
    axes.set(
        xlim=(2009.5, 2018.6), ylim=(1.8, 36), xticks=years, ylabel="top-5 error on the test set (%)",
        title="ImageNet classification, 2010 to 2017",
    )  # fmt: skip
    _plain_ticks(axes.yaxis, [2, 3, 5, 10, 20, 30])
    axes.grid(axis="x", visible=False)
    axes.legend(loc="upper right")
    return figure


@styled
def cost_against_error(milestones: Sequence[Milestone]) -> "Figure":
    """Multiply-adds against the error of published weights; a bubble's area is the number of parameters."""
    rows = [m for m in milestones if m.published_top1_pct is not None]
    figure = new_figure(8.6, 5.4)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    points = [(_gmacs(m), 100 - _top1(m)) for m in rows]
    areas = [12 * m.params / 1e6 for m in rows]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    axes.scatter(xs, ys, s=areas, color=COLOURS[5], alpha=0.45, edgecolor="black", linewidth=0.9)
    axes.set(
        xlabel="multiply-adds for one picture (billions)", ylabel="top-1 error of published weights (%)",
        title="Parameters (area) against multiply-adds against error",
    )  # fmt: skip
    axes.margins(0.18)
    _plain_ticks(axes.xaxis, [0.5, 1, 2, 5, 10, 20])
    _label(figure, axes, points, [f"{m.title}\n{m.year}, {m.params / 1e6:.0f} M" for m in rows], areas)
    return figure


@styled
def depth_over_years(milestones: Sequence[Milestone]) -> "Figure":
    """Two panels, networks from old to new: depth above, parameters below."""
    rows = [m for m in milestones if m.year >= 2012]  # the decade, without its ancestor
    figure = new_figure(9.6, 6.2)
    above, below = figure.subplots(2, 1, sharex=True)
    places = range(len(rows))
    for axes, values, what, marker, colour, lowest in (
        (above, [m.depth for m in rows], "weighted layers", "o", COLOURS[0], 5),
        (below, [m.params / 1e6 for m in rows], "parameters (millions)", "s", COLOURS[1], 4),
    ):
        axes.set_yscale("log")
        axes.vlines(places, lowest, values, color="#bbbbbb", linewidth=1.4, zorder=1)
        axes.scatter(places, values, s=46, marker=marker, color=colour, zorder=3)
        for place, value in zip(places, values, strict=True):
            axes.annotate(
                f"{value:.0f}",
                (place, value),
                xytext=(0, 6),
                textcoords="offset points",
                ha="center",
                fontsize=8.5,
            )
        axes.set(ylabel=what, ylim=(lowest, 2.2 * max(values)))
        axes.grid(axis="x", visible=False)
        _plain_ticks(axes.yaxis, [5, 10, 20, 50, 100, 200])
    first, deepest = min(rows, key=lambda m: m.depth), max(rows, key=lambda m: m.depth)
    above.set_title(
        f"{first.title} to {deepest.title}: {deepest.depth / first.depth:.0f} times as deep, "
        f"parameters from {first.params / 1e6:.0f} to {deepest.params / 1e6:.0f} millions"
    )
    names = [f"{m.title} ({m.year})" for m in rows]
    below.set_xticks(places, names, rotation=38, ha="right", rotation_mode="anchor")
    return figure


@styled
def error_per_macs(milestones: Sequence[Milestone]) -> "Figure":
    """What a lower error costs: networks by falling error, each with its multiply-adds."""
    rows = sorted((m for m in milestones if m.published_top1_pct is not None), key=_top1)
    figure = new_figure(8.6, 0.36 * len(rows) + 1.4)
    axes = figure.add_subplot()
    axes.set_xscale("log")
    places, costs = range(len(rows)), [_gmacs(m) for m in rows]
    axes.hlines(places, 0.4, costs, color="#bbbbbb", linewidth=1.4, zorder=1)
    axes.scatter(costs, places, s=52, color=COLOURS[0], zorder=3)
    for place, cost, m in zip(places, costs, rows, strict=True):
        axes.annotate(
            f"{100 - _top1(m):.1f} %", (cost, place), xytext=(8, 0), textcoords="offset points", va="center",
            fontsize=9, fontweight="bold",
        )  # fmt: skip
    axes.set_yticks(places, [f"{m.title} ({m.year})" for m in rows])
    axes.set(
        xlim=(0.4, 34), xlabel="multiply-adds for one picture (billions)",
        title="What a lower error costs (bold: top-1 error)",
    )  # fmt: skip
    _plain_ticks(axes.xaxis, [0.5, 1, 2, 5, 10, 20])
    axes.grid(axis="y", visible=False)
    return figure


def _milestone(name: str) -> Milestone:
    entry, walked = model_entry(name), walk(name)
    stated = facts.architecture(entry.facts)
    entered = [
        e
        for e in facts.competition()
        if e.architecture == entry.facts and e.task == "classification" and e.same_network
    ]
    best = min(entered, key=_error) if entered else None
    return Milestone(
        name=name,
        title=LINE.get(name, stated.name),
        year=stated.year,
        innovation=_innovation(stated) or entry.summary.rpartition(": ")[2].rstrip("."),
        depth=walked.depth,
        params=walked.params - walked.params_training_only,
        macs=walked.macs,
        competition_top5_error_pct=_error(best) if best else None,
        competition_rank=best.rank if best else None,
        competition_extra_data=best.extra_data if best else None,
        published_top1_pct=stated.weights[0].acc1 if stated.weights else None,
        published_gmacs=stated.weights[0].gmacs if stated.weights else None,
    )


def _innovation(stated: facts.Architecture) -> str:
    """The first innovation that the ledger states of this architecture, else of its paper's others."""
    for a in (stated, *(a for a in facts.architectures().values() if a.paper == stated.paper)):
        if (found := a.stated("innovations")) is not None:
            return found.value[0]
    return ""


def _cells(m: Milestone, with_speed: bool) -> list[str]:
    error, extra = m.competition_top5_error_pct, ", extra data" if m.competition_extra_data else ""
    cells = [
        str(m.year), m.title, m.innovation, str(m.depth), short_count(m.params), short_count(m.macs),
        f"{error:g} % (rank {m.competition_rank}{extra})" if error is not None else "",
        f"{m.published_top1_pct:.1f} %" if m.published_top1_pct is not None else "",
    ]  # fmt: skip
    if with_speed:
        s = m.speed
        cells += [f"{s.latency_ms:.1f} ms", f"{s.images_per_second:.0f}/s"] if s else ["", ""]
    return cells


def short_count(count: int) -> str:
    """61.1 M, 714 M, 15.5 G: three digits."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            number = count / unit
            return f"{number:.{max(0, 2 - int(math.log10(number)))}f} {letter}"
    return str(count)


def _error(entry: facts.Entry) -> float:
    assert entry.top5_error_pct is not None  # callers keep only entries with an error
    return entry.top5_error_pct


def _top1(milestone: Milestone) -> float:
    assert milestone.published_top1_pct is not None  # callers keep only networks with published weights
    return milestone.published_top1_pct


def _gmacs(milestone: Milestone) -> float:
    assert milestone.published_gmacs is not None  # stated together with the error
    return milestone.published_gmacs


def _plain_ticks(axis: "Axis", values: Sequence[float]) -> None:
    """Ticks of a logarithmic axis as plain numbers."""
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
) -> None:
    """Write each text beside its bubble, at the first place around it where it hides nothing."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.transforms import Bbox

    figure.draw_without_rendering()  # fixes where the axes lie, so that pixels can be compared
    renderer = FigureCanvasAgg(figure).get_renderer()
    scale = figure.dpi / 72
    centres = axes.transData.transform(points)
    radii = [(area / 3.1416) ** 0.5 for area in areas]
    taken = [
        Bbox.from_extents(*(centre - radius * scale * 0.8), *(centre + radius * scale * 0.8))
        for centre, radius in zip(centres, radii, strict=True)
    ]
    frame = axes.get_window_extent(renderer)
    for point, text, radius in zip(points, texts, radii, strict=True):
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
            box = note.get_window_extent(renderer).padded(2 * scale)  # else two labels read as one
            inside = frame.x0 <= box.x0 and box.x1 <= frame.x1 and frame.y0 <= box.y0 and box.y1 <= frame.y1
            if inside and not any(box.overlaps(other) for other in taken):
                break
            note.remove()
        else:  # no free place: better crowded than absent
            note = axes.annotate(text, point, xytext=(radius + 4, 0), textcoords="offset points", fontsize=8)
            box = note.get_window_extent(renderer)
        taken.append(box)
