"""The inception module against plain 3x3 convolutions and against the module without reductions, at equal cost."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary


def _arm(name: str, options: str) -> Arm:
    recipe = vary(BASE, "model.name=small_inception", f"model.options={options}")
    return Arm(name, recipe, Images(SUBSET))


EXPERIMENT = Experiment(
    number=8,
    source="arXiv:1409.4842, sections 3 to 5",
    arms=(
        _arm("plain", '{"module": "plain"}'),
        _arm("naive", '{"module": "naive"}'),
        _arm("inception", '{"module": "inception"}'),
        _arm("auxiliary", '{"module": "inception", "auxiliary": true}'),
    ),
    comparisons=(
        Comparison("inception", "plain", "test_error", "lower", stated="higher quality at a modest cost"),
        Comparison("inception", "naive", "test_error", "lower", stated="reductions allow more units"),
        Comparison("auxiliary", "inception", "test_error", "lower", stated="about 0.5 points (section 5)"),
    ),
    quantities=("test_error", "train_error"),
)
