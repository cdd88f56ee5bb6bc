"""``decanet inspect filters``: the filters of the first layer."""

from decanet.cli._shared import Arch, console
from decanet.cli.inspect._options import Out, Reference, load


def command(reference: Reference, /, *, out: Out = None, arch: Arch = None) -> None:
    """Draw the filters of the first convolution as small images, coarse patterns before fine ones.

    For example:

    ```
    decanet inspect filters decanet_m
    decanet inspect filters alexnet@torchvision --out alexnet.png
    ```
    """
    from pathlib import Path

    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.insight.views import filters

    with ConsoleReport() as report:
        trained = load(reference, arch, "cpu", report)
    layers = filters.compute(trained.model)
    if not layers:
        raise UsageError(
            f"{reference} has no convolution of gray or RGB images; choose a convolutional network"
        )
    for layer in layers:
        console().print_line(f"{layer.layer}: {layer.description}")
    console().print_line(f"wrote {save_figure(filters.draw(layers), out or Path('filters.png'))}")
