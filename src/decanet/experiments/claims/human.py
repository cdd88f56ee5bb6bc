"""Human-level understanding: do the network's doubts agree with people's?"""

from decanet.experiments.claims._base import BASE
from decanet.experiments.declaration import Arm, Comparison, Experiment, vary


def _arm(name: str, *settings: str) -> Arm:
    return Arm(name, vary(BASE, "log_every=100", *settings))


EXPERIMENT = Experiment(
    number=20,
    source="arXiv:1908.07086, sections 4 and 5",
    arms=(
        _arm("fully connected", "model.name=mlp_cifar", "data.image_size=32", "epochs=8"),
        _arm("plain", "epochs=4"),
        _arm("residual 8", "model.name=small_resnet", "epochs=4"),
        _arm("residual 8 longer", "model.name=small_resnet", "epochs=16"),
        _arm("residual 20", "model.name=small_resnet", 'model.options={"depth": 20}', "epochs=16"),
    ),
    comparisons=(
        Comparison("residual 20", "residual 8", "human_correlation", "higher", margin=0.02),
        Comparison("residual 20", "fully connected", "human_correlation", "higher", margin=0.02),
        Comparison("residual 20", "residual 8", "human_loss", "lower", margin=0.02),
    ),
    quantities=("human_loss", "human_correlation"),
    seeds=5,
)
