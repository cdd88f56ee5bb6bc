"""Depth without parameters: how did networks grow deeper without a flood of parameters and operations?"""

from decanet.experiments.declaration import Experiment

EXPERIMENT = Experiment(
    number=16,
    source="the tutorial's abstract",
    axis="parameters",
    reuses=("lineage", "depth", "inception", "cardinality"),
)
