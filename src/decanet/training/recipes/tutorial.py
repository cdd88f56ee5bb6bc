"""The tutorial's recipe to the letter: AlexNet for 32x32 images, Adam, ten epochs in float32.

The standard deviations of the normalization are the widely copied ones, which are not those of the data (see
decanet.data.datasets.cifar10); they belong to this recipe only. The tutorial used eight GPUs through DataParallel; here
the same global batch of 128 runs on any number of processes (torchrun, DistributedDataParallel): DataParallel copies
the network to all devices in every step and gathers on one of them, which is why PyTorch recommends against it.

The figure of the run's curves has the thirty losses that the tutorial prints behind its own.

Follows   the tutorial that the project grew from
Command   decanet train tutorial
Accuracy  73.22 % top-1 on the test set of CIFAR-10, as the tutorial states; not measured here in float32
Time      3399.8 s of training, extrapolated from 105 steps
Source    benchmarks/results/2026-11-25-amd-epyc-2-cores-train.md: two Zen 4 cores, float32
"""

from decanet.core.recipe import Adam, Augmentation, Data, Model, Recipe

RECIPE = Recipe(
    model=Model(name="alexnet_cifar"),
    data=Data(name="cifar10", mean=(0.4914, 0.4822, 0.4465), std=(0.2023, 0.1994, 0.2010)),
    augmentation=Augmentation(flip="random", crop_padding=4, padding_mode="black"),
    batch_size=128,
    epochs=10,
    optimizer=Adam(lr=1e-3),
    precision="float32",
    log_every=100,
)
