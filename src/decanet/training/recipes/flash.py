"""The tutorial's accuracy in the least time: DecaNet-S on a part of CIFAR-10, shown at 20x20 pixels.

decanet train flash
"""

from decanet.core.recipe import Augmentation, Data, Model, Muon, Recipe, Schedule

RECIPE = Recipe(
    model=Model(name="decanet_s"),
    data=Data(name="cifar10", image_size=20),
    augmentation=Augmentation(flip="random"),
    batch_size=250,
    epochs=0.5,
    optimizer=Muon(lr=0.24, head_lr=1.4, bias_lr=12, weight_decay=1e-3),
    schedule=Schedule(shape="linear"),
    label_smoothing=0.1,
    tta="flip",
    log_every=10,
)
