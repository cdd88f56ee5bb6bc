"""Fully connected against convolutional, with as many parameters, on few and many images."""

from decanet.experiments.claims._base import BASE
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

COUNTS = (500, 5_000, 50_000)
SAMPLES = 250_000  # of each training, however many images there are: as many steps


def _arm(model: str, group: str, count: int) -> Arm:
    recipe = vary(
        BASE,
        f"model.name={model}",
        "data.image_size=32",
        f"epochs={SAMPLES / count}",
        "log_every=50",
    )
    return Arm(f"{group} {count}", recipe, Images(count), x=count, group=group)


EXPERIMENT = Experiment(
    number=21,
    source="the tutorial's abstract, first sentence",
    arms=tuple(
        _arm(model, group, count)
        for model, group in (("mlp_cifar", "fully connected"), ("convnet_cifar", "convolutional"))
        for count in COUNTS
    ),
    comparisons=(
        *(
            Comparison(f"convolutional {count}", f"fully connected {count}", "test_error", "lower")
            for count in COUNTS
        ),
        *(
            Comparison(f"convolutional {count}", f"fully connected {count}", "gap", "lower")
            for count in COUNTS
        ),
    ),
    axis="images",
    quantities=("test_error", "gap"),
    learning_rates=(0.01, 0.03, 0.1),
)
