"""Dropout: the gap between training and test error with few and with all images."""

from decanet.experiments.claims._base import BASE
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

COUNTS, SAMPLES = (5_000, 50_000), 500_000  # as many steps for both


def _arm(dropout: float, count: int) -> Arm:
    options = f'model.options={{"dropout": {dropout}}}'
    recipe = vary(BASE, options, f"epochs={SAMPLES / count}", "log_every=100")
    group = f"dropout {dropout}"
    return Arm(f"{group} {count}", recipe, Images(count), x=count, group=group)


EXPERIMENT = Experiment(
    number=2,
    source="NIPS 2012 paper, section 4.2",
    arms=tuple(_arm(dropout, count) for dropout in (0.0, 0.5) for count in COUNTS),
    comparisons=(
        *(
            Comparison(f"dropout 0.5 {count}", f"dropout 0.0 {count}", "gap", "lower", stated="lower")
            for count in COUNTS
        ),
        *(
            Comparison(f"dropout 0.5 {count}", f"dropout 0.0 {count}", "test_error", "lower")
            for count in COUNTS
        ),
    ),
    axis="images",
    quantities=("gap", "test_error"),
)
