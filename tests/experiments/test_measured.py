"""The file that comes with the package is what the committed results give."""

import json
from types import ModuleType

from decanet.experiments.declaration import list_experiments
from decanet.experiments.measured import load_measured, measured
from decanet.experiments.report import outcomes


def test_the_file_is_that_of_the_committed_results(generator: ModuleType) -> None:
    expected = json.loads(json.dumps(measured(outcomes(generator.RESULTS / "experiments"))))
    assert load_measured() == expected, "run: python docs/generate.py experiments"


def test_every_experiment_is_there_with_its_numbers() -> None:
    found = {each["name"]: each for each in load_measured()}
    assert list(found) == [experiment.name for experiment in list_experiments()]
    convolution = found["convolution"]
    assert convolution["compared"]
    for each in convolution["compared"]:
        difference = each["difference"]
        assert difference["low"] < difference["mean"] < difference["high"]
        assert each["verdict"] in {"supported", "contradicted", "not_resolved", "described"}
    assert {len(text["compared"]) for text in convolution["texts"].values()} == {len(convolution["compared"])}
