"""Data quality: how many clean labels are worth how many noisy ones?"""

from decanet.experiments.claims._base import BASE
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

COUNTS, FRACTIONS, NOISY = (2_500, 5_000, 10_000, 20_000, 40_000), (0.1, 0.2, 0.4), 40_000
SAMPLES = 250_000  # of every training: as many steps


def _arm(name: str, group: str, x: float, images: Images) -> Arm:
    assert images.count
    recipe = vary(BASE, "model.name=small_resnet", f"epochs={SAMPLES / images.count}", "log_every=50")
    return Arm(name, recipe, images, x=x, group=group)


EXPERIMENT = Experiment(
    number=18,
    source="the tutorial's outlook",
    arms=(
        *(_arm(f"{count} clean", "clean labels", count, Images(count)) for count in COUNTS),
        *(
            _arm(f"{fraction:.0%} wrong", "wrong labels", (1 - fraction) * NOISY, Images(NOISY, fraction))
            for fraction in FRACTIONS
        ),
    ),
    comparisons=(
        Comparison("20% wrong", "20000 clean", "test_error", "higher"),
        Comparison("40% wrong", "10000 clean", "test_error", "higher"),
        Comparison("10% wrong", "40000 clean", "test_error", "higher"),
        Comparison("20000 clean", "40000 clean", "test_error", "higher"),
    ),
    axis="correct_labels",
)
