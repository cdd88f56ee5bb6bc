"""Weights in safetensors files: written whole or not at all, read into the right network or refused in one line."""

from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from decanet.core.errors import CheckpointError, UsageError
from decanet.core.results import atomic_path

SHIPPED = Path(__file__).parent / "weights"  # networks that were trained here and come with the package


def save_weights(
    model: nn.Module, path: Path, about: dict[str, str], dtype: torch.dtype = torch.float32
) -> None:
    """Write the model's tensors, its floats as ``dtype``, with ``about`` as the file's metadata."""
    tensors = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in model.state_dict().items()
    }
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata=about)


def list_shipped() -> list[str]:
    """Names of the networks whose trained weights come with the package."""
    return sorted(file.stem for file in SHIPPED.glob("*.safetensors"))


def shipped_file(name: str) -> Path:
    """The weights that come with the package for network ``name``. Raises UsageError where there are none."""
    if name not in list_shipped():
        raise UsageError(
            f"decanet brings no trained weights of {name!r} along, only of {' and '.join(list_shipped())}; "
            f"train it, or give a run"
        )
    return SHIPPED / f"{name}.safetensors"


def read_about(path: Path) -> dict[str, str]:
    """The metadata of a weights file."""
    with safe_open(path, framework="pt") as file:
        return file.metadata()


def load_weights(model: nn.Module, path: Path) -> None:
    """Read weights into ``model``. Raises CheckpointError when they are missing, damaged or another network's."""
    try:
        tensors = load_file(path)
    except FileNotFoundError:
        raise CheckpointError(f"no weights at {path}; train first") from None
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"cannot read the weights {path} ({error})") from None
    fit_weights(model, tensors, str(path))


def fit_weights(model: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Copy ``tensors`` into ``model``. Raises CheckpointError, in one line, when they belong to another network."""
    own = model.state_dict()
    missing, extra = sorted(own.keys() - tensors.keys()), sorted(tensors.keys() - own.keys())
    other = [name for name in own.keys() & tensors.keys() if own[name].shape != tensors[name].shape]
    if missing or extra or other:
        name = getattr(model, "decanet_name", type(model).__name__)
        if other and not missing and not extra:
            first = sorted(other)[0]
            what = f"{first} has shape {tuple(tensors[first].shape)} there and {tuple(own[first].shape)} here"
        else:
            first = (missing + extra)[0]
            what = f"{len(missing)} tensors are missing and {len(extra)} are unknown, for instance {first}"
        raise CheckpointError(f"{source} holds the weights of another network than {name}: {what}")
    model.load_state_dict(tensors)
