"""Dense connectivity against residual connections, with equally many parameters."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

EXPERIMENT = Experiment(
    number=13,
    source="arXiv:1608.06993, section 4.3 and Table 2",
    arms=(
        Arm(
            "residual",
            vary(BASE, "model.name=small_resnet", 'model.options={"depth": 8, "width": 19}'),
            Images(SUBSET),
        ),
        Arm("dense", vary(BASE, "model.name=small_densenet"), Images(SUBSET)),
    ),
    comparisons=(
        Comparison("dense", "residual", "test_error", "lower", stated="a third of the parameters suffices"),
    ),
    quantities=("test_error", "train_error"),
    full=False,
)
