"""The default: DecaNet-S on CIFAR-10, about a minute on two cores.

decanet train quick
"""

from decanet.core.recipe import Augmentation, Data, Model, Muon, Recipe, Schedule

RECIPE = Recipe(
    model=Model(name="decanet_s"),
    data=Data(name="cifar10"),
    augmentation=Augmentation(flip="alternating", crop_padding=2),
    batch_size=500,
    epochs=2.5,
    optimizer=Muon(lr=0.24, head_lr=0.67, bias_lr=0.053, weight_decay=1e-3),
    schedule=Schedule(shape="linear", warmup=0.1, start=0.2, final=0.05),
    label_smoothing=0.1,
    test_crops="mirror",
    log_every=10,
)
