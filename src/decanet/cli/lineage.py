"""``decanet lineage``: the networks of the ImageNet decade as a table and as figures."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from decanet.cli._shared import JsonFlag, console, print_json

if TYPE_CHECKING:
    from decanet.lineage.timeline import Milestone


def command(
    *,
    figures: Annotated[Path | None, Parameter(help="Folder for the figures, as PNG and SVG.")] = None,
    measure: Annotated[
        bool, Parameter(negative=(), help="Measure latency and throughput on this machine (some minutes).")
    ] = False,
    markdown: Annotated[bool, Parameter(negative=(), help="Print the table as Markdown.")] = False,
    json: JsonFlag = False,
) -> None:
    """Compare the networks of the decade: innovations, costs, errors, and speed on this machine.

    Depth, parameters and multiply-adds are counted in the networks that decanet builds. Errors are those that the
    competition, the papers and torchvision state. Nothing is measured without --measure.

    For example:

        decanet lineage
        decanet lineage --figures figures
        decanet lineage --measure --json > lineage.json
    """
    from dataclasses import asdict, replace

    from decanet.core.runtime import environment
    from decanet.lineage.speed import measure_network
    from decanet.lineage.table import markdown_table
    from decanet.lineage.timeline import lineage

    milestones = lineage()
    if measure:
        out = console(as_json=True)  # stdout belongs to the table
        for index, milestone in enumerate(milestones):
            out.print(f"measuring {milestone.name} ({index + 1} of {len(milestones)})")
            milestones[index] = replace(milestone, speed=measure_network(milestone.name))
    if figures is not None:
        for path in _draw(figures, milestones):
            console(as_json=json or markdown).print_line(f"wrote {path}")
    if json:
        rows = [asdict(milestone) for milestone in milestones]
        print_json({"milestones": rows, "environment": environment()} if measure else rows)
    elif markdown:
        print(markdown_table(milestones), end="")
    else:
        _print(milestones)


def _draw(folder: Path, milestones: "Sequence[Milestone]") -> list[Path]:
    from decanet.core import facts
    from decanet.core.plotting import save_figure
    from decanet.lineage import figures as lineage_figures

    figures = {
        "error_over_years": lineage_figures.error_over_years(facts.competition(), facts.human()),
        "cost_against_error": lineage_figures.cost_against_error(milestones),
        "depth_against_parameters": lineage_figures.depth_against_parameters(milestones),
    }
    return [
        save_figure(figure, folder / f"{name}.{kind}")
        for name, figure in figures.items()
        for kind in ("png", "svg")
    ]


def _print(milestones: "Sequence[Milestone]") -> None:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    from decanet.lineage.table import auxiliary_note, short_count

    speed = milestones[0].speed
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("year")
    table.add_column("network", no_wrap=True)
    numbers = ("depth", "params", "macs", "competition", "paper", "library")
    for name in (*numbers, *(("latency", "speed") if speed else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for m in milestones:
        error = m.competition_top5_error_pct
        cells = [
            str(m.year),
            m.title,
            str(m.depth),
            short_count(m.params),
            short_count(m.macs),
            "" if error is None else f"{error:g}",
            ""
            if m.paper_top1_pct is None
            else f"{m.paper_top1_pct:.1f}{'' if m.paper_test == 'one crop' else '*'}",
            "" if m.library_top1_pct is None else f"{m.library_top1_pct:.1f} {m.library_year or ''}".rstrip(),
        ]
        if m.speed is not None:
            cells += [f"{m.speed.latency_ms:.1f} ms", f"{m.speed.images_per_second:.1f}/s"]
        table.add_row(*cells)
    out = console()
    out.soft_wrap = False
    out.print(table)
    # In a column beside the numbers, sentences would be too narrow: they follow in a table of their own.
    out.print("Innovations:")
    innovations = Table.grid(padding=(0, 2, 0, 0))
    innovations.add_column(no_wrap=True)
    for m in milestones:
        innovations.add_row(Text.assemble(f"  {m.year} ", (m.title, "bold")), "; ".join(m.innovations))
    out.print(innovations)
    out.print()
    out.print(
        "params, macs (multiply-adds for one image): counted in the networks that decanet builds. "
        f"{auxiliary_note(milestones)}competition: top-5 error of its ILSVRC entry, in percent. paper: top-1 accuracy "
        "of one network that the paper or its authors' code states, one crop (* another evaluation, which --markdown "
        "names). library: top-1 accuracy of torchvision's first pretrained weights of the family, and the year of "
        "their recipe."
    )
    if speed is not None:
        out.print(
            f"latency (one image) and speed (batches of {speed.batch_size}): measured on {speed.threads} threads in "
            f"float32, {speed.layout}, with folded batch normalization."
        )
