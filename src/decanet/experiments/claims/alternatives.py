"""Alternatives to convolutional networks: does the gap shrink with more images?"""

from decanet.experiments.claims._base import BASE
from decanet.experiments.declaration import Arm, Comparison, Experiment, Images, vary

COUNTS, SAMPLES = (5_000, 50_000), 400_000
NETWORKS = {"ResNet": "small_resnet", "ConvNeXt": "small_convnext", "ViT": "small_vit"}


def _arm(group: str, model: str, count: int) -> Arm:
    recipe = vary(
        BASE,
        f"model.name={model}",
        "optimizer.name=adamw",
        "optimizer.lr=0.002",
        "optimizer.weight_decay=0.05",
        f"epochs={SAMPLES / count}",
        "log_every=100",
    )
    return Arm(f"{group} {count}", recipe, Images(count), x=count, group=group)


EXPERIMENT = Experiment(
    number=19,
    source="arXiv:2010.11929, section 4.3 and Figure 3",
    arms=tuple(_arm(group, model, count) for group, model in NETWORKS.items() for count in COUNTS),
    comparisons=(
        Comparison("ViT 5000", "ResNet 5000", "test_error", "higher", stated="worse with few images"),
        Comparison("ViT 50000", "ResNet 50000", "test_error", "higher"),
        Comparison("ConvNeXt 50000", "ResNet 50000", "test_error", "lower"),
    ),
    axis="images",
    learning_rates=(0.0007, 0.002, 0.006),
    full=False,
)
