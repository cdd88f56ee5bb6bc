"""Augmentation: each kind alone, and all together."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

NONE = vary(BASE, "model.name=small_resnet", "augmentation.flip=none", "augmentation.crop_padding=0")
KINDS = {
    "none": (),
    "flip": ("augmentation.flip=random",),
    "crop": ("augmentation.crop_padding=4",),
    "color": ("augmentation.pca_noise=0.1",),
    "cutout": ("augmentation.cutout=8",),
    "mixup": ("augmentation.mixup=0.2",),
    "all": (
        "augmentation.flip=random",
        "augmentation.crop_padding=4",
        "augmentation.pca_noise=0.1",
        "augmentation.cutout=8",
        "augmentation.mixup=0.2",
    ),
}

EXPERIMENT = Experiment(
    number=5,
    source="NIPS 2012 paper, section 4.1",
    arms=tuple(Arm(name, vary(NONE, *settings), Images(SUBSET)) for name, settings in KINDS.items()),
    comparisons=tuple(
        Comparison(name, "none", "test_error", "lower", stated=stated)
        for name, stated in (
            ("flip", "without, substantial overfitting"),
            ("crop", "without, substantial overfitting"),
            ("color", "more than 1 point (top-1)"),
            ("all", ""),
        )
    ),
    quantities=("test_error", "gap"),
    full=False,
)
