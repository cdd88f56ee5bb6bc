"""Two 3x3 convolutions against one of 5x5, and three against one of 7x7, with equal receptive fields."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary


def _arm(name: str, kernel: int, repeats: int) -> Arm:
    options = f'model.options={{"kernel": {kernel}, "repeats": {repeats}, "normalization": "batch"}}'
    return Arm(name, vary(BASE, options), Images(SUBSET))


EXPERIMENT = Experiment(
    number=6,
    source="arXiv:1409.1556, sections 2.3 and 4.1",
    arms=(_arm("one 5x5", 5, 1), _arm("two 3x3", 3, 2), _arm("one 7x7", 7, 1), _arm("three 3x3", 3, 3)),
    comparisons=(
        Comparison("two 3x3", "one 5x5", "test_error", "lower", stated="7% of top-1"),
        Comparison("three 3x3", "one 7x7", "test_error", "lower"),
    ),
    quantities=("test_error", "train_error"),
    full=False,
)
