"""The fully connected network beside which convolutional ones are seen: no convolution, no pooling.

The recipe of convnet_cifar differs in the network alone: plain Adam, flip and crop, no label smoothing, no selection.

Follows   nothing but habit: ours
Command   decanet train mlp_cifar
Accuracy  53.12 % top-1 on the test set of CIFAR-10 (seed 0)
Time      22.7 s of training by one thread, beside other work
Source    benchmarks/results/mlp_cifar-seed0.json: Zen 4, float32
"""

from decanet.core.recipe import Adam, Augmentation, Model, Recipe, Schedule

RECIPE = Recipe(
    model=Model(name="mlp_cifar"),
    augmentation=Augmentation(flip="random", crop_padding=4),
    batch_size=128,
    epochs=10,
    optimizer=Adam(lr=1e-3),
    schedule=Schedule(shape="cosine"),
    precision="float32",
    log_every=100,
)
