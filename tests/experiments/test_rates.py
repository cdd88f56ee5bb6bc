"""The committed rates, and their measurement."""

from pathlib import Path

import pytest
import torch

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.experiments.declaration import Arm, list_experiments, vary
from decanet.experiments.rates import images_per_second, measure_rates, measured_rates, rate_key
from tests.experiments.conftest import DIGITS, experiment


def test_every_arm_has_a_committed_rate_and_no_rate_is_left_over() -> None:
    declared = {rate_key(arm) for one in list_experiments() for arm in one.arms}
    measured = measured_rates()
    assert measured["rates"].keys() == declared
    assert measured["environment"]["threads"] == 1


def test_an_arm_without_a_rate_is_an_error() -> None:
    with pytest.raises(UsageError, match="decanet benchmark experiments"):
        images_per_second(Arm("other", vary(DIGITS, "batch_size=7")))


def test_rates_are_measured_with_one_thread_and_known_ones_kept(tmp_path: Path) -> None:
    declared = experiment()
    narrow, wide = declared.arms
    data = load_data("digits", cache=tmp_path, report=Silent())
    threads = torch.get_num_threads()
    measured = measure_rates([declared], data, Silent(), {rate_key(narrow): 123.0, "gone": 1.0})
    assert measured["rates"].keys() == {rate_key(narrow), rate_key(wide)}
    assert measured["rates"][rate_key(narrow)] == 123.0
    assert measured["rates"][rate_key(wide)] > 0
    assert measured["environment"]["threads"] == 1
    assert torch.get_num_threads() == threads
