"""Texture and shape: how much of the class is in patches without their places, in coarse and in fine detail?"""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

CHANGES = ("", "patches 16", "patches 8", "patches 4", "low-pass", "high-pass")


def _arm(change: str) -> Arm:
    recipe = vary(BASE, "model.name=small_resnet", "augmentation.crop_padding=0")
    return Arm(change or "whole", recipe, Images(SUBSET, change=change))


EXPERIMENT = Experiment(
    number=23,
    source="arXiv:1811.12231",
    arms=tuple(map(_arm, CHANGES)),
    comparisons=(
        Comparison("patches 8", "whole", "test_error", "higher"),
        Comparison("high-pass", "low-pass", "test_error", "higher"),
    ),
    full=False,
)
