"""``decanet inspect receptive-field``: what the units of each stage can see."""

from pathlib import Path

from decanet.cli._shared import Arch, Device, JsonFlag, console, print_json, table
from decanet.cli.inspect._options import Out, Photograph, Reference, Stage, load, read


def command(
    reference: Reference,
    image: Photograph = None,
    /,
    *,
    stage: Stage = None,
    out: Out = None,
    arch: Arch = None,
    device: Device = "auto",
    json: JsonFlag = False,
) -> None:
    """Draw which pixels a unit of each stage can see, beside those that matter to it.

    For example:

    ```
    decanet inspect receptive-field decanet_m
    decanet inspect receptive-field googlenet
    decanet inspect receptive-field efficientnet_lite0@pypi cat.jpg --stage stage5
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.plotting import save_figure
    from decanet.insight.subject import title
    from decanet.insight.views import receptive_field

    with ConsoleReport(to_stderr=json) as report:
        trained = load(reference, arch, device, report)
        seen = read(trained, [image] if image else [])
        found = receptive_field.compute(
            trained.model, seen.x, seen.pixels[0], title=title(trained), stage=stage
        )
    path = save_figure(receptive_field.draw(found), out or Path("receptive-field.png"))
    if json:
        print_json({"rows": found.rows(), "figure": str(path)})
        return
    table(found.rows())
    console().print_line(f"wrote {path}")
