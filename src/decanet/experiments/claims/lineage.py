"""The whole line at equal conditions: ten networks, from the multilayer perceptron to squeeze and excitation.

Each network appears three times: trained for an equal time (five minutes on two cores of the reference machine), for
equally many multiply-adds, and for equally many epochs. The numbers of epochs follow from the committed rates and from
the counts of multiply-adds; a test compares them.
"""

from decanet.experiments.claims._base import BASE
from decanet.experiments.declaration import Arm, Comparison, Experiment, vary

THREAD_SECONDS = 600  # of an equal time: five minutes of two cores
MULTIPLY_ADDS = 1.5e13  # of the forward passes of a training: one epoch of VGG-16
EPOCHS = 3
# Epochs in an equal time, and with equal multiply-adds.
NETWORKS = {
    "MLP": ("mlp_cifar", "{}", 300, 840),
    "LeNet": ("lenet5_modern", "{}", 200, 700),
    "AlexNet": ("alexnet_cifar", "{}", 3, 3),
    "VGG": ("vgg16_cifar", "{}", 2, 1),
    "NiN": ("nin_cifar", "{}", 2.6, 1.3),
    "GoogLeNet": ("small_inception", "{}", 10, 17),
    "ResNet": ("resnet20_cifar", "{}", 10, 7),
    "ResNeXt": ("small_resnext", "{}", 8, 14),
    "DenseNet": ("small_densenet", "{}", 5, 7),
    "SENet": ("se_resnet20_cifar", "{}", 8, 7),
}


def _arms(name: str, model: str, options: str, in_time: float, in_macs: float) -> tuple[Arm, ...]:
    recipe = vary(
        BASE, f"model.name={model}", f"model.options={options}", "data.image_size=32", "log_every=100"
    )
    if model == "lenet5_modern":
        recipe = vary(recipe, "data.channels=1")
    return (
        Arm(name, vary(recipe, f"epochs={in_time}"), group="equal time"),
        Arm(
            f"{name} multiply-adds",
            vary(recipe, f"epochs={in_macs}"),
            group="equal multiply-adds",
            tuned_as=name,
            seeds=1,
        ),
        Arm(f"{name} epochs", vary(recipe, f"epochs={EPOCHS}"), group="equal epochs", tuned_as=name, seeds=1),
    )


EXPERIMENT = Experiment(
    number=17,
    source="the tutorial's abstract; README",
    arms=tuple(arm for name, network in NETWORKS.items() for arm in _arms(name, *network)),
    comparisons=(
        Comparison("ResNet", "VGG", "test_error", "lower"),
        Comparison("AlexNet", "LeNet", "test_error", "lower"),
        Comparison("SENet", "MLP", "test_error", "lower"),
    ),
    learning_rates=(0.01, 0.03, 0.1),
    tuning=0.2,
    seeds=3,
    minutes=240,
)
