"""``decanet train``: from a recipe to a run."""

import contextlib
from json import dumps
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import (
    DataDir,
    Device,
    JsonFlag,
    Source,
    accuracy_in_words,
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
    seed: Annotated[int | None, Parameter(help="Everything random follows from it.")] = None,
    epochs: Annotated[float | None, Parameter(help="Passes over the training images.")] = None,
    set_: Annotated[
        tuple[str, ...],
        Parameter(name="--set", negative=(), help="Change one key, for instance optimizer.lr=0.1."),
    ] = (),
    resume: Annotated[Path | None, Parameter(help="Go on with an interrupted run.")] = None,
    device: Device = "auto",
    threads: Annotated[int | None, Parameter(help="Threads on the CPU (default: one a core).")] = None,
    fallback: Annotated[
        str | None, Parameter(help="Data set to use when no source of --data can be reached.")
    ] = None,
    source: Source = "auto",
    data_dir: DataDir = None,
    dry_run: Annotated[
        bool, Parameter(negative=(), help="Show what would happen and how long it takes.")
    ] = False,
    list_: Annotated[bool, Parameter(name="--list", negative=(), help="List the recipes.")] = False,
    json: JsonFlag = False,
) -> None:
    """Train a network by a recipe, measure it, and draw what it learned.

    A run is a folder: the resolved recipe, the log, the weights, `result.json` and `figures/`. Ctrl-C saves and prints
    the command that goes on. Under `torchrun` the same recipe runs on several processes.

    A folder of your own holds DIR/CLASS/image.jpg, of which every fifth image is held out for testing, or
    DIR/train/CLASS/image.jpg with DIR/test/CLASS and perhaps DIR/val/CLASS. For few images a built-in recipe is given
    smaller batches and more epochs; it says so.

    For example:

    ```
    decanet train quick
    decanet train quick --data ~/images --out runs/mine
    decanet train tutorial_bf16 --seed 1
    decanet train flash --set optimizer.lr=0.2 --set validation=0.1
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
    if resume is not None and (data, out, seed, epochs, set_, fallback, dry_run) != (
        None,
        None,
        None,
        None,
        (),
        None,
        False,
    ):
        raise UsageError(
            "--resume takes everything from the run; only --device, --threads and --data-dir go with it"
        )

    from decanet.cli._watch import Watch
    from decanet.core.processor import set_threads
    from decanet.core.runtime import choose_device, keep_freed_memory, ranks_from_environment

    keep_freed_memory()
    set_threads(threads)
    ranks, chosen = ranks_from_environment(), choose_device(device)
    with Watch(to_stderr=json, quiet=not ranks.is_main) as watch:
        settings = list(set_)
        settings += [f"data.name={dumps(data)}"] if data is not None else []  # whatever it is called: a word
        settings += [f"seed={seed}"] if seed is not None else []
        settings += [f"epochs={epochs}"] if epochs is not None else []
        wish = _Wish(recipe, settings, out, resume, fallback, source, data_dir)
        if dry_run:
            outcome = _dry_run(wish, chosen, watch)
        else:
            outcome = _train(wish, chosen, ranks, watch)
    if ranks.is_main and json:
        print_json(outcome)
    elif ranks.is_main and dry_run:
        _print_dry_run(outcome)
    elif ranks.is_main:
        _print_result(outcome)


class _Wish:
    """What the command line asked for."""

    def __init__(
        self,
        recipe: str | None,
        settings: list[str],
        out: Path | None,
        resume: Path | None,
        fallback: str | None,
        source: str,
        data_dir: Path | None,
    ) -> None:
        self.recipe, self.settings, self.out, self.resume = recipe, settings, out, resume
        self.fallback, self.source, self.data_dir = fallback, source, data_dir


def _prepare(wish: _Wish, device: Any, watch: Any) -> tuple[Any, Any]:
    """The resolved recipe and its data."""
    from decanet.core.errors import DataError
    from decanet.core.recipe import Recipe
    from decanet.core.recipe_files import override
    from decanet.core.run_folder import RunFolder
    from decanet.core.runtime import cache_folder
    from decanet.data import RunData, list_datasets, load_data
    from decanet.evaluation.runs import recipe_of
    from decanet.training.few_images import fit_to_few_images
    from decanet.training.recipes import is_file, load_recipe
    from decanet.training.resolve import image_size_for, resolve
    from decanet.training.run_files import refuse_finished, refuse_other_run

    stored: Any = None
    meant: set[str] | None = None
    if wish.resume is not None:
        run = RunFolder(wish.resume)
        recipe = recipe_of(run)
        refuse_finished(run)
        stored = RunData.of(run.read_json(run.data), run.data)
    else:
        assert wish.recipe is not None
        if wish.out is not None:
            refuse_other_run(RunFolder(wish.out))
        recipe = load_recipe(wish.recipe)
        # What stands in a file of one's own is as much meant as what is typed.
        meant = set(recipe.model_fields_set) if is_file(wish.recipe) else set()
        meant |= {setting.partition("=")[0].strip() for setting in wish.settings}
        recipe = override(recipe, wish.settings)

    def load(name: str) -> Any:
        return load_data(
            name,
            cache=cache_folder(wish.data_dir),
            report=watch,
            source=wish.source,
            image_size=recipe.augmentation.resize or image_size_for(recipe),
            seed=recipe.seed,
            stored=stored,
        )

    try:
        data = load(recipe.data.name)
    except DataError as error:
        if wish.fallback is None or recipe.data.name not in list_datasets():
            raise  # what is wrong with a folder of one's own is not mended by other data
        watch.note(f"{error}")
        watch.note(
            f"{recipe.data.name} cannot be had here: everything that follows is done on {wish.fallback} instead"
        )
        data = load(wish.fallback)
        # Constants for the other data do not fit this one.
        recipe = override(recipe, ["data.mean=null", "data.std=null"])
    if not data.files:  # a folder has told more
        watch.note(
            f"data: {data.name} from {data.source}; {len(data.train)} images to train, {len(data.test)} to test"
        )
    if recipe.augmentation.flip != "none" and not data.flippable:
        watch.note(f"no horizontal flips: they would change the classes of {data.name}")
    if meant is not None:
        # Data asked for by name is what the recipe is tried on: the training stays as it is, the curves get points.
        named = not data.files and data.name != wish.fallback
        fixed = meant | (set(Recipe.model_fields) - {"log_every"} if named else set())
        recipe, fitted = fit_to_few_images(recipe, len(data.held_out(recipe.validation)[0]), fixed)
        if fitted:
            watch.note(fitted)
    return resolve(recipe, data, device), data


def _train(wish: _Wish, device: Any, ranks: Any, watch: Any) -> dict[str, Any]:
    from decanet.core.collectives import broadcast_from_main
    from decanet.core.processor import precision_in_words
    from decanet.core.run_folder import RunFolder
    from decanet.evaluation.runs import load_run
    from decanet.training.distributed import process_group
    from decanet.training.run_files import new_run_path
    from decanet.training.session import run_training

    with process_group(ranks, device):
        # The main process fetches and resolves; the others then find the data in the cache and take its recipe.
        prepared = _prepare(wish, device, watch) if ranks.is_main else None
        recipe: Any = broadcast_from_main(prepared[0] if prepared else None, ranks)
        data = prepared[1] if prepared else _prepare(wish, device, watch)[1]
        given = wish.resume or wish.out
        path: Any = broadcast_from_main(given or (new_run_path(recipe) if ranks.is_main else None), ranks)
        run = RunFolder(path)
        watch.note(
            f"{recipe.model.name} by recipe {recipe.name} in {recipe.precision} on {device}; run: {path}"
        )
        watch.note(f"precision: {precision_in_words(recipe.precision, device)}")

        def draw(result: dict[str, Any], said: Any) -> None:
            watch.note("drawing")
            shown = None if recipe.validation else data
            draw_run(run, load_run(run.path, device).model, result, said, shown)

        try:
            result, _ = run_training(
                recipe, data, run, device=device, ranks=ranks, report=watch, resume=wish.resume is not None,
                draw=draw,
            )  # fmt: skip
        except BaseException:
            if given is None:
                with contextlib.suppress(OSError):
                    run.path.rmdir()  # which goes only where nothing was begun in it
            raise
    return {**result, "run": str(path)}


def draw_run(run: Any, model: Any, result: dict[str, Any], said: Any, data: Any) -> None:
    """Write a run's figures; without ``data`` only those that show no test image."""
    from decanet.core.plotting import save_class_legend, save_figure
    from decanet.evaluation.figures import confusion, curves, most_confident
    from decanet.insight.filters import first_kernels, kernel_sheet

    with run.drawing() as folder:
        save_figure(curves(run.read_metrics(), result), folder / "curves.png")
        kernels = first_kernels(model)
        if kernels:
            save_figure(kernel_sheet(kernels), folder / "kernels.png")
        if data is not None:
            save_figure(confusion(said, data.classes), folder / "confusion.png")
            save_figure(most_confident(said, data), folder / "most_confident.png")
            save_class_legend(data.classes, folder)


def _dry_run(wish: _Wish, device: Any, watch: Any) -> dict[str, Any]:
    from decanet.training.dry_run import dry_run

    recipe, data = _prepare(wish, device, watch)
    return dry_run(recipe, data, device=device, report=watch)


def _print_recipes(json: bool) -> None:
    from decanet.training.recipes import list_recipes

    recipes = list_recipes()
    if json:
        print_json(recipes)
        return
    own = {name: summary for name, summary in recipes.items() if ":" not in name}
    table([{"recipe": name, "what it is": summary} for name, summary in own.items()])
    networks = ", ".join(name.partition(":")[2] for name in recipes if ":" in name)
    console().print(f"paper:NAME is how its paper trains the network NAME: {networks}")


def _print_result(result: dict[str, Any]) -> None:
    from decanet.cli._watch import clock

    split = "test" if "test_top1" in result else "validation"
    out = console()
    accuracy = accuracy_in_words(result[f"{split}_top1"], result[f"{split}_top5"], f"the {split} images")
    out.print(
        f"\n{accuracy}, after {clock(result['train_seconds'])} of training at "
        f"{result['images_per_second']:.0f} images/s",
        markup=True,
    )
    run = result["run"]
    out.say(f"figures: {run}/figures   result: {run}/result.json")
    out.print(f"try it:  {decanet_line('predict', 'IMAGE', '--model', run)}")


def _print_dry_run(measured: dict[str, Any]) -> None:
    from decanet.cli._watch import clock

    out = console()
    out.print(measured["recipe"], markup=False)
    rows = [
        {"what": "parameters", "value": f"{measured['params']:,}"},
        {"what": "multiply-adds for one image", "value": f"{measured['macs']:,}"},
        {"what": "memory at its peak", "value": f"{measured['memory_bytes'] / 1e6:,.0f} MB"},
        {"what": "images per second", "value": f"{measured['images_per_second']:,.0f}"},
        {"what": "steps", "value": f"{measured['steps']:,}"},
        {"what": "predicted training time", "value": clock(measured["predicted_seconds"])},
    ]
    table(rows, right=("value",))
