"""The networks: one file per paper, and what all of them need.

``registry`` lists the networks, ``factory`` builds one, ``protocol`` says what each declares, ``layers`` holds what
several papers use. ``pretrained`` loads the weights of libraries and of files, ``weight_files`` reads and writes
decanet's own files, ``meta_device`` speeds up forward passes that only compute shapes.

The public names are imported on first use, so that listing the networks does not import PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decanet.models.factory import create_model
    from decanet.models.registry import (
        PretrainedWeights,
        list_models,
        model_entry,
        register_model,
    )

_HOMES = {
    "PretrainedWeights": "registry",
    "create_model": "factory",
    "list_models": "registry",
    "model_entry": "registry",
    "register_model": "registry",
}

__all__ = ["PretrainedWeights", "create_model", "list_models", "model_entry", "register_model"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
