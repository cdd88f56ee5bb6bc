"""ImageNet's thousand classes, in the order of the labels: WordNet numbers and names.

The names are torchvision's, which are all different; the numbers are those of the ILSVRC, whose sorted order is the
order of the labels. Both stand in ``imagenet_classes.txt``, a class on each line.
"""

import functools
from importlib import resources


@functools.cache
def _classes() -> tuple[tuple[str, str], ...]:
    text = (resources.files("decanet.models") / "imagenet_classes.txt").read_text(encoding="utf-8")
    lines = (line.partition(" ") for line in text.splitlines())
    return tuple((number, name) for number, _, name in lines)


def imagenet_categories() -> list[str]:
    """Return the names of the classes: "tench", "goldfish", ..."""
    return [name for _, name in _classes()]


def wordnet_numbers() -> list[str]:
    """Return the WordNet numbers of the classes: "n01440764", "n01443537", ..."""
    return [number for number, _ in _classes()]
