"""The tutorial's accuracy in the least time: DecaNet-S for half an epoch of 20x20 images.

Follows   K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv:2404.00498): whitened first layer,
          horizontal flip, label smoothing, test-time augmentation; Muon by the same author (2024)
Command   decanet train flash
Accuracy  73.86 % top-1 on the test set of CIFAR-10 (mean of 5 seeds, standard deviation 0.27)
Time      5.4 s of training, 14.3 s in all
Source    benchmarks/results/2026-11-25-amd-epyc-2-cores-train.md: two Zen 4 cores, bfloat16
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
