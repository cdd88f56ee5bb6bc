"""``decanet inspect``: what a network learned, one subcommand for each view, found by discovery."""

import importlib
import pkgutil

import cyclopts

HELP = """Look into a network: what did it learn?

Each view takes a model reference: a run's folder, decanet_m, NAME@SOURCE for pretrained weights, or a weight file with
--arch. The name of a registered network without weights stands for random weights, to compare with.

For example:

```
decanet inspect report decanet_m
decanet inspect attribution efficientnet_lite0@pypi cat.jpg
decanet inspect errors runs/quick-20261124-093000
decanet inspect invariance decanet_m decanet_s
```
"""

command = cyclopts.App(name="inspect", help=HELP)

for _module in sorted(pkgutil.iter_modules(__path__), key=lambda module: module.name):
    if not _module.name.startswith("_"):
        _view = importlib.import_module(f"{__name__}.{_module.name}").command
        command.command(_view, name=_module.name.replace("_", "-"))
