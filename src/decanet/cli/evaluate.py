"""``decanet evaluate``: evaluate a trained network on its own test split, or on other data."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from decanet.cli._shared import (
    Arch,
    DataDir,
    Device,
    JsonFlag,
    ModelFile,
    Source,
    accuracy_in_words,
    console,
    print_json,
)


def command(
    model: Annotated[
        str,
        Parameter(
            help="The trained network: a run's folder, decanet_m, NAME@SOURCE for pretrained weights, or a weight file "
            "with --arch."
        ),
    ],
    *,
    arch: Arch = None,
    model_file: ModelFile = None,
    data: Annotated[
        str | None,
        Parameter(
            help="Other data with some or all of the network's classes: a data set's name, or a folder, all of it. "
            "Pretrained weights need it."
        ),
    ] = None,
    tta: Annotated[
        str | None,
        Parameter(help="Test-time augmentation: none, flip, flip_shift or ten_crop. Default: the recipe's."),
    ] = None,
    figures: Annotated[
        Path | None, Parameter(help="Folder for the confusion matrix and the most confident predictions.")
    ] = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Evaluate a trained network on its own test split, or on other data.

    Files that a run was trained on are left out, whatever their names and folders are. An image that was saved again,
    for instance in another format, is another file.

    Pretrained weights are evaluated on a folder DIR/CLASS/image.jpg of your own with ImageNet's classes.

    For example:

    ```
    decanet evaluate runs/quick-20261124-093000
    decanet evaluate decanet_m --tta none
    decanet evaluate runs/mine --data ~/others --tta flip_shift --figures figures
    decanet evaluate resnet50_v1_5@torchvision --data ~/imagenet
    decanet evaluate weights.pth --arch resnet18 --data ~/imagenet
    ```
    """
    from decanet.cli.progress import ConsoleReport
    from decanet.core.processor import set_threads
    from decanet.core.runtime import cache_folder, choose_device, keep_freed_memory
    from decanet.evaluation.accuracy import evaluate, load_evaluation_data, require_folder, require_tta
    from decanet.evaluation.model_file import build_for_run
    from decanet.evaluation.reference import load_model, parse_reference

    require_tta(tta)
    if parse_reference(model, arch).is_imagenet:
        require_folder(data)
    keep_freed_memory()
    set_threads()
    own = build_for_run(model_file, model) if model_file else None
    trained = load_model(model, choose_device(device), arch, own).with_tta(tta)
    with ConsoleReport(to_stderr=json) as report:
        for note in trained.provenance.notes:
            report.note(note)
        images = load_evaluation_data(
            trained, data, cache=cache_folder(data_dir), report=report, source=source
        )
        report.note(f"evaluating on {len(images.test)} images of {images.name}")
        evaluation = evaluate(trained, images)
    if json:
        print_json(evaluation.as_dict())
    else:
        what = f"{len(evaluation.predictions.labels)} images"
        out = console()
        out.print(
            f"{accuracy_in_words(evaluation.top1, evaluation.top5, what)}, loss {evaluation.loss:.4f}",
            markup=True,
        )
        if (stated := trained.provenance.stated) is not None:
            out.print(
                f"{stated.weights} states {stated.top1_pct:.2f}% and {stated.top5_pct:.2f}% on ImageNet's validation "
                "images"
            )
    if figures is not None:  # after the result, which stays where they cannot be written
        from decanet.evaluation.figures import save_predictions

        save_predictions(evaluation.predictions, images, figures)
