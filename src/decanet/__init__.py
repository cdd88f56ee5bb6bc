"""decanet: a lab for the ImageNet decade, from one convolution to the networks of the ILSVRC years.

The public names are few. They are loaded when first used, so that ``import decanet`` costs nothing:

>>> import decanet
>>> "alexnet" in decanet.list_models()
True
>>> model = decanet.create_model("alexnet_cifar", num_classes=10)
"""

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["__version__", "create_model", "fuse", "list_models"]

if TYPE_CHECKING:
    from decanet.export.fuse import fuse
    from decanet.models import create_model, list_models

_HOMES = {
    "create_model": "decanet.models",
    "fuse": "decanet.export.fuse",
    "list_models": "decanet.models",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'decanet' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)
