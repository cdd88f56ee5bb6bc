"""Worked examples of layers, forward and backward, one module each, found by discovery.

Each module has

- a docstring, whose first line says what the example shows and whose rest explains the layer;
- ``compute(*, setting=..., seed=0)``, which returns a frozen dataclass of numbers, computed by the layers of
  :mod:`decanet.convolution.reference`; its settings are the options of ``decanet layers NAME``, and an ``image`` among
  them is float RGB (H, W, 3) in 0..1;
- ``draw(result)``, which returns a figure with every number, and ``text(result)``, which returns the same as lines.
"""

import importlib
import pkgutil
from importlib import resources
from types import ModuleType


def example_names() -> list[str]:
    """Return the names of the examples as on the command line, without importing them."""
    modules = (module.name for module in pkgutil.iter_modules(__path__))
    return sorted(name.replace("_", "-") for name in modules if not name.startswith("_"))


def load_example(name: str) -> ModuleType:
    """Return the module of an example."""
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}")


def documentation(name: str) -> str:
    """Return the docstring of an example, read without importing the module."""
    file = resources.files(__name__) / f"{name.replace('-', '_')}.py"
    return file.read_text(encoding="utf-8").split('"""')[1].strip()


def summary(name: str) -> str:
    """Return the first line of an example's docstring, read without importing the module."""
    return documentation(name).partition("\n")[0]
