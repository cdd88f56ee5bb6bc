"""``decanet inspect filters``: the filters of the first layer."""

from pathlib import Path

from decanet.cli._shared import Arch, JsonFlag, console, print_json
from decanet.cli.inspect._options import Out, Reference, load


def command(reference: Reference, /, *, out: Out = None, arch: Arch = None, json: JsonFlag = False) -> None:
    """Draw the filters of the first convolution, their orientation, frequency and color, and fit Gabor functions.

    For example:

    ```
    decanet inspect filters decanet_m
    decanet inspect filters alexnet@torchvision --out alexnet.png
    decanet inspect filters runs/two_tower-20261127-093000 --json
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.insight.subject import title
    from decanet.insight.views import filters

    with ConsoleReport(to_stderr=json) as report:
        trained = load(reference, arch, "cpu", report)
    layers = filters.compute(trained.model)
    if not layers:
        raise UsageError(
            f"{reference} has no convolution of gray or RGB images; choose a convolutional network"
        )
    described = [filters.describe(layer.weights) for layer in layers]
    figure = filters.draw_described(layers, described, title(trained))
    path = save_figure(figure, out or Path("filters.png"))
    if json:
        rows = [
            {"layer": layer.layer, **row}
            for layer, one in zip(layers, described, strict=True)
            for row in one.rows()
        ]
        print_json({"rows": rows, "figure": str(path)})
        return
    for layer, one in zip(layers, described, strict=True):
        console().print_line(f"{layer.layer}: {layer.description}")
        console().print_line(f"  color selectivity {one.color.mean():.2f} on average (random weights 0.67)")
        if one.gabors:
            fits = sorted(gabor.r2 for gabor in one.gabors)
            good = sum(r2 > 0.8 for r2 in fits)
            console().print_line(
                f"  Gabor functions: R² {fits[len(fits) // 2]:.2f} at the median, {good} above 0.8"
            )
        else:
            console().print_line(f"  {one.refused}")
    console().print_line(f"wrote {path}")
