"""The networks: one file per paper; files that begin with an underscore are the plumbing they share."""

from decanet.models._cost import Cost, cost
from decanet.models._fuse import fuse
from decanet.models._registry import Published, create_model, list_models, model_entry, register_model

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
