"""The networks: one file per paper; files that begin with an underscore are the plumbing they share.

The public names are loaded when first used: the table of the networks (``_table``) needs no PyTorch.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from decanet.models._cost import Cost, cost
    from decanet.models._fuse import fuse
    from decanet.models._registry import Published, create_model, list_models, model_entry, register_model

_HOMES = {
    "Cost": "_cost",
    "Published": "_registry",
    "cost": "_cost",
    "create_model": "_registry",
    "fuse": "_fuse",
    "list_models": "_registry",
    "model_entry": "_registry",
    "register_model": "_registry",
}

__all__ = [
    "Cost",
    "Published",
    "cost",
    "create_model",
    "fuse",
    "list_models",
    "model_entry",
    "register_model",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
