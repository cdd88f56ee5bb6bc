"""``decanet inspect features``: the feature maps of an image, and their zeros over a test set."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import Arch, DataDir, Device, JsonFlag, Source, console, print_json, table
from decanet.cli.inspect._options import Data, Out, Photograph, Reference, Stage, load, load_images, read


def command(
    reference: Reference,
    image: Photograph = None,
    /,
    *,
    stage: Stage = None,
    out: Out = None,
    data: Data = None,
    sparsity: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Instead, draw the fraction of zeros after each ReLU over a test set, with dead units.",
        ),
    ] = False,
    arch: Arch = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Draw what each stage makes of an image: its most active feature maps.

    For example:

    ```
    decanet inspect features decanet_m
    decanet inspect features efficientnet_lite0@pypi cat.jpg --stage stage3
    decanet inspect features runs/quick-20261124-093000 --sparsity
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.insight.subject import title
    from decanet.insight.views import features

    with ConsoleReport(to_stderr=json) as report:
        trained = load(reference, arch, device, report)
        if sparsity:
            where = cache_folder(data_dir)
            images = load_images(trained, data, where, report, source)
            counted = features.measure_sparsity(trained, images, where, report)
        else:
            seen = read(trained, [image] if image else [])
            maps = features.compute(trained.model, seen.x, seen.pixels[0], title=title(trained), stage=stage)
    if sparsity:
        rows: list[dict[str, Any]] = counted.rows()
        path = save_figure(features.draw_sparsity(counted, title(trained)), out or Path("sparsity.png"))
    else:
        rows = maps.rows()
        path = save_figure(features.draw(maps), out or Path("features.png"))
    if json:
        print_json({"rows": rows, "figure": str(path)})
        return
    table(rows)
    console().print_line(f"wrote {path}")
