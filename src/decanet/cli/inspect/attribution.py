"""``decanet inspect attribution``: which pixels speak for a class."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import Arch, DataDir, Device, JsonFlag, Source, console, print_json, table
from decanet.cli.inspect._options import Data, Out, Photograph, Reference, load, load_images, read


def command(
    reference: Reference,
    image: Photograph = None,
    /,
    *,
    class_: Annotated[
        str | None,
        Parameter(name="--class", help="Name or number of the class (default: the predicted one)."),
    ] = None,
    stage: Annotated[
        str | None,
        Parameter(
            help="Stage of Grad-CAM, as `decanet models NAME` lists them (default: the last feature maps)."
        ),
    ] = None,
    out: Out = None,
    data: Data = None,
    images: Annotated[
        int | None,
        Parameter(
            help="Score the methods over so many test images, too; 50 give narrow intervals. --data alone: 50."
        ),
    ] = None,
    randomization: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Instead, compare the maps with those of the network with random parameters, layer by layer.",
        ),
    ] = False,
    arch: Arch = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Draw which pixels speak for a class, by gradients, Grad-CAM and occlusion, and how faithful each map is.

    For example:

    ```
    decanet inspect attribution decanet_m
    decanet inspect attribution efficientnet_lite0@pypi cat.jpg --class lynx
    decanet inspect attribution decanet_m cat.jpg --data cifar10
    decanet inspect attribution efficientnet_lite0@pypi --randomization
    ```
    """
    from dataclasses import replace

    import torch

    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import UsageError
    from decanet.core.plotting import save_figure
    from decanet.core.runtime import cache_folder
    from decanet.insight.subject import find_class, title
    from decanet.insight.views import attribution

    if images is not None and images < 2:
        raise UsageError(f"--images {images} gives no interval; give at least 2, better 50")
    with ConsoleReport(to_stderr=json) as report:
        trained = load(reference, arch, device, report)
        seen = read(trained, [image] if image else [])
        with torch.inference_mode():
            target = find_class(trained, class_, trained.model(seen.x)[0])
        if randomization:
            checked = attribution.compute_randomization(
                trained.model, seen.x, [target], title=title(trained), stage=stage, report=report
            )
        else:
            result = attribution.compute(
                trained.model, seen.x, seen.pixels[0],
                target=target, label=trained.classes[target], title=title(trained), stage=stage,
                report=report,
            )  # fmt: skip
            if data is not None or images is not None:
                where = cache_folder(data_dir)
                loaded = load_images(trained, data, where, report, source)
                scores = attribution.measure_scores(trained, loaded, images or 50, where, report, stage)
                result = replace(result, scores=scores)
    if randomization:
        rows: list[dict[str, Any]] = checked.rows()
        path = save_figure(attribution.draw_randomization(checked), out or Path("randomization.png"))
    else:
        rows = result.scores.rows() if result.scores else result.rows()
        path = save_figure(attribution.draw(result), out or Path("attribution.png"))
    if json:
        print_json({"rows": rows, "figure": str(path)})
        return
    table(rows)
    if not randomization:
        console().print_line(
            f"integrated gradients: {result.steps} steps, their sum misses the difference of the logits "
            f"{result.difference:.3f} by {result.residual:.4f}"
        )
    console().print_line(f"wrote {path}")
