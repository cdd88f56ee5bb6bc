"""``decanet predict``: name what is on pictures."""

from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import Device, JsonFlag, console, print_json


def command(
    *paths: Annotated[
        Path, Parameter(name="RUN PICTURE", help="Folder of a run, then pictures or folders of pictures.")
    ],
    model: Annotated[
        str | None,
        Parameter(help="In place of a run: decanet_s or decanet_m, which come trained on CIFAR-10."),
    ] = None,
    top: Annotated[int, Parameter(help="How many classes to name.")] = 3,
    device: Device = "auto",
    json: JsonFlag = False,
) -> None:
    """Name what is on your pictures, with how sure the network is.

    A picture that cannot be read is reported on stderr, the others are still named; the exit code is then 3.

    For example:

    ```
    decanet predict --model decanet_m cat.jpg
    decanet predict runs/quick-20261124-093000 cat.jpg
    decanet predict runs/mine ~/pictures --top 5 --json
    ```
    """
    from decanet.core.errors import DataError, UsageError

    pictures = paths if model is not None else paths[1:]
    if not pictures:
        with_what = f"--model {model}" if model else paths[0] if paths else "--model decanet_m"
        raise UsageError(f"name at least one picture, for instance: decanet predict {with_what} cat.jpg")
    if top < 1:
        raise UsageError(f"--top must be at least 1, got {top}")
    from decanet.core.processor import set_threads
    from decanet.core.runtime import choose_device, keep_freed_memory
    from decanet.evaluation.runs import load_run, load_shipped, name_pictures

    keep_freed_memory()
    set_threads()
    chosen = choose_device(device)
    trained = load_shipped(model, chosen) if model is not None else load_run(paths[0], chosen)
    named, unreadable = name_pictures(trained, _files(pictures), top)
    if json:
        print_json(
            [
                {"picture": str(path), "classes": [_entry(*guess) for guess in guesses]}
                for path, guesses in named
            ]
        )
    else:
        for path, guesses in named:
            said = ", ".join(f"{name} {100 * share:.1f}%" for name, share in guesses)
            console().print(f"{path}: {said}", markup=False)
    if unreadable:
        raise DataError("; ".join(unreadable))


def _entry(name: str, probability: float) -> dict[str, Any]:
    return {"class": name, "probability": probability}


def _files(given: tuple[Path, ...]) -> list[Path]:
    """Pictures as they are, folders as all pictures below them."""
    from decanet.data.images import images_below

    files: list[Path] = []
    for path in given:
        files += images_below(path).paths if path.is_dir() else [path]
    return files
