"""``decanet train``: train a network by a recipe."""

from json import dumps
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import (
    DataDir,
    Device,
    JsonFlag,
    ModelFile,
    Source,
    accuracy_in_words,
    clock,
    console,
    print_json,
    table,
)
from decanet.core.printable import decanet_line


def command(
    recipe: Annotated[str | None, Parameter(help="A built-in recipe, or the path of a TOML file.")] = None,
    *,
    data: Annotated[str | None, Parameter(help="A data set's name, or a folder DIR/CLASS/image.jpg.")] = None,
    out: Annotated[Path | None, Parameter(help="Folder of the run (default: runs/RECIPE-TIME).")] = None,
    seed: Annotated[int | None, Parameter(help="Random seed of the whole training.")] = None,
    epochs: Annotated[
        float | None,
        Parameter(help="Length of the training: one epoch is as many samples as the training set holds."),
    ] = None,
    set_: Annotated[
        tuple[str, ...],
        Parameter(
            name="--set", negative=(), help="Change one key of the recipe, for instance optimizer.lr=0.1."
        ),
    ] = (),
    model_file: ModelFile = None,
    resume: Annotated[Path | None, Parameter(help="Resume an interrupted run.")] = None,
    device: Device = "auto",
    threads: Annotated[int | None, Parameter(help="Threads on the CPU (default: one per core).")] = None,
    fallback: Annotated[
        str | None, Parameter(help="Data set to use when no source of --data can be reached.")
    ] = None,
    source: Source = "auto",
    data_dir: DataDir = None,
    dry_run: Annotated[
        bool, Parameter(negative=(), help="Show the resolved recipe, its cost and its time; train nothing.")
    ] = False,
    list_: Annotated[bool, Parameter(name="--list", negative=(), help="List the recipes.")] = False,
    json: JsonFlag = False,
) -> None:
    """Train a network by a recipe, evaluate it, and draw its figures.

    A run is a folder: the resolved recipe, the log, the weights, `result.json` and `figures/`. Ctrl-C saves a
    checkpoint and prints the command that resumes the run. Under `torchrun` the same recipe runs on several processes.

    A folder of your own holds DIR/CLASS/image.jpg, of which every fifth image is held out for testing, or
    DIR/train/CLASS/image.jpg with DIR/test/CLASS and perhaps DIR/val/CLASS. A built-in recipe is fitted to few images,
    with smaller batches and more epochs, and prints what it changes.

    For example:

    ```
    decanet train quick
    decanet train quick --data ~/images --out runs/mine
    decanet train tutorial_bf16 --seed 1
    decanet train flash --set optimizer.lr=0.2 --set validation=0.1
    decanet train tutorial --model-file my_alexnet.py:AlexNet
    decanet train --resume runs/quick-20261124-093000
    torchrun --nproc-per-node 2 -m decanet train quick
    ```
    """
    from decanet.core.errors import UsageError

    if list_:
        _print_recipes(json)
        return
    if (recipe is None) == (resume is None):
        raise UsageError(
            "give a recipe, for instance: decanet train quick; or --resume RUN; --list shows the recipes"
        )
    fixed_by_the_run = (data, out, seed, epochs, set_ or None, fallback, dry_run or None)
    if resume is not None and any(value is not None for value in fixed_by_the_run):
        raise UsageError(
            "--resume takes everything from the run; only --model-file, --device, --threads and --data-dir go with it"
        )
    settings = list(set_)
    settings += [f"data.name={dumps(data)}"] if data is not None else []  # a word, whatever it looks like
    settings += [f"seed={seed}"] if seed is not None else []
    settings += [f"epochs={epochs}"] if epochs is not None else []

    from decanet.cli.progress import ConsoleReport
    from decanet.core.processor import set_threads
    from decanet.core.run_folder import RunFolder
    from decanet.core.runtime import (
        cache_folder,
        choose_device,
        keep_freed_memory,
        ranks_from_environment,
        seed_torch,
    )
    from decanet.insight.run_figures import draw_run
    from decanet.training.dry_run import dry_run as run_dry
    from decanet.training.run_files import refuse_other_run
    from decanet.training.start import (
        DataSource,
        Prepared,
        choose_recipe,
        count_classes,
        prepare,
        prepare_resumed,
        train_prepared,
    )

    keep_freed_memory()
    set_threads(threads)
    ranks, chosen_device = ranks_from_environment(), choose_device(device)
    where = DataSource(cache_folder(data_dir), source, fallback)
    model: Any = None
    if model_file is not None:
        from decanet.evaluation.model_file import build_for_run, build_model, load_model_file

        if resume is not None:
            model = build_for_run(model_file, resume)
        else:
            assert recipe is not None
            classes = count_classes(choose_recipe(recipe, settings)[0], where)
            seed_torch(choose_recipe(recipe, settings)[0].seed, chosen_device)
            model = build_model(load_model_file(model_file), classes)
    with ConsoleReport(to_stderr=json, quiet=not ranks.is_main) as report:

        def prepared() -> Prepared:
            if resume is not None:
                return prepare_resumed(
                    RunFolder(resume), where, device=chosen_device, report=report, model=model
                )
            assert recipe is not None
            if out is not None:
                refuse_other_run(RunFolder(out))
            chosen = choose_recipe(recipe, settings)
            return prepare(*chosen, where, device=chosen_device, report=report, model=model)

        if dry_run:
            if model is not None:
                raise UsageError(
                    "--dry-run is for registered networks; leave --model-file out, or train with --epochs 0.1"
                )
            measured = run_dry(*prepared(), device=chosen_device, report=report)
        else:
            run, result = train_prepared(
                prepared,
                device=chosen_device,
                ranks=ranks,
                report=report,
                out=out,
                resume=resume,
                model=model,
                draw=draw_run,
            )
    if not ranks.is_main:
        return
    if json:
        print_json(measured if dry_run else {**result, "run": str(run.path)})
    elif dry_run:
        _print_dry_run(measured)
    else:
        _print_result(result, run.path)


def _print_recipes(json: bool) -> None:
    from decanet.training.recipes import list_recipes

    recipes = list_recipes()
    if json:
        print_json(recipes)
        return
    own = {name: summary for name, summary in recipes.items() if ":" not in name}
    table([{"recipe": name, "summary": summary} for name, summary in own.items()])
    networks = ", ".join(name.partition(":")[2] for name in recipes if ":" in name)
    console().print(f"paper:NAME is the recipe of the paper that introduced the network NAME: {networks}")


def _print_result(result: dict[str, Any], run: Path) -> None:
    split = "test" if "test_top1" in result else "validation"
    out = console()
    accuracy = accuracy_in_words(result[f"{split}_top1"], result[f"{split}_top5"], f"the {split} images")
    out.print(
        f"\n{accuracy}, after {clock(result['train_seconds'])} of training at "
        f"{result['images_per_second']:.0f} images/s",
        markup=True,
    )
    out.print_line(f"figures: {run}/figures   result: {run}/result.json")
    out.print(f"try it:  {decanet_line('predict', 'IMAGE', '--model', run)}")


def _print_dry_run(measured: dict[str, Any]) -> None:
    out = console()
    out.print(measured["recipe"], markup=False)
    rows = [
        {"quantity": "parameters", "value": f"{measured['params']:,}"},
        {"quantity": "multiply-adds for one image", "value": f"{measured['macs']:,}"},
        {"quantity": "peak memory", "value": f"{measured['memory_bytes'] / 1e6:,.0f} MB"},
        {"quantity": "images per second", "value": f"{measured['images_per_second']:,.0f}"},
        {"quantity": "steps", "value": f"{measured['steps']:,}"},
        {"quantity": "predicted training time", "value": clock(measured["predicted_seconds"])},
    ]
    table(rows, right=("value",))
