"""``decanet convolve``: convolution of signals and images, and the arithmetic of layers."""

import importlib

import cyclopts

HELP = """Convolve signals and images, and compute what a convolutional layer does.

For example:

```
decanet convolve signal sound --echo 0.3:0.5 --out echo.wav
decanet convolve image holiday.jpg --kernel sobel_x
decanet convolve statistics --out cat.png
decanet convolve arithmetic --input 224 --kernel 11 --stride 4 --padding 2
decanet convolve train
```
"""

command = cyclopts.App(name="convolve", help=HELP)

for _name in ("signal", "image", "statistics", "arithmetic", "train"):
    command.command(importlib.import_module(f"{__name__}.{_name}").command, name=_name)
