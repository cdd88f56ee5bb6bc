"""``decanet inspect invariance``: which changes of an image a network ignores."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from decanet.cli._shared import DataDir, Device, JsonFlag, Source, console, print_json, table
from decanet.cli.inspect._options import Data, Out, load, load_images


def command(
    *references: Annotated[
        str,
        Parameter(name="REF", help="Networks: runs' folders, decanet_m, NAME@SOURCE; several are compared."),
    ],
    images: Annotated[int, Parameter(help="Number of test images, chosen at random.")] = 500,
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Draw the accuracy while images move, turn, grow, darken, blur: a curve for each change.

    For example:

    ```
    decanet inspect invariance decanet_m
    decanet inspect invariance decanet_m decanet_s --images 1000
    decanet inspect invariance runs/quick-20261124-093000
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.insight.sample_images import choose_images
    from decanet.insight.views import invariance

    if not references:
        raise UsageError("give at least one trained network, for instance decanet_m")
    if images < 1:
        raise UsageError(f"--images {images}: give at least 1, better 500")
    found = []
    with ConsoleReport(to_stderr=json) as report:
        where = cache_folder(data_dir)
        for reference in references:
            trained = load(reference, None, device, report)
            loaded = load_images(trained, data, where, report, source)
            pixels, labels = choose_images(trained, loaded, images)
            found.append(invariance.compute(trained, pixels, labels, where, report))
    path = save_figure(invariance.draw(found), out or Path("invariance.png"))
    rows = [row for one in found for row in one.rows()]
    if json:
        print_json({"rows": rows, "figure": str(path)})
        return
    table(rows)
    console().print_line(f"wrote {path}")
