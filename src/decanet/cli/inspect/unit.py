"""``decanet inspect unit``: what one unit responds to."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from decanet.cli._shared import Arch, DataDir, Device, JsonFlag, Source, console, print_json, table
from decanet.cli.inspect._options import Data, Out, Photograph, Reference, load, load_images, read


def command(
    reference: Reference,
    image: Photograph = None,
    /,
    *,
    stage: Annotated[
        str | None, Parameter(help="Name of a stage (default: the last one with feature maps).")
    ] = None,
    unit: Annotated[int, Parameter(help="Number of the unit: of the feature map, from 0.")] = 0,
    data: Data = None,
    out: Out = None,
    arch: Arch = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Draw what a unit responds to: an image made for it, the images of a data set, and pixels drawn back from it.

    For example:

    ```
    decanet inspect unit decanet_m --stage block3 --unit 1 --data cifar10
    decanet inspect unit efficientnet_lite0@pypi cat.jpg --stage stage5 --unit 40
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.insight.views import unit as view
    from decanet.insight.views.attribution import grad_cam_stage

    with ConsoleReport(to_stderr=json) as report:
        trained = load(reference, arch, device, report)
        seen = read(trained, [image] if image else [])
        where = cache_folder(data_dir)
        chosen = stage or grad_cam_stage(trained.model, seen.x, None)
        if chosen is None:
            raise UsageError(f"{reference} has no feature maps; name one of its stages with --stage")
        images = load_images(trained, data, where, report, source) if data is not None else None
        found = view.compute(trained, seen, chosen, unit, report, data=images, cache=where)
    path = save_figure(view.draw(found), out or Path("unit.png"))
    if json:
        print_json({**found.summary(), "rules": found.rows(), "figure": str(path)})
        return
    table([found.summary()])
    table(found.rows())
    console().print_line(f"wrote {path}")
