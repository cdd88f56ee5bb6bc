"""Weight files of other programs: read without executing their content, unwrapped, prefixes stripped.

Training scripts rarely save the network's ``state_dict()`` alone. They wrap it (``{"epoch": 3, "state_dict": ...}``),
save it from inside another module (``module.`` of DataParallel, ``model.`` of Lightning, ``_orig_mod.`` of
torch.compile) and add other entries. No list of such habits is complete, so every dictionary of tensors in the file is
compared, below every prefix, with the keys that the network expects, and the best match is taken.
"""

import argparse
import itertools
import pickle
import struct
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import torch
from torch import Tensor

from decanet.core.errors import CheckpointError
from decanet.models.weight_files import is_ours, read_weights, utf8_path, what_it_is

KeyMap = Callable[[Mapping[str, Tensor]], dict[str, Tensor]]

# Parts that wrappers of a module add to its keys: DataParallel, torch.compile, FSDP, activation checkpointing,
# Lightning Fabric. No network here has a layer of such a name.
WRAPPERS = ("module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module", "_forward_module")
COUNTERS = (
    "total_ops",
    "total_params",
    "n_averaged",
)  # buffers of operation counters and of weight averaging
DEEPEST = 4  # dictionaries in dictionaries

# Plain data that scripts save beside the weights (options, the best accuracy, paths). PyTorch's restricted unpickler
# refuses a file for any class that it does not know; creating these executes nothing of the file.
PLAIN: list[Any] = [
    argparse.Namespace,
    *((PurePath, f"{module}.{kind}") for module in ("pathlib", "pathlib._local")
      for kind in ("Path", "PurePath", "PosixPath", "PurePosixPath", "WindowsPath", "PureWindowsPath")),
    *((made.__reduce__()[0], f"{module}.multiarray.{name}") for module in ("numpy.core", "numpy._core")
      for name, made in (("scalar", np.float64(0)), ("_reconstruct", np.empty(0)))),
    np.ndarray, np.dtype, *(type(np.dtype(kind)) for kind in "?bBhHiIlLqQefd"),
]  # fmt: skip


@dataclass(frozen=True)
class Unwrapped:
    """Tensors by the network's keys, and a note on how they were found: one line, empty for a plain state dict."""

    tensors: dict[str, Tensor]
    note: str


def read_file(file: Path) -> Any:
    """Read a ``.pth``, ``.ckpt``, ``.bin`` or ``.safetensors`` file without executing anything in it.

    Raises:
        CheckpointError: the file is missing or damaged, or contains more than tensors and plain data.
    """
    if not file.is_file():
        raise CheckpointError(
            f"no weights file {file}; give decanet, torchvision, timm, or a .pth or .safetensors file"
        )
    try:
        if file.suffix == ".safetensors" or _is_safetensors(file):
            from safetensors.torch import load_file

            if is_ours(file):
                return read_weights(file)
            with utf8_path(file) as named:
                return load_file(named)
        with torch.serialization.safe_globals(PLAIN):
            return torch.load(file, map_location="cpu", weights_only=True)
    except CheckpointError:
        raise
    except Exception as error:
        raise CheckpointError(f"cannot read the weights file {file}: {_cause(file, error)}") from error


def _cause(file: Path, error: Exception) -> str:
    """Describe why a weight file cannot be read: each kind of damage raises its own exception, in both formats."""
    if found := what_it_is(file):
        return f"{found}; download it again"
    if isinstance(error, pickle.UnpicklingError):
        # PyTorch's own message recommends loading without the check, which would execute the file's content.
        return (
            "it is damaged, or contains more than tensors, which could execute code and is never loaded; "
            "save the state_dict() of the network"
        )
    cause = (str(error).strip().splitlines() or [type(error).__name__])[0]
    return f"it is damaged, truncated or not a weight file ({cause}); download it again"


def _is_safetensors(file: Path) -> bool:
    """Whether the file begins as safetensors: with the length of a JSON object and the object."""
    with file.open("rb") as stream:
        start = stream.read(9)
    return len(start) == 9 and start[8:] == b"{" and struct.unpack("<Q", start[:8])[0] < file.stat().st_size


def unwrap(content: Any, expected: Mapping[str, Tensor], key_maps: Sequence[KeyMap]) -> Unwrapped | None:
    """Find the tensors in a file's ``content`` that match best; None if it contains no dictionary of tensors.

    Args:
        content: as :func:`read_file` returns it.
        expected: the network's state dict.
        key_maps: from the keys of libraries that have this network to its own.
    """
    best, best_fit = None, (-1, -1, False)
    for path, table in _tables(content):
        cleaned, stripped = _without_wrappers(table)
        for prefix in _prefixes(cleaned, least=len(expected) // 3):
            inner = {name[len(prefix) :]: value for name, value in cleaned.items() if name.startswith(prefix)}
            for reading in (inner, *(mapped for key_map in key_maps if (mapped := _try_map(key_map, inner)))):
                shared = expected.keys() & reading.keys()
                same = sum(expected[name].shape == reading[name].shape for name in shared)
                # Of equal matches take the averaged weights, which are the ones to be evaluated.
                averaged = any("ema" in part.split("_") for part in (*path, *prefix.split(".")))
                fit = (len(shared), same, averaged)
                if fit > best_fit:
                    left_out = len(cleaned) - len(inner)
                    best, best_fit = Unwrapped(reading, _note(path, stripped, prefix, left_out)), fit
    return best


def _tables(value: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Tensor]]]:
    """Yield every dictionary in ``value`` that contains tensors by name, with the keys that lead to it."""
    if not isinstance(value, Mapping) or len(path) > DEEPEST:
        return
    named = {key: inner for key, inner in value.items() if isinstance(key, str)}
    tensors = {key: inner for key, inner in named.items() if isinstance(inner, Tensor) and _is_plain(inner)}
    if tensors:
        yield path, tensors
    for key, inner in named.items():
        yield from _tables(inner, (*path, key))


def _is_plain(tensor: Tensor) -> bool:
    """Whether a tensor can be copied into a layer: dense, with values, not quantized or complex."""
    unlike = tensor.is_meta or tensor.is_quantized or tensor.is_complex()
    return tensor.layout is torch.strided and not unlike


def _without_wrappers(table: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], list[str]]:
    """The table without the wrappers' parts anywhere in its keys, and the parts that were removed."""
    met: dict[str, None] = {}
    cleaned = {}
    for name, tensor in table.items():
        parts = name.split(".")
        met |= dict.fromkeys(part for part in parts if part in WRAPPERS)
        if parts[-1] not in COUNTERS:
            cleaned[".".join(part for part in parts if part not in WRAPPERS)] = tensor
    return cleaned, [f"{wrapper}." for wrapper in met]


def _prefixes(names: Mapping[str, Tensor], least: int) -> list[str]:
    """The empty prefix, and every dotted prefix of at least ``least`` names."""
    counts = Counter(
        ".".join(start) + "."
        for name in names
        for start in itertools.accumulate([part] for part in name.split(".")[:-1])
    )
    return ["", *(prefix for prefix, count in counts.items() if count >= max(least, 1))]


def _try_map(key_map: KeyMap, state: Mapping[str, Tensor]) -> dict[str, Tensor] | None:
    try:
        return key_map(state)
    except (KeyError, IndexError, ValueError, RuntimeError):  # not this library's names
        return None


def _note(path: Sequence[str], stripped: Sequence[str], prefix: str, left_out: int) -> str:
    prefixes = [*stripped, *([prefix] if prefix else [])]
    done = [f"took {'.'.join(path)!r}"] if path else []
    done += [f"stripped {' and '.join(map(repr, prefixes))}"] if prefixes else []
    note = " and ".join(done)
    if left_out:
        note += f", and left out {left_out} {'tensor' if left_out == 1 else 'tensors'} outside {prefix!r}"
    return note
