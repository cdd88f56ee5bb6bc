"""Batch normalization against the learning rate: which rates still train?"""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

RATES = (0.01, 0.03, 0.1, 0.3, 1.0)


def _arm(group: str, normalization: str, lr: float) -> Arm:
    options = f'model.options={{"normalization": "{normalization}"}}'
    return Arm(
        f"{group} {lr:g}", vary(BASE, options, f"optimizer.lr={lr}"), Images(SUBSET), x=lr, group=group
    )


EXPERIMENT = Experiment(
    number=9,
    source="arXiv:1502.03167, sections 3.3 and 4.2",
    arms=tuple(
        _arm(group, normalization, lr)
        for group, normalization in (("without", "none"), ("batch normalization", "batch"))
        for lr in RATES
    ),
    comparisons=(
        Comparison("batch normalization 0.03", "without 0.03", "test_error", "lower"),
        Comparison("batch normalization 0.3", "without 0.03", "test_error", "lower"),
    ),
    axis="learning_rate",
    learning_rates=(),
    full=False,
)
