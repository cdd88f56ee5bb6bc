"""Cardinality against width and depth, at equal cost and at twice the cost."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary


def _arm(name: str, cardinality: int, path_width: int, blocks: int = 1) -> Arm:
    recipe = vary(
        BASE,
        "model.name=small_resnext",
        f'model.options={{"cardinality": {cardinality}, "path_width": {path_width}, "blocks": {blocks}}}',
        "epochs=7",
    )
    return Arm(name, recipe, Images(SUBSET))


EXPERIMENT = Experiment(
    number=12,
    source="arXiv:1611.05431, Tables 3 and 4",
    arms=(
        _arm("1 path of 16", 1, 16),
        _arm("2 paths of 10", 2, 10),
        _arm("4 paths of 6", 4, 6),
        _arm("twice as deep", 4, 6, blocks=2),
        _arm("twice as wide", 4, 10),
        _arm("twice the paths", 8, 6),
    ),
    comparisons=(
        Comparison(
            "4 paths of 6", "1 path of 16", "test_error", "lower", stated="22.6 against 23.9% (4x24d)"
        ),
        Comparison("twice the paths", "twice as deep", "test_error", "lower", stated="20.4 against 21.7%"),
        Comparison("twice the paths", "twice as wide", "test_error", "lower", stated="20.4 against 21.3%"),
    ),
    quantities=("test_error", "train_error"),
)
