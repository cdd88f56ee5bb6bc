"""Batch size, from 16 to 2,048 images, after equally many images."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

SIZES = (16, 64, 256, 1024, 2048)


def _arm(size: int) -> Arm:
    log = f"log_every={max(1, 4992 // size)}"
    recipe = vary(BASE, "model.name=small_resnet", f"batch_size={size}", log)
    return Arm(f"batch {size}", recipe, Images(SUBSET), x=size)


EXPERIMENT = Experiment(
    number=22,
    source="arXiv:1404.5997, section 5",
    arms=tuple(map(_arm, SIZES)),
    comparisons=(
        Comparison("batch 2048", "batch 64", "test_error", "higher"),
        Comparison("batch 16", "batch 64", "test_error", "equal"),
    ),
    axis="batch_size",
    full=False,
)
