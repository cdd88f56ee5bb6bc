"""``decanet data``: list, fetch and verify data sets."""

from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter

from decanet.cli._shared import DataDir, JsonFlag, Source, console, print_json, table

command = cyclopts.App(name="data", help="List, fetch and verify data sets.")


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
