"""Plain against residual networks over depth: where does the plain network's *training* error turn up?"""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

DEPTHS = (8, 20, 32, 44)


def _arm(group: str, shortcut: str, depth: int) -> Arm:
    recipe = vary(
        BASE,
        "model.name=small_resnet",
        f'model.options={{"depth": {depth}, "shortcut": "{shortcut}"}}',
        "optimizer.weight_decay=1e-4",
    )
    return Arm(f"{group} {depth}", recipe, Images(SUBSET), x=depth, group=group)


EXPERIMENT = Experiment(
    number=10,
    source="arXiv:1512.03385, section 4.2, Figure 6 and Table 6",
    arms=tuple(
        _arm(group, shortcut, depth)
        for group, shortcut in (("plain", "none"), ("residual", "A"))
        for depth in DEPTHS
    ),
    comparisons=(
        Comparison("plain 44", "plain 20", "train_error", "higher", stated="higher, the deeper (curves)"),
        Comparison("residual 44", "residual 20", "train_error", "lower", stated="lower, the deeper (curves)"),
        Comparison("residual 44", "residual 20", "test_error", "lower", stated="7.17 against 8.75%"),
        Comparison("residual 20", "plain 20", "train_error", "lower", stated="lower (curves)"),
        Comparison("residual 44", "plain 44", "train_error", "lower", stated="lower (curves)"),
    ),
    axis="layers",
    quantities=("train_error", "test_error"),
    minutes=120,
)
