"""Local response normalization against none and against batch normalization, on Krizhevsky's network for CIFAR-10."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary


def _arm(name: str, normalization: str) -> Arm:
    recipe = vary(
        BASE,
        "model.name=cuda_convnet_11",
        f'model.options={{"normalization": "{normalization}"}}',
        f"data.std=[{1 / 255}, {1 / 255}, {1 / 255}]",  # its weights start for pixels from 0 to 255
        "optimizer.weight_decay=0.004",
    )
    return Arm(name, recipe, Images(SUBSET))


EXPERIMENT = Experiment(
    number=3,
    source="NIPS 2012 paper, section 3.3",
    arms=(_arm("none", "none"), _arm("response", "response"), _arm("batch", "batch")),
    comparisons=(
        Comparison("response", "none", "test_error", "lower", stated="11 against 13%"),
        Comparison("batch", "response", "test_error", "lower"),
    ),
    quantities=("test_error", "train_error"),
    learning_rates=(0.0003, 0.001, 0.003),
)
