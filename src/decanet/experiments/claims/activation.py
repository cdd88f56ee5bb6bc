"""ReLU against tanh and sigmoid: epochs to a training error of 25%."""

from decanet.experiments.claims._base import BASE
from decanet.experiments.declaration import Arm, Comparison, Experiment, vary


def _arm(activation: str) -> Arm:
    # Section 3.1: no regularization of any kind; the learning rate stays what it is, so that no schedule decides.
    recipe = vary(
        BASE,
        f'model.options={{"activation": "{activation}"}}',
        "augmentation.flip=none",
        "augmentation.crop_padding=0",
        "optimizer.weight_decay=0",
        "schedule.shape=constant",
        "epochs=20",
    )
    return Arm(activation, recipe)


EXPERIMENT = Experiment(
    number=1,
    source="NIPS 2012 paper, section 3.1, Figure 1",
    arms=tuple(map(_arm, ("relu", "tanh", "sigmoid"))),
    comparisons=(
        Comparison("relu", "tanh", "epochs_to_target", "lower", stated="6 times as fast"),
        Comparison("relu", "sigmoid", "epochs_to_target", "lower", stated="several times as fast"),
    ),
    quantities=("epochs_to_target", "test_error"),
    learning_rates=(0.003, 0.01, 0.03),
    chosen_by="train_error",
    target_error=25.0,
)
