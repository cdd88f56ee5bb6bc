"""``decanet evaluate``: measure a trained run again, on its own data or on other."""

import os
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import DataDir, Device, JsonFlag, Source, accuracy_in_words, console, print_json


def command(
    run: Annotated[
        Path,
        Parameter(help="Folder of a run, or decanet_s or decanet_m; with --weights the name of a network."),
    ],
    *,
    data: Annotated[
        str | None,
        Parameter(help="Other data with some or all of the run's classes: a name, or a folder, all of it."),
    ] = None,
    tta: Annotated[
        str | None,
        Parameter(help="Test-time augmentation: none, flip, flip_shift or ten_crop. Default: the recipe's."),
    ] = None,
    figures: Annotated[
        Path | None, Parameter(help="Folder for the confusion matrix and the most confident predictions.")
    ] = None,
    weights: Annotated[
        str | None,
        Parameter(
            help="Pretrained weights for a network: torchvision, timm, one of their sets (timm:SET), or a file."
        ),
    ] = None,
    device: Device = "auto",
    source: Source = "auto",
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Evaluate a trained run on its own test split, or on other data.

    Files that the run was trained on are never counted, whatever they are called and wherever they lie; an image that
    was saved anew, for instance in another format, is another file.

    For example:

    ```
    decanet evaluate runs/quick-20261124-093000
    decanet evaluate resnet50_v1_5 --weights torchvision --data ~/imagenet
    decanet evaluate runs/mine --data ~/other-images --tta flip_shift --figures /tmp/figures
    ```
    """
    from decanet.cli._watch import Watch
    from decanet.core.errors import UsageError
    from decanet.core.processor import set_threads
    from decanet.core.run_folder import RunFolder
    from decanet.core.runtime import cache_folder, choose_device, keep_freed_memory
    from decanet.data import RunData, bare_name, load_test_data
    from decanet.evaluation.evaluate import evaluate_split
    from decanet.evaluation.runs import load_model
    from decanet.evaluation.tta import TTA, require_margin

    if tta is not None and tta not in TTA:
        raise UsageError(f"--tta takes {', '.join(TTA)}; got {tta!r}")
    keep_freed_memory()
    set_threads()
    chosen = choose_device(device)
    if weights is not None:
        if data is None:
            raise UsageError(
                "--weights needs --data DIR, a folder DIR/CLASS/image.jpg with ImageNet's classes"
            )
        _published(str(run), weights, Path(os.path.expanduser(data)), chosen, json)
        return
    trained = load_model(run, chosen)
    recipe = trained.recipe.model_copy(update={"tta": tta or trained.recipe.tta})
    image_size = trained.spec.image_size
    require_margin(recipe.tta, recipe.augmentation.resize or image_size, image_size)
    about = RunFolder(run).data
    remembered = (
        RunData.of(RunFolder(run).read_json(about), about)
        if run.is_dir()
        else RunData(recipe.data.name, trained.classes)
    )
    with Watch(to_stderr=json) as watch:
        images = load_test_data(
            remembered,
            data,
            cache=cache_folder(data_dir),
            report=watch,
            source=source,
            image_size=recipe.augmentation.resize or image_size,
        )
        watch.note(f"evaluating on {len(images.test)} images of {images.name}")
        said = evaluate_split(trained.model, recipe, images, "test", chosen)
    result = {
        "run": str(run),
        "model": recipe.model.name,
        "data": bare_name(images.name),
        "images": len(said.labels),
        "tta": recipe.tta,
        "test_top1": said.accuracy(),
        "test_top5": said.accuracy(5),
        "test_loss": said.loss,
    }
    if json:
        print_json(result)
    else:
        console().print(
            accuracy_in_words(said.accuracy(), said.accuracy(5), f"{len(said.labels)} images")
            + f", loss {said.loss:.4f}",
            markup=True,
        )
    if figures is not None:  # after the result, which stays where they cannot be written
        from decanet.core.plotting import save_class_legend, save_figure
        from decanet.evaluation.figures import confusion, most_confident

        save_figure(confusion(said, images.classes), figures / "confusion.png")
        save_figure(most_confident(said, images), figures / "most_confident.png")
        save_class_legend(images.classes, figures)


def _published(name: str, weights: str, folder: Path, device: Any, json: bool) -> None:
    """Measure pretrained weights, and show what their publisher states beside it."""
    from decanet.cli._watch import Watch
    from decanet.data import bare_name
    from decanet.evaluation.pretrained import evaluate_pretrained

    with Watch(to_stderr=json) as watch:
        measured = evaluate_pretrained(name, weights, folder, device, watch)
    said, stated = measured.said, measured.stated
    if json:
        print_json(
            {
                "model": name,
                "weights": weights,
                "data": bare_name(str(folder.resolve())),
                "images": len(said.labels),
                "top1": said.accuracy(),
                "top5": said.accuracy(5),
                "stated_top1_pct": stated.top1_pct if stated else None,
                "stated_top5_pct": stated.top5_pct if stated else None,
                "notes": measured.notes,
            }
        )
        return
    out = console()
    for note in measured.notes:
        out.say(note)
    out.print(accuracy_in_words(said.accuracy(), said.accuracy(5), f"{len(said.labels)} images"), markup=True)
    if stated is not None:
        out.print(
            f"{stated.weights} states {stated.top1_pct:.2f}% and {stated.top5_pct:.2f}% on ImageNet's validation "
            "images"
        )
