"""The most accurate: 95% on CIFAR-10 in 33 minutes, with DecaNet-L on images that grow from 20 to 32 pixels.

Follows   K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv:2404.00498): whitened first layer,
          alternating flip, label smoothing, test-time augmentation; Muon by the same author (2024)
Command   decanet train best
Accuracy  94.93 % top-1 on the test set of CIFAR-10 (mean of 3 seeds, standard deviation 0.18)
Time      2003.9 s of training, 2103.9 s in all
Source    benchmarks/results/2026-11-25-amd-epyc-2-cores-train.md: two Zen 4 cores, bfloat16
"""

from decanet.core.recipe import Augmentation, Data, Model, Muon, Recipe, Schedule

RECIPE = Recipe(
    model=Model(name="decanet_l"),
    data=Data(name="cifar10"),
    augmentation=Augmentation(flip="alternating", crop_padding=2),
    batch_size=1000,
    epochs=13,
    progressive_sizes=((0.25, 20), (0.5, 24), (0.75, 28)),
    optimizer=Muon(lr=0.24, head_lr=5, bias_lr=50, weight_decay=2e-3),
    schedule=Schedule(shape="linear"),
    label_smoothing=0.2,
    tta="flip_shift",
    log_every=25,
)
