"""``decanet inspect invariance``: which changes of an image a network ignores."""

from pathlib import Path

from decanet.cli._shared import DataDir, Device, JsonFlag, Source
from decanet.cli.inspect._options import Data, ImageCount, Out, References, draw_on_test_images


def command(
    *references: References,
    images: ImageCount = 500,
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
    from decanet.insight.views import invariance

    draw_on_test_images(
        invariance, references, images, data, out or Path("invariance.png"),
        device=device, source=source, data_dir=data_dir, json=json,
    )  # fmt: skip
