"""Numbers of the chapters come from results, and every one that a chapter asks for exists."""

import json
import re
from types import ModuleType

import pytest

from decanet.course.numbers import number, numbers
from decanet.course.recorded_runs import outputs
from decanet.course.source import load_chapters


def test_the_numbers_are_those_of_the_committed_results(generator: ModuleType) -> None:
    assert numbers() == generator.course_numbers(), "run: python docs/generate.py course"


def test_every_number_in_the_chapters_exists() -> None:
    keys = {key for c in load_chapters("en") for key in re.findall(r"\{\{([\w.#-]+)\}\}", c.body)}
    assert len(keys) > 30
    assert all(number(key) for key in keys)


def test_a_number_of_a_recorded_output_and_an_unknown_one() -> None:
    assert number("image-matrix#1") in outputs()["image-matrix"]
    assert json.dumps(numbers())
    with pytest.raises(LookupError, match="no committed result"):
        number("nothing.here")
