"""The networks: one file per paper, with the registry, the factory, pretrained weights and the layers they share.

The public names are loaded when first used: the names of the networks are asked for more often than PyTorch is.
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
