"""``decanet convolve``: one thin module for each thing that a convolution can be tried on."""

import importlib

import cyclopts

command = cyclopts.App(name="convolve", help="Convolve sounds and pictures, and see how it works.")

for _name in ("signal", "image", "statistics", "arithmetic", "train"):
    command.command(importlib.import_module(f"{__name__}.{_name}").command, name=_name)
