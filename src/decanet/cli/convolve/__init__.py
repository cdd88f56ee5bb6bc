"""``decanet convolve``: one thin module for each thing that a convolution can be tried on."""

import importlib

import cyclopts

HELP = """Convolve sounds and images, and see how it works.

For example:

```
decanet convolve signal --demo --echo 0.3:0.5 --out echo.wav
decanet convolve image holiday.jpg --kernel sobel_x
decanet convolve statistics --out cat.png
decanet convolve arithmetic --input 224 --kernel 11 --stride 4 --padding 2
decanet convolve train
```
"""

command = cyclopts.App(name="convolve", help=HELP)

for _name in ("signal", "image", "statistics", "arithmetic", "train"):
    command.command(importlib.import_module(f"{__name__}.{_name}").command, name=_name)
