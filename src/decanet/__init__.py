"""decanet: a lab for the ImageNet decade, from one convolution to the networks of the ILSVRC years.

>>> import decanet
>>> "alexnet" in decanet.list_models()
True
>>> model = decanet.create_model("alexnet_cifar", num_classes=10)

The public names are few; each is loaded when it is first used, so that ``import decanet`` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = [
    "DecanetError",
    "__version__",
    "convolve_image",
    "create_model",
    "evaluate",
    "fuse",
    "list_models",
    "list_recipes",
    "load_data",
    "load_model",
    "predict",
    "summarize",
    "train",
]

if TYPE_CHECKING:
    from decanet.anatomy.summary import summarize
    from decanet.api import convolve_image, evaluate, load_data, load_model, predict, train
    from decanet.core.errors import DecanetError
    from decanet.export.fuse import fuse
    from decanet.models import create_model, list_models
    from decanet.training.recipes import list_recipes

_HOMES = {
    "DecanetError": "decanet.core.errors",
    "create_model": "decanet.models",
    "fuse": "decanet.export.fuse",
    "list_models": "decanet.models",
    "list_recipes": "decanet.training.recipes",
    "summarize": "decanet.anatomy.summary",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'decanet' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "decanet.api")), name)


def __dir__() -> list[str]:
    return __all__
