"""The lineage as a Markdown table."""

import math
from collections.abc import Iterable, Sequence

from decanet.lineage.timeline import Milestone


def markdown_table(milestones: Sequence[Milestone]) -> str:
    """Format the milestones as a Markdown table, for the README, followed by the meaning of its columns."""
    speeds = [m.speed for m in milestones if m.speed is not None]
    head = [
        "Year", "Network", "Innovations", "Depth", "Parameters", "Multiply-adds",
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
        "with one crop unless stated otherwise. Library weights top-1 is the accuracy that torchvision states for its "
        "first pretrained weights of the family, with one crop; in parentheses the year of their recipe, which may be "
        "later than the paper, and their multiply-adds where their layout differs."
    )
    if speeds:
        s = speeds[0]
        notes += (
            f" Latency (one image) and throughput (batches of {s.batch_size}) are measured on {s.threads} threads in "
            f"float32, {s.layout}, with folded batch normalization."
        )
    return f"{table}\n\n{notes}\n"


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
    """Name the parameters that the table leaves out, for comparison with other counts; empty where there are none."""
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
    """``83.2 % (2022)``, or ``76.1 % (2017, 4.09 G)`` where the layout of the weights differs."""
    if m.library_top1_pct is None or m.library_gmacs is None:
        return ""
    about = [str(m.library_year)] if m.library_year else []
    if abs(1e9 * m.library_gmacs / m.macs - 1) > 0.01:
        about.append(short_count(round(1e9 * m.library_gmacs)))
    return f"{m.library_top1_pct:.1f} %" + (f" ({', '.join(about)})" if about else "")


def short_count(count: int) -> str:
    """Format a count with three digits: ``"61.1 M"``, ``"714 M"``, ``"15.5 G"``."""
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= unit:
            number = count / unit
            return f"{number:.{max(0, 2 - int(math.log10(number)))}f} {letter}"
    return str(count)
