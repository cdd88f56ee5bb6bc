"""``decanet doctor``: what this machine has and what it lacks."""

from typing import Any

from decanet.cli._shared import DataDir, Device, JsonFlag, print_json, table


def command(*, device: Device = "auto", data_dir: DataDir = None, json: JsonFlag = False) -> None:
    """Show this machine: versions, cores, instruction set, speed, cache, and what is missing.

    The speeds are those of a square matrix product, in 1e9 operations per second (two for each multiply-add).

    For example:

    ```
    decanet doctor
    decanet doctor --device cuda --json
    ```
    """
    from decanet.benchmarking.machine import examine
    from decanet.core.processor import set_threads
    from decanet.core.runtime import cache_folder, choose_device

    set_threads()
    found = examine(choose_device(device), cache_folder(data_dir))
    if json:
        print_json(found)
        return
    table([{"what": key.replace("_", " "), "found": _in_words(value)} for key, value in found.items()])


def _in_words(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
