"""The recipe that arms are varied from: plain SGD, flip and crop, without anything that is a factor elsewhere."""

from decanet.core.recipe import Augmentation, Data, Model, Recipe, Schedule, Sgd

SUBSET = 20_000  # training images of the experiments that need many arms
BASE = Recipe(
    model=Model(name="small_plain"),
    data=Data(name="cifar10", image_size=24),
    augmentation=Augmentation(flip="random", crop_padding=4),
    batch_size=128,
    epochs=8,
    optimizer=Sgd(lr=0.1, momentum=0.9, nesterov=True, weight_decay=5e-4),
    schedule=Schedule(shape="cosine", warmup=0.1),
    log_every=39,  # a quarter of an epoch of 20,000 images
)
