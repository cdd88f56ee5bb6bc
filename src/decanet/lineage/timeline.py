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
from typing import Any

import torch
from torch import nn

from decanet.anatomy.trace import trace
from decanet.core import facts
from decanet.export.fuse import fuse
from decanet.models import create_model, list_models, model_entry

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
    """What this machine measured: one image at a time, and ``batch`` images at a time, in float32.

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
        innovations: what it brought, in the ledger's words.
        depth: convolutions and linear layers on the longest path, counted in what we build.
        params: learned numbers used in evaluation, counted.
        params_training_only: of auxiliary classifiers, which evaluation does without: not in ``params``.
        macs: multiply-adds for one image, counted.
        competition_top5_error_pct: of its entry (an ensemble) in the classification task, as the competition
            states; None where this network was not entered.
        competition_rank: place of that entry.
        competition_extra_data: whether that entry was trained on other images too; None where not stated.
        paper_top1_pct: accuracy of one network, as the paper or its authors' code states it; None where neither does.
        paper_test: how it was tested: ``"one crop"``, ``"ten crops"``, ``"dense"``, ``"fine-tuned at 384"``.
        library_top1_pct: of the first weights that torchvision published for this family's layout, one crop, as
            torchvision states; None where there are none.
        library_year: of the recipe of those weights, often younger than the paper.
        library_gmacs: billions of multiply-adds of the layout that has those weights, as torchvision states:
            they belong to that error, since ResNet's weights are version 1.5's and GoogLeNet's have no 5x5.
        speed: what this machine measured, or None.
    """

    name: str
    title: str
    year: int
    innovations: tuple[str, ...]
    depth: int
    params: int
    params_training_only: int
    macs: int
    competition_top5_error_pct: float | None = None
    competition_rank: int | None = None
    competition_extra_data: bool | None = None
    paper_top1_pct: float | None = None
    paper_test: str = ""
    library_top1_pct: float | None = None
    library_year: int | None = None
    library_gmacs: float | None = None
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
    """Latency of one image and throughput of ``batch`` images, channels last, for ``seconds`` each.

    Args:
        model: a network in evaluation mode, with batch normalization folded or not.
        input_size: (C, H, W) of the images.
    """
    model = model.to(memory_format=torch.channels_last)
    images = torch.randn(batch, *input_size).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        one = median_seconds(lambda: model(images[:1]), seconds)
        many = median_seconds(lambda: model(images), seconds)
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
        "Competition top-5 error", "Paper top-1", "Library weights top-1",
    ]  # fmt: skip
    rule = ["---:", "---", "---", "---:", "---:", "---:", "---:", "---:", "---:"]
    if speeds:
        head += ["Latency", "Throughput"]
        rule += ["---:", "---:"]
    lines = [head, rule, *(_cells(m, with_speed=bool(speeds)) for m in milestones)]
    table = "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
    notes = (
        "Depth, parameters and multiply-adds (for one image) are counted in the networks that decanet builds. "
        f"{auxiliary_note(milestones)}Competition errors are those of the entries, mostly ensembles, as the ILSVRC "
        "results state them. Paper top-1 is the accuracy of one network that the paper or its authors' code states, "
        "one crop unless something else is said. Library weights top-1 is what torchvision states for the first "
        "weights of the family that it published, one crop; in brackets the year of their recipe, which may be younger "
        "than the paper, and their multiply-adds where their layout differs."
    )
    if speeds:
        s = speeds[0]
        notes += (
            f" Measured on {s.threads} threads, {s.layout}, float32, batch normalization folded: latency of "
            f"one image, throughput with {s.batch}."
        )
    return f"{table}\n\n{notes}\n"


def _milestone(name: str) -> Milestone:
    entry, traced = model_entry(name), trace(name)
    stated = facts.architecture(entry.facts)
    entered = [
        e
        for e in facts.competition()
        if e.architecture == entry.facts and e.task == "classification" and e.same_network
    ]
    best = min(entered, key=entry_error) if entered else None
    paper, library = stated.paper_top1, next(iter(stated.weights), None)
    return Milestone(
        name=name,
        title=LINE.get(name, stated.name),
        year=stated.year,
        innovations=_innovations(stated),
        depth=traced.depth,
        params=traced.params - traced.params_training_only,
        params_training_only=traced.params_training_only,
        macs=traced.macs,
        competition_top5_error_pct=entry_error(best) if best else None,
        competition_rank=best.rank if best else None,
        competition_extra_data=best.extra_data if best else None,
        paper_top1_pct=paper.top1_accuracy_pct if paper else None,
        paper_test=paper.test if paper else "",
        library_top1_pct=library.acc1 if library else None,
        library_year=library.year if library else None,
        library_gmacs=library.gmacs if library else None,
    )


def _innovations(stated: facts.Architecture) -> tuple[str, ...]:
    """The innovations that the ledger states of this architecture, else of its paper's others."""
    for a in (stated, *(a for a in facts.architectures().values() if a.paper == stated.paper)):
        if (found := a.stated("innovations")) is not None:
            return tuple(found.value)
    return ()


def _cells(m: Milestone, with_speed: bool) -> list[str]:
    error, extra = m.competition_top5_error_pct, ", extra data" if m.competition_extra_data else ""
    cells = [
        str(m.year), m.title, "; ".join(m.innovations), str(m.depth), short_count(m.params), short_count(m.macs),
        f"{error:g} % (rank {m.competition_rank}{extra})" if error is not None else "",
        _paper_cell(m), _library_cell(m),
    ]  # fmt: skip
    if with_speed:
        s = m.speed
        cells += [f"{s.latency_ms:.1f} ms", f"{s.images_per_second:.0f}/s"] if s else ["", ""]
    return cells


def auxiliary_note(milestones: Iterable[Milestone]) -> str:
    """Which parameters are left out, so that the table can be compared with other counts; may be empty."""
    whole = [
        f"{m.title} {short_count(m.params + m.params_training_only)}"
        for m in milestones
        if m.params_training_only
    ]
    if not whole:
        return ""
    return f"Auxiliary classifiers, which only training uses, are left out; with them: {', '.join(whole)}. "


def _paper_cell(m: Milestone) -> str:
    """``79.6 %``, or ``59.3 % (ten crops)``."""
    if m.paper_top1_pct is None:
        return ""
    return f"{m.paper_top1_pct:.1f} %" + (f" ({m.paper_test})" if m.paper_test != "one crop" else "")


def _library_cell(m: Milestone) -> str:
    """``83.2 % (2022)``, or ``76.1 % (2017, 4.09 G)`` where the weights' layout costs more or less than the paper's."""
    if m.library_top1_pct is None or m.library_gmacs is None:
        return ""
    about = [str(m.library_year)] if m.library_year else []
    if abs(1e9 * m.library_gmacs / m.macs - 1) > 0.01:
        about.append(short_count(round(1e9 * m.library_gmacs)))
    return f"{m.library_top1_pct:.1f} %" + (f" ({', '.join(about)})" if about else "")


def short_count(count: int) -> str:
    """61.1 M, 714 M, 15.5 G: three digits."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            number = count / unit
            return f"{number:.{max(0, 2 - int(math.log10(number)))}f} {letter}"
    return str(count)


def entry_error(entry: facts.Entry) -> float:
    assert entry.top5_error_pct is not None  # callers keep only entries with an error
    return entry.top5_error_pct
