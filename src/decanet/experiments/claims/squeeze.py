"""Squeeze and excitation: what does the recalibration of channels add?"""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

EXPERIMENT = Experiment(
    number=15,
    source="arXiv:1709.01507, Table 4",
    arms=(
        Arm("residual", vary(BASE, "model.name=resnet20_cifar"), Images(SUBSET)),
        Arm("squeeze and excitation", vary(BASE, "model.name=se_resnet20_cifar"), Images(SUBSET)),
    ),
    comparisons=(
        Comparison(
            "squeeze and excitation",
            "residual",
            "test_error",
            "lower",
            stated="5.21 against 6.37% (110 layers)",
        ),
    ),
    quantities=("test_error", "train_error"),
    full=False,
)
