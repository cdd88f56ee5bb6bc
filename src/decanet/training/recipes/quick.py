"""The default: 89% on CIFAR-10 in a minute, with DecaNet-S on images that grow from 20 to 28 pixels.

Two full epochs are followed by six shortened ones of the two fifths of the images with the largest loss, selected anew
for each (see decanet.training.selection): as many samples as in 4.4 epochs.

Follows   K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU" (arXiv:2404.00498): whitened first layer,
          alternating flip, label smoothing, test-time augmentation; Muon by the same author (2024)
Command   decanet train quick
Accuracy  89.22 % top-1 on the test set of CIFAR-10 (mean of 5 seeds, standard deviation 0.22)
Time      58.9 s of training, 73.8 s in all; 3 to 6 minutes on two Zen 3 cores, which lack bfloat16
Source    benchmarks/results/2026-11-25-amd-epyc-2-cores-train.md: two Zen 4 cores, bfloat16
"""

from decanet.core.recipe import Augmentation, Data, Model, Muon, Recipe, Schedule, Selection

RECIPE = Recipe(
    model=Model(name="decanet_s"),
    data=Data(name="cifar10", image_size=28),
    augmentation=Augmentation(flip="alternating", crop_padding=2),
    batch_size=500,
    epochs=4.4,
    progressive_sizes=((0.3, 20), (0.6, 24)),
    selection=Selection(start=0.4, keep=0.4),
    optimizer=Muon(lr=0.17, head_lr=2, bias_lr=25, weight_decay=1e-3),
    schedule=Schedule(shape="linear"),
    label_smoothing=0.2,
    tta="flip_shift",
    log_every=25,
)
