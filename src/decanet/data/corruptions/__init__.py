"""Corruptions of ImageNet-C and CIFAR-10-C: Hendrycks and Dietterich, arXiv:1903.12261.

Each has five severities with the constants of the authors' code (github.com/hendrycks/robustness, make_cifar_c.py and
make_imagenet_c.py). Those that need data files or OpenCV (frost, snow, spatter) and glass blur are left out. Two
departures hold for all: values are rounded to whole gray levels, where the authors' code cuts off the fraction, and
the random numbers are not theirs. The images are therefore of the same distribution as the published ones, and not
the same images.
"""

from decanet.data.corruptions._registry import (
    CORRUPTIONS,
    SEVERITIES,
    Corruption,
    corrupt,
    list_corruptions,
)

__all__ = ["CORRUPTIONS", "SEVERITIES", "Corruption", "corrupt", "list_corruptions"]
