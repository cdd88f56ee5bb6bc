"""``decanet inspect corruptions``: accuracy under damage to the image."""

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
    """Draw the accuracy under noise, blur, weather and digital damage in the style of CIFAR-10-C.

    For example:

    ```
    decanet inspect corruptions decanet_m
    decanet inspect corruptions decanet_m runs/quick-20261124-093000
    ```
    """
    from decanet.insight.views import corruptions

    draw_on_test_images(
        corruptions, references, images, data, out or Path("corruptions.png"),
        device=device, source=source, data_dir=data_dir, json=json,
    )  # fmt: skip
