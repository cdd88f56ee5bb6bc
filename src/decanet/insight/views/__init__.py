"""The views, one module each, found by discovery.

Each module has a docstring, whose first line says what the view shows, ``compute(...)``, which returns a frozen
dataclass of arrays and numbers, and ``draw(result)``, which returns a figure.
"""

import importlib
import pkgutil


def list_views() -> dict[str, str]:
    """Return the name of every view, as ``decanet inspect`` takes it, with the first line of its docstring."""
    found = {}
    for module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
        if not module.name.startswith("_"):
            documentation = importlib.import_module(f"{__name__}.{module.name}").__doc__ or ""
            found[module.name.replace("_", "-")] = documentation.strip().partition("\n")[0]
    return found
