"""The whole line at equal conditions: ten networks, from the multilayer perceptron to squeeze and excitation.

Each network appears three times: trained for an equal time (five minutes on two cores of the reference machine), for
equally many multiply-adds, and for equally many epochs. The numbers of epochs follow from the committed rates and from
the counts of multiply-adds; a test compares them.
"""

from decanet.experiments.claims._base import BASE
from decanet.experiments.declaration import Arm, Comparison, Experiment, vary

THREAD_SECONDS = 600  # of an equal time: five minutes of two cores
MULTIPLY_ADDS = 1e13  # of the forward passes of a training
EPOCHS = 2
# Epochs in an equal time, and with equal multiply-adds.
NETWORKS = {
    "MLP": ("mlp_cifar", 361.0, 559.0),
    "LeNet": ("lenet5_modern", 137.0, 480.0),
    "AlexNet": ("alexnet_cifar", 2.92, 0.997),
    "VGG": ("vgg16_cifar", 2.02, 0.639),
    "NiN": ("nin_cifar", 2.9, 0.899),
    "GoogLeNet": ("small_inception", 11.6, 11.1),
    "ResNet": ("resnet20_cifar", 10.4, 4.93),
    "ResNeXt": ("small_resnext", 8.75, 9.49),
    "DenseNet": ("small_densenet", 4.84, 4.57),
    "SENet": ("se_resnet20_cifar", 8.34, 4.93),
}


def _arms(name: str, model: str, in_time: float, in_macs: float) -> tuple[Arm, ...]:
    recipe = vary(BASE, f"model.name={model}", "data.image_size=32", "log_every=100")
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
    tuning=0.14,
    seeds=3,
    minutes=240,
)
