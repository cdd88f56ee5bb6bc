"""``decanet inspect equivariance``: whether feature maps move with the image."""

from pathlib import Path

from decanet.cli._shared import Arch, DataDir, Device, JsonFlag, Source, console, print_json, table
from decanet.cli.inspect._options import Data, Out, Reference, load, load_images

IMAGES = 64


def command(
    reference: Reference,
    /,
    *,
    data: Data = None,
    out: Out = None,
    arch: Arch = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Draw whether the feature maps of each stage move with the image, pixel by pixel.

    For example:

    ```
    decanet inspect equivariance decanet_m
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.insight.sample_images import choose_images
    from decanet.insight.views import equivariance

    with ConsoleReport(to_stderr=json) as report:
        trained = load(reference, arch, device, report)
        loaded = load_images(trained, data, cache_folder(data_dir), report, source)
        pixels, _ = choose_images(trained, loaded, IMAGES)
        result = equivariance.compute(trained, pixels, report)
    path = save_figure(equivariance.draw(result), out or Path("equivariance.png"))
    rows = result.rows()
    if json:
        print_json({"rows": rows, "figure": str(path)})
        return
    table(rows)
    console().print_line(f"wrote {path}")
