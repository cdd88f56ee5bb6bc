"""``decanet inspect neighbors``: the closest training images, for the network and in pixels."""

from pathlib import Path

from decanet.cli._shared import Arch, DataDir, Device, Source, console
from decanet.cli.inspect._options import Data, Out, Photograph, Reference, load, load_images

QUERIES = 5


def command(
    reference: Reference,
    image: Photograph = None,
    /,
    *,
    data: Data = None,
    out: Out = None,
    arch: Arch = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
) -> None:
    """Draw the closest training images to an image in the last hidden layer beside the closest in pixels, and a map.

    Without IMAGE it takes five test images of different classes.

    For example:

    ```
    decanet inspect neighbors decanet_m
    decanet inspect neighbors decanet_m cat.jpg
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.insight.subject import prepare_images
    from decanet.insight.views import neighbors

    with ConsoleReport() as report:
        trained = load(reference, arch, device, report)
        where = cache_folder(data_dir)
        images = load_images(trained, data, where, report, source)
        given = [image] if image else neighbors.default_queries(images, trained.resize, QUERIES)
        found = neighbors.compute(trained, prepare_images(trained, given), images, where, report)
        path = save_figure(neighbors.draw(found, images), out or Path("neighbors.png"))
    console().print_line(f"wrote {path}")
