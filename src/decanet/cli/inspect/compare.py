"""``decanet inspect compare``: are two networks alike?"""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from decanet.cli._shared import DataDir, Device, JsonFlag, Source, console, print_json, table
from decanet.cli.inspect._options import Data, Out, load, load_images


def command(
    *references: Annotated[
        str,
        Parameter(name="REF", help="Two networks or more with the same classes: runs' folders, decanet_m."),
    ],
    data: Data = None,
    out: Out = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Draw how alike the stages of networks are (linear CKA), and whether they make the same errors.

    For example:

    ```
    decanet inspect compare decanet_m decanet_s
    decanet inspect compare decanet_m runs/quick-20261124-093000
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.insight.views import compare

    if len(references) < 2:
        raise UsageError("give at least two networks to compare, for instance decanet_m decanet_s")
    with ConsoleReport(to_stderr=json) as report:
        where = cache_folder(data_dir)
        trained = [load(reference, None, device, report) for reference in references]
        found = compare.compute(trained, load_images(trained[0], data, where, report, source), where, report)
    path = save_figure(compare.draw(found), out or Path("compare.png"))
    if json:
        print_json({"rows": found.rows(), "figure": str(path)})
        return
    table(found.rows())
    console().print_line(f"wrote {path}")
