"""``decanet inspect errors``: what a network confuses, and whether its probabilities can be believed."""

from pathlib import Path

from decanet.cli._shared import Arch, DataDir, Device, JsonFlag, Source, console, print_json, table
from decanet.cli.inspect._options import Data, Out, Reference, load, load_images


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
    """Draw what a network confuses, whether its probabilities can be believed, and which labels may be wrong.

    All of it is measured on test images, never on those that the network was trained on.

    For example:

    ```
    decanet inspect errors decanet_m
    decanet inspect errors runs/quick-20261124-093000 --out errors.pdf
    decanet inspect errors efficientnet_lite0@pypi --data ~/images
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.insight.subject import title
    from decanet.insight.views import errors

    with ConsoleReport(to_stderr=json) as report:
        trained = load(reference, arch, device, report)
        where = cache_folder(data_dir)
        images = load_images(trained, data, where, report, source)
        predictions = errors.predict_split(trained, images, where, report)
        found = errors.compute(predictions, images.classes, title(trained))
        path = save_figure(errors.draw(found, images), out or Path("errors.png"))
    if json:
        print_json({**found.summary(), "pairs": found.rows(), "figure": str(path)})
        return
    table(found.rows())
    summary = found.summary()
    console().print_line(
        f"accuracy {100 * summary['accuracy']:.2f}%, loss {summary['loss']:.4f}, expected calibration error "
        f"{100 * summary['calibration_error']:.2f}%"
    )
    console().print_line(
        f"temperature {summary['temperature']:.2f}, fitted on one half of the images, brings the error of the other "
        f"half to {100 * summary['calibration_error_with_temperature']:.2f}%"
    )
    console().print_line(f"confident learning suspects the labels of {summary['suspected_labels']} images")
    console().print_line(f"wrote {path}")
