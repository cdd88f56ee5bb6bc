"""The tutorial's accuracy in the least time: DecaNet-S on half of CIFAR-10.

decanet train flash
"""

from decanet.core.recipe import Augmentation, Data, Model, Muon, Recipe, Schedule

RECIPE = Recipe(
    model=Model(name="decanet_s"),
    data=Data(name="cifar10"),
    augmentation=Augmentation(flip="random"),
    batch_size=250,
    epochs=0.45,
    optimizer=Muon(lr=0.24, head_lr=0.67, bias_lr=0.053, weight_decay=1e-3),
    schedule=Schedule(shape="linear", warmup=0.1, start=0.2, final=0.05),
    label_smoothing=0.1,
    test_crops="mirror",
    log_every=10,
)
