"""Width against depth, with equally many parameters."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary


def _arm(depth: int, width: int) -> Arm:
    recipe = vary(BASE, "model.name=small_resnet", f'model.options={{"depth": {depth}, "width": {width}}}')
    return Arm(f"{depth} layers, width {width}", recipe, Images(SUBSET))


EXPERIMENT = Experiment(
    number=14,
    source="arXiv:1605.07146, section 3 and Table 4",
    arms=(_arm(8, 30), _arm(14, 20), _arm(20, 16), _arm(32, 12)),
    comparisons=(
        Comparison(
            "8 layers, width 30", "32 layers, width 12", "test_error", "lower", stated="wider is better"
        ),
    ),
    quantities=("test_error", "train_error"),
    full=False,
)
