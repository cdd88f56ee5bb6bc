"""``decanet data``: list, fetch, verify and look at data sets."""

from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter

from decanet.cli._shared import FIGURE, DataDir, JsonFlag, Source, console, print_json, table

command = cyclopts.App(name="data", help="List, fetch, verify and look at data sets.")


@command.command(name="list")
def list_(*, data_dir: DataDir = None, json: JsonFlag = False) -> None:
    """List the data sets: contents, sources, and whether they are in the cache.

    For example:

    ```
    decanet data list
    ```
    """
    from decanet.core.runtime import cache_folder
    from decanet.data import dataset_entry, list_datasets

    cache = cache_folder(data_dir)
    rows: list[dict[str, Any]] = []
    for name in list_datasets():
        entry = dataset_entry(name)
        cached = "yes" if entry.is_cached(cache) else "no"
        rows.append(
            {"name": name, "contents": entry.summary, "sources": ", ".join(entry.sources), "cached": cached}
        )
    if json:
        print_json(rows)
    else:
        table(rows)
        console().print_line(f"cache: {cache}")


@command.command
def fetch(
    name: Annotated[str, Parameter(help="A data set's name; decanet data list shows them.")],
    *,
    source: Source = "auto",
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Fetch a data set into the cache, from the first source that serves it.

    For example:

    ```
    decanet data fetch cifar10
    decanet data fetch cifar10 --source publisher
    decanet data fetch cifar10 --source ~/Downloads/cifar-10-binary.tar.gz
    ```
    """
    _load(name, source, data_dir, json, "fetched")


@command.command
def verify(
    name: Annotated[str, Parameter(help="A data set's name.")],
    *,
    data_dir: DataDir = None,
    json: JsonFlag = False,
) -> None:
    """Check the cached copy of a data set against the SHA-256 sums in the code; fetch nothing.

    For example:

    ```
    decanet data verify cifar10
    ```
    """
    _load(name, "cache", data_dir, json, "verified")


def _load(name: str, source: str, data_dir: Any, json: bool, done: str) -> None:
    from decanet.cli.progress import ConsoleReport
    from decanet.core.runtime import cache_folder
    from decanet.data import dataset_entry

    with ConsoleReport(to_stderr=json) as report:
        data = dataset_entry(name).load(cache_folder(data_dir), source, report)
    summary = {
        "name": data.name,
        "source": data.source,
        "train": len(data.train),
        "test": len(data.test),
        "classes": list(data.classes),
        "mean": data.mean,
        "std": data.std,
    }
    if json:
        print_json(summary)
    else:
        console().print(
            f"{name}: {done}, from {data.source}; {len(data.train)} training images, {len(data.test)} test images, "
            f"{len(data.classes)} classes",
            markup=False,
        )


@command.command
def sheet(
    name: Annotated[str, Parameter(help="A data set's name, or a folder DIR/CLASS/image.jpg.")] = "cifar10",
    /,
    *,
    out: Annotated[Path | None, Parameter(validator=FIGURE)] = None,
    seed: int = 0,
    source: Source = "auto",
    data_dir: DataDir = None,
) -> None:
    """Draw ten training images of every class, with the number of images of each.

    For example:

    ```
    decanet data sheet cifar10
    decanet data sheet ~/images --out images.png
    ```

    Args:
        out: The figure (.png, .svg, .pdf; default: samples.png).
        seed: Random seed of the choice.
    """
    from decanet.core.plotting import save_figure
    from decanet.data.sheets import draw_samples, sample

    _, data, spec = _prepared("quick", name, source, data_dir)
    path = save_figure(draw_samples(sample(data, spec, seed=seed)), out or Path("samples.png"))
    console().print_line(f"wrote {path}")


@command.command
def augment(
    recipe: Annotated[str, Parameter(help="A recipe; decanet train --list shows them.")] = "tutorial",
    /,
    *,
    index: int = 0,
    data: str | None = None,
    out: Annotated[Path | None, Parameter(validator=FIGURE)] = None,
    seed: int = 0,
    source: Source = "auto",
    data_dir: DataDir = None,
) -> None:
    """Draw one training image as the loader augments it in 32 epochs of a recipe.

    For example:

    ```
    decanet data augment tutorial --index 5
    decanet data augment best --data ~/images --out augmented.png
    ```

    Args:
        index: Number of the image in the training set.
        data: A data set's name or a folder (default: the recipe's own).
        out: The figure (.png, .svg, .pdf; default: augmented.png).
        seed: Random seed of the augmentation.
    """
    from decanet.core.plotting import save_figure
    from decanet.data.sheets import augment_one, draw_augmented

    chosen, images, spec = _prepared(recipe, data, source, data_dir)
    found = augment_one(images, chosen.augmentation, spec, index, seed=seed)
    console().print_line(f"recipe {chosen.name}: {found.description}")
    console().print_line(f"wrote {save_figure(draw_augmented(found), out or Path('augmented.png'))}")


def _prepared(name: str, data: str | None, source: str, data_dir: Path | None) -> Any:
    """The resolved recipe, its data, and the specification of the images that a sheet shows."""
    import torch

    from decanet.cli.progress import ConsoleReport
    from decanet.core.runtime import cache_folder
    from decanet.data.sheets import pixels_spec
    from decanet.evaluation.specification import input_spec
    from decanet.training.start import DataSource, choose_recipe, prepare

    device = torch.device("cpu")
    settings = [] if data is None else [f"data.name={data}"]
    with ConsoleReport() as report:
        recipe, images = prepare(
            *choose_recipe(name, settings),
            DataSource(cache_folder(data_dir), source),
            device=device,
            report=report,
        )
    return recipe, images, pixels_spec(input_spec(recipe, device))
