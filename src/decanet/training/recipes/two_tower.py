"""Two towers, to see whether one learns filters of color and the other of form.

Plain SGD with momentum and weight decay, as AlexNet's; weight decay makes first filters smooth enough to be seen as
patterns. ``--set model.options.towers=1`` trains the control.

Follows   A. Krizhevsky et al., NIPS 2012, section 5 (momentum 0.9, weight decay 5e-4, batches of 128); ours otherwise
Command   decanet train two_tower
Accuracy  78.57 % top-1 on the test set of CIFAR-10 (mean of 5 seeds, standard deviation 0.45); 78.98 % (0.28) with
          one tower, whose second convolution has twice the parameters
Time      132.6 s of training for the fastest run, up to 430 s beside other work
Source    benchmarks/results/two_tower.json: two Zen 4 cores, bfloat16
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
