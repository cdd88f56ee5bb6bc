"""Global average pooling against fully connected layers."""

from decanet.experiments.claims._base import BASE, SUBSET
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary


def _arm(name: str, options: str) -> Arm:
    return Arm(name, vary(BASE, f"model.options={options}"), Images(SUBSET))


EXPERIMENT = Experiment(
    number=7,
    source="arXiv:1312.4400, section 4.6 and Table 5",
    arms=(
        _arm("fully connected", '{"normalization": "batch"}'),
        _arm("with dropout", '{"normalization": "batch", "dropout": 0.5}'),
        _arm("average", '{"normalization": "batch", "head": "average"}'),
    ),
    comparisons=(
        Comparison("average", "fully connected", "gap", "lower"),
        Comparison("average", "with dropout", "test_error", "lower", stated="10.41 against 10.88%"),
    ),
    quantities=("test_error", "gap"),
    full=False,
)
