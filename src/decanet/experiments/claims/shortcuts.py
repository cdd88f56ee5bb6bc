"""Shortcuts: zeros, projections where channels grow, projections everywhere; and activation before the convolutions."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary


def _arm(shortcut: str) -> Arm:
    options = f'model.options={{"depth": 20, "shortcut": "{shortcut}"}}'
    return Arm(f"option {shortcut}", vary(BASE, "model.name=small_resnet", options), Images(SUBSET))


EXPERIMENT = Experiment(
    number=11,
    source="arXiv:1512.03385, Table 3; arXiv:1603.05027, Tables 1 and 2",
    arms=(
        *map(_arm, ("A", "B", "C")),
        Arm("pre-activation", vary(BASE, "model.name=small_preact_resnet"), Images(SUBSET)),
    ),
    comparisons=(
        Comparison("option B", "option A", "test_error", "lower", stated="24.52 against 25.03%"),
        Comparison("option C", "option B", "test_error", "equal", stated="24.19 against 24.52%"),
        Comparison("pre-activation", "option A", "test_error", "lower", stated="6.37 against 6.61%"),
    ),
    quantities=("test_error", "train_error"),
    full=False,
)
