"""Results over whole test sets, kept in the cache folder under a key of the weights and the data."""

import hashlib
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from decanet.core.files import atomic_path
from decanet.core.runtime import seed_from
from decanet.data import ImageData

GENERATION = 1  # goes up with every change of what is computed: kept results are then computed anew


def weights_digest(model: nn.Module) -> str:
    """Return the SHA-256 of the names, shapes and values of a network's parameters and buffers."""
    total = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        total.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        total.update(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()


def split_digest(data: ImageData) -> str:
    """Return a digest of the test split of ``data``: of the files of a folder, else of its name, labels and size."""
    if data.files:
        return hashlib.sha256(repr(sorted(data.files.get("test", {}).items())).encode()).hexdigest()
    total = hashlib.sha256(f"{data.name} {len(data.test)}".encode())
    total.update(data.test.labels.numpy().tobytes())
    return total.hexdigest()


def cached(
    folder: Path, view: str, parts: tuple[object, ...], compute: Callable[[], Mapping[str, Tensor]]
) -> dict[str, Tensor]:
    """Return what ``compute`` returns, computed once for each key.

    Args:
        folder: the cache folder, see :func:`decanet.core.runtime.cache_folder`.
        view: name of the view.
        parts: what the result depends on: digests and settings.
        compute: returns tensors by name.
    """
    from safetensors.torch import load_file, save_file

    path = folder / "insight" / f"{view}-{seed_from(GENERATION, view, *parts):016x}.safetensors"
    if path.exists():
        try:
            return load_file(path)
        except Exception:  # a damaged file of the cache is computed anew
            path.unlink(missing_ok=True)
    result = {name: tensor.contiguous() for name, tensor in compute().items()}
    with atomic_path(path) as temporary:
        save_file(result, temporary)
    return result
