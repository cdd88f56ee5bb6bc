"""Weight files of decanet: safetensors with metadata, written atomically and checked when they are read.

Each file contains the SHA-256 of its tensors and its metadata, so a damaged file is never used.
"""

import contextlib
import hashlib
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from decanet.core.errors import CheckpointError, UsageError, shortage
from decanet.core.files import atomic_path

PACKAGED = Path(__file__).parent / "weights"  # of networks trained here, part of the package
DIGEST = "decanet_sha256"  # key of the metadata


def save_weights(
    model: nn.Module, path: Path, about: dict[str, str], dtype: torch.dtype = torch.float32
) -> None:
    """Write the model's tensors, floating-point ones as ``dtype``, with ``about`` as the file's metadata."""
    tensors = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={**about, DIGEST: _digest(tensors, about)})
        _sort_metadata(temporary)


def _digest(tensors: dict[str, Tensor], about: dict[str, str]) -> str:
    """SHA-256 of the names, dtypes, shapes and bytes of the tensors and of ``about``, hexadecimal."""
    total = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        total.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return total.hexdigest()


def _sort_metadata(path: Path) -> None:
    """Sort the metadata by key: safetensors writes them in a different order every time."""
    with path.open("r+b") as file:
        length = int.from_bytes(file.read(8), "little")  # of the header, which is JSON padded with spaces
        header = json.loads(file.read(length))
        header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
        text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode().ljust(length)
        assert len(text) == length, "the same members in another order"
        file.seek(8)
        file.write(text)


def list_packaged() -> list[str]:
    """Names of the networks whose pretrained weights are part of the package."""
    return sorted(file.stem for file in PACKAGED.glob("*.safetensors"))


def packaged_file(name: str) -> Path:
    """Path of the package's weights for network ``name``. Raises UsageError if it has none."""
    if name not in list_packaged():
        raise UsageError(
            f"decanet has no pretrained weights of {name!r}, only of {' and '.join(list_packaged())}; "
            f"train it, or give a run"
        )
    return PACKAGED / f"{name}.safetensors"


def read_about(path: Path) -> dict[str, str]:
    """Read the metadata of a weight file of decanet. Raises CheckpointError as :func:`read_weights`."""
    return _read(path)[1]


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read the tensors of a weight file of decanet.

    Raises:
        CheckpointError: the file is missing, or damaged even in a single bit.
    """
    return _read(path)[0]


def _read(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    try:
        with utf8_path(path) as named:
            with safe_open(named, framework="pt") as file:
                about = dict(file.metadata() or {})
            tensors = load_file(named)
        written, found = about.pop(DIGEST, None), _digest(tensors, about)
    except FileNotFoundError:
        raise CheckpointError(f"no weights at {path}; train first") from None
    except Exception as error:  # each kind of damage raises its own exception
        raise shortage(error) or CheckpointError(
            f"cannot read the weights {path}: {what_it_is(path) or error}; train again"
        ) from None
    if written is None:
        raise CheckpointError(
            f"{path} contains no SHA-256, so damage could not be detected: an older decanet or another program wrote "
            "it; train again"
        )
    if written != found:
        raise CheckpointError(
            f"{path} is damaged: its SHA-256 differs from the one written in it; train again"
        )
    return tensors, about


def what_it_is(path: Path) -> str | None:
    """Describe a file that is recognizably not a weight file; None if it is not recognized."""
    try:
        with path.open("rb") as file:
            start = file.read(64).lstrip()
    except OSError:
        return None
    if not start:
        return "it is empty"
    if start.startswith(b"version https://git-lfs"):
        return "it is a pointer of Git LFS; git lfs pull fetches the file itself"
    if start.startswith(b"<"):
        return "it is a web page instead of the file"
    return None


@contextlib.contextmanager
def utf8_path(path: Path) -> Iterator[Path]:
    """The path itself, or a link to it if its name is not UTF-8, which safetensors requires."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / "weights.safetensors"
            link.symlink_to(path.absolute())
            yield link
    else:
        yield path


def is_ours(path: Path) -> bool:
    """Whether decanet wrote the safetensors file, which then contains a digest."""
    with utf8_path(path) as named, safe_open(named, framework="pt") as file:
        about = file.metadata() or {}
    return DIGEST in about or "recipe" in about  # one damaged bit cannot hide both


def load_weights(model: nn.Module, path: Path) -> None:
    """Load a weight file of decanet. Raises CheckpointError if it is missing, damaged or of another network."""
    fit_weights(model, read_weights(path), str(path))


def fit_weights(model: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Copy ``tensors`` into ``model``. Raises CheckpointError if they belong to another network or are not finite."""
    own = model.state_dict()
    missing, extra = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    other = [name for name in own.keys() & tensors.keys() if own[name].shape != tensors[name].shape]
    if missing or extra or other:
        name = getattr(model, "decanet_name", type(model).__name__)
        if other and not missing and not extra:
            first = sorted(other)[0]
            what = f"{first} has the shape {tuple(tensors[first].shape)} instead of {tuple(own[first].shape)}"
        else:
            first = (missing + extra)[0]
            what = f"{len(missing)} tensors are missing and {len(extra)} are unknown, for instance {first}"
        raise CheckpointError(f"{source} contains the weights of another network than {name}: {what}")
    if broken := [name for name, tensor in tensors.items() if not bool(torch.isfinite(tensor).all())]:
        raise CheckpointError(
            f"{source} contains NaN or infinity in {len(broken)} of {len(tensors)} tensors, for instance {broken[0]}: "
            "the training diverged; train again with a lower learning rate, or use an earlier file"
        )
    model.load_state_dict(tensors)
