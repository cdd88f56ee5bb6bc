"""``decanet predict``: predict the classes of images."""

import sys
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from decanet.cli._shared import Device, JsonFlag, console, print_json
from decanet.core.printable import decanet_line, shell_line

MANY = 50  # images from which on progress is shown


def command(
    *paths: Annotated[
        Path, Parameter(name="RUN IMAGE", help="Folder of a run, then images or folders of images.")
    ],
    model: Annotated[
        str | None,
        Parameter(help="Instead of a run: decanet_s or decanet_m, whose weights for CIFAR-10 are included."),
    ] = None,
    top: Annotated[int, Parameter(help="How many classes to list.")] = 3,
    device: Device = "auto",
    json: JsonFlag = False,
) -> None:
    """Predict the classes of your images, with the confidence in each.

    An image that cannot be read is reported on stderr, the others are still predicted; the exit code is then 3.

    For example:

    ```
    decanet predict --model decanet_m cat.jpg
    decanet predict runs/quick-20261124-093000 cat.jpg
    decanet predict runs/mine ~/images --top 5 --json
    ```
    """
    from decanet.cli._watch import Watch
    from decanet.core.errors import DataError, UsageError

    images = paths if model is not None else paths[1:]
    if model is None and paths and _is_no_run(paths[0], alone=not images):
        command = decanet_line("predict", "--model", "decanet_m", *paths[:3])
        raise UsageError(f"{paths[0]} is no run, and no --model is given; for instance: {command}")
    if not images:
        with_what = f"--model {model}" if model else shell_line(paths[0]) if paths else "--model decanet_m"
        raise UsageError(
            f"give at least one image, for instance: {decanet_line('predict')} {with_what} cat.jpg"
        )
    if top < 1:
        raise UsageError(f"--top must be at least 1, got {top}")
    from decanet.core.processor import set_threads
    from decanet.core.runtime import choose_device, keep_freed_memory
    from decanet.evaluation.runs import load_packaged, load_run, predict_images

    keep_freed_memory()
    set_threads()
    chosen = choose_device(device)
    trained = load_packaged(model, chosen) if model is not None else load_run(paths[0], chosen)
    predicted: list[dict[str, Any]] = []
    unreadable: DataError | None = None
    out = console()
    # On a terminal the lines go above the progress bar; in a pipe stdout holds the predictions alone.
    with Watch(to_stderr=json or not out.is_terminal) as watch:
        files = _files(images, watch)
        try:
            for done, (path, guesses) in enumerate(predict_images(trained, files, top), 1):
                if isinstance(guesses, DataError):
                    if unreadable is not None:
                        print(unreadable.line, file=sys.stderr)
                    unreadable = guesses  # the last one ends the command
                elif json:
                    predicted.append({"image": str(path), "classes": [_entry(*guess) for guess in guesses]})
                else:
                    said = ", ".join(f"{name} {100 * probability:.1f}%" for name, probability in guesses)
                    (watch.note if out.is_terminal else out.say)(f"{path}: {said}")
                if len(files) >= MANY:
                    watch.progress("predicting", done, len(files), "images")
        finally:  # Ctrl-C loses nothing of what is known
            if json:
                print_json(predicted)
    if unreadable is not None:
        raise unreadable


def _is_no_run(path: Path, *, alone: bool) -> bool:
    """Whether ``path`` is rather an image, or, given ``alone``, a folder of images."""
    from decanet.data.image_io import image_endings

    if path.is_dir():
        return alone and not (path / "recipe.toml").exists()
    return path.is_file() or path.suffix.lower() in image_endings()


def _entry(name: str, probability: float) -> dict[str, Any]:
    return {"class": name, "probability": probability}


def _files(given: tuple[Path, ...], watch: Any) -> list[Path]:
    """Images as they are, folders as all images below them."""
    from decanet.data.images import images_below, skipped_in_words

    files: list[Path] = []
    for path in given:
        if not path.is_dir():
            files.append(path)
            continue
        listed = images_below(path)
        files += listed.paths
        if listed.skipped:
            watch.note(f"{path}: {skipped_in_words(listed.skipped)}")
    return files
