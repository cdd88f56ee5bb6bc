"""``decanet lineage``: the networks of the ImageNet decade beside each other, as a table and as figures."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from decanet.cli._shared import JsonFlag, console, print_json


def command(
    *,
    figures: Annotated[Path | None, Parameter(help="Folder for the figures, as PNG and SVG.")] = None,
    measure: Annotated[
        bool, Parameter(negative=(), help="Measure speed on this machine (some minutes).")
    ] = False,
    markdown: Annotated[bool, Parameter(negative=(), help="Print the table as Markdown.")] = False,
    json: JsonFlag = False,
) -> None:
    """Compare the line of networks: what each brought, its cost, its error, and its speed here.

    Depth, parameters and multiply-adds are counted in the networks that decanet builds. Errors are stated by
    the competition and by those who published weights. Only --measure measures.

    For example:

        decanet lineage
        decanet lineage --figures figures
        decanet lineage --measure --json > lineage.json
    """
    import dataclasses

    from decanet.core.runtime import environment
    from decanet.insight.lineage import lineage, markdown_table, measured

    milestones = lineage()
    if measure:
        out = console(as_json=True)  # stdout belongs to the table
        for place, milestone in enumerate(milestones):
            out.print(f"measuring {milestone.name} ({place + 1} of {len(milestones)})")
            milestones[place] = measured(milestone)
    if figures is not None:
        for path in _draw(figures, milestones):
            console(as_json=json or markdown).print(f"wrote {path}", markup=False)
    if json:
        rows = [dataclasses.asdict(milestone) for milestone in milestones]
        print_json({"milestones": rows, "environment": environment()} if measure else rows)
    elif markdown:
        print(markdown_table(milestones), end="")
    else:
        _print(milestones)


def _draw(folder: Path, milestones) -> list[Path]:  # type: ignore[no-untyped-def]  # importing the type imports torch
    from decanet.core import facts
    from decanet.core.plotting import save_figure
    from decanet.insight import lineage

    figures = {
        "error_over_years": lineage.error_over_years(facts.competition(), facts.human()),
        "cost_against_error": lineage.cost_against_error(milestones),
        "depth_over_years": lineage.depth_over_years(milestones),
        "error_per_macs": lineage.error_per_macs(milestones),
    }
    return [
        save_figure(figure, folder / f"{name}.{kind}")
        for name, figure in figures.items()
        for kind in ("png", "svg")
    ]


def _print(milestones) -> None:  # type: ignore[no-untyped-def]
    from rich import box
    from rich.table import Table

    from decanet.insight.lineage import short_count

    speed = milestones[0].speed
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("year")
    table.add_column("network", no_wrap=True)
    for name in ("depth", "params", "macs", "contest", "top-1", *(("latency", "speed") if speed else ())):
        table.add_column(name, justify="right", no_wrap=True)
    for m in milestones:
        error, top1 = m.competition_top5_error_pct, m.published_top1_pct
        cells = [
            str(m.year),
            m.title,
            str(m.depth),
            short_count(m.params),
            short_count(m.macs),
            "" if error is None else f"{error:g} %",
            "" if top1 is None else f"{top1:.1f} %",
        ]
        if m.speed is not None:
            cells += [f"{m.speed.latency_ms:.1f} ms", f"{m.speed.images_per_second:.1f}/s"]
        table.add_row(*cells)
    out = console()
    out.soft_wrap = False
    out.print(table)
    # Sentences in a column of a terminal's width would be cut to syllables: they follow the numbers.
    out.print("What each brought:")
    for m in milestones:
        out.print(f"  {m.year} [bold]{m.title}[/bold]: {m.innovation}", markup=True)
    out.print()
    out.print(
        "params, macs (multiply-adds for one picture): counted in the networks that decanet builds. "
        "contest: top-5 error of its ILSVRC entry. top-1: of weights that torchvision publishes for the "
        "family."
    )
    if speed is not None:
        out.print(
            f"Measured here: {speed.threads} threads, {speed.layout}, float32, batch normalisation folded; "
            f"latency of one picture, throughput with {speed.batch}."
        )
