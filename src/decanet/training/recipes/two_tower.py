"""Two towers, to see whether one learns filters of color and the other of form.

Plain SGD with momentum and weight decay, as AlexNet's; weight decay makes first filters smooth enough to be seen as
patterns. ``--set model.options.towers=1`` trains the control.

Follows   A. Krizhevsky et al., NIPS 2012, section 5 (momentum 0.9, weight decay 5e-4, batches of 128); ours otherwise
Command   decanet train two_tower --seed 0
Accuracy  79.00 % top-1 on a validation split of a tenth of CIFAR-10's training images (seed 0)
Time      124 s of training
Source    not kept: two Zen 4 cores, bfloat16
"""

from decanet.core.recipe import Augmentation, Model, Recipe, Schedule, Sgd

RECIPE = Recipe(
    model=Model(name="two_tower_cifar"),
    augmentation=Augmentation(flip="random", crop_padding=4),
    batch_size=128,
    epochs=12,
    optimizer=Sgd(lr=0.05, weight_decay=5e-4),
    schedule=Schedule(shape="cosine"),
    log_every=200,
)
