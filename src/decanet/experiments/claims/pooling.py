"""Overlapping pooling: windows of 3x3 with stride 2 against windows of 2x2."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

EXPERIMENT = Experiment(
    number=4,
    source="NIPS 2012 paper, section 3.4",
    arms=tuple(
        Arm(name, vary(BASE, f'model.options={{"pooling": {size}}}'), Images(SUBSET))
        for name, size in (("2x2", 2), ("3x3", 3))
    ),
    comparisons=(Comparison("3x3", "2x2", "test_error", "lower", stated="0.4 points (top-1)"),),
    quantities=("test_error", "gap"),
    learning_rates=(0.01, 0.03, 0.1),
    full=False,
)
