"""Intervals, verdicts and corrections, compared with scipy and by simulation."""

import numpy as np
import pytest
from scipy import stats

from decanet.core.errors import UsageError
from decanet.experiments.statistics import (
    Difference,
    censored_median,
    decide,
    decide_by_order,
    holm,
    image_error,
    paired_difference,
    resolvable_difference,
)


def interval(low: float, high: float) -> Difference:
    return Difference((), (low + high) / 2, low, high, 0.5, 1.0)


@pytest.mark.parametrize("comparisons", [1, 4])
def test_the_interval_is_scipys(comparisons: int) -> None:
    values = np.random.default_rng(0).normal(1.0, 2.0, 5)
    difference = paired_difference(values, comparisons)
    test = stats.ttest_1samp(values, 0.0)
    expected = test.confidence_interval(1 - 0.05 / comparisons)
    assert (difference.low, difference.high) == pytest.approx((expected.low, expected.high))
    assert difference.p == pytest.approx(test.pvalue)


def test_intervals_cover_what_they_say() -> None:
    rng = np.random.default_rng(1)
    covered = [
        d.low <= 0.3 <= d.high for d in (paired_difference(rng.normal(0.3, 1, 5)) for _ in range(2000))
    ]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.02)


def test_all_intervals_of_an_experiment_cover_together() -> None:
    rng = np.random.default_rng(2)
    covered = []
    for _ in range(1000):
        found = [paired_difference(rng.normal(0, 1, 5), 4) for _ in range(4)]
        covered.append(all(d.low <= 0 <= d.high for d in found))
    assert np.mean(covered) >= 0.93


def test_the_resolvable_difference_is_found_four_times_in_five() -> None:
    rng = np.random.default_rng(3)
    shift = resolvable_difference(1.0, 5)
    found = [paired_difference(rng.normal(shift, 1, 5)).low > 0 for _ in range(2000)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.03)


def test_equal_differences_have_an_interval_of_no_width() -> None:
    assert paired_difference([2.0, 2.0, 2.0]).half_width == 0
    assert paired_difference([0.0, 0.0]).p == 1


def test_one_seed_has_no_interval() -> None:
    with pytest.raises(UsageError, match="at least 2 seeds"):
        paired_difference([1.0])


@pytest.mark.parametrize(
    ("low", "high", "expected", "verdict"),
    [
        (-2, -1, "lower", "supported"),
        (-2, 0.1, "lower", "not_resolved"),
        (1, 2, "lower", "contradicted"),
        (1, 2, "higher", "supported"),
        (-2, -1, "higher", "contradicted"),
        (-0.4, 0.3, "equal", "supported"),
        (-0.4, 0.6, "equal", "not_resolved"),
        (0.6, 0.9, "equal", "contradicted"),
    ],
)
def test_verdicts(low: float, high: float, expected: str, verdict: str) -> None:
    assert decide(interval(low, high), expected, margin=0.5) == verdict  # type: ignore[arg-type]


def test_the_order_of_arrival_decides_only_when_all_seeds_agree() -> None:
    earlier = [(1.0, 2.0)] * 4
    assert decide_by_order([*earlier, (3.0, None)], "lower") == "supported"
    assert decide_by_order([*earlier, (None, None)], "lower") == "not_resolved"
    assert decide_by_order([*earlier, (3.0, 2.0)], "lower") == "not_resolved"
    assert decide_by_order([(2.0, 1.0)] * 5, "lower") == "contradicted"
    assert decide_by_order([(1.0, 2.0)] * 3, "lower") == "not_resolved", "three seeds show nothing"


def test_censored_medians() -> None:
    assert censored_median([3.0, 1.0, None]) == 3
    assert censored_median([1.0, None, None]) is None
    assert censored_median([1.0, 2.0]) == 1.5


def test_holm_is_the_step_down_procedure() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


def test_the_error_of_the_images_is_mcnemars_for_one_seed() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.random(10_000) < 0.3, rng.random(10_000) < 0.25
    b, c = int((first & ~second).sum()), int((~first & second).sum())
    expected = 100 * np.sqrt(b + c - (b - c) ** 2 / 10_000) / 10_000
    assert image_error([(first, second)]) == pytest.approx(expected, rel=1e-3)
