"""The statistics of an experiment: paired differences over seeds, their intervals, and a verdict.

Each seed gives one difference between two arms, trained from the same seed. The interval is Student's, two-sided, at
95% over all comparisons of an experiment together (Bonferroni). What it does not decide is said to be not resolved,
with the difference that this number of seeds could have shown.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import optimize, stats

from decanet.core.errors import UsageError
from decanet.experiments.declaration import Expected

CONFIDENCE, POWER = 0.95, 0.80
FEWEST = 2  # seeds for any interval
Verdict = Literal["supported", "contradicted", "not_resolved", "described"]


@dataclass(frozen=True)
class Difference:
    """The difference between two arms over the seeds.

    Attributes:
        values: of each seed.
        mean: of them.
        low, high: ends of the interval, corrected for the number of comparisons.
        p: two-sided p-value of no difference, not corrected.
        resolvable: the difference that would be found with a probability of 80%, given this spread.
    """

    values: tuple[float, ...]
    mean: float
    low: float
    high: float
    p: float
    resolvable: float

    @property
    def half_width(self) -> float:
        """Half of the interval's length."""
        return (self.high - self.low) / 2


def paired_difference(values: Sequence[float], comparisons: int = 1) -> Difference:
    """Return mean and interval of paired differences.

    Args:
        values: one for each seed.
        comparisons: number of comparisons that share the 5% of error.

    Raises:
        UsageError: fewer than two seeds.
    """
    if len(values) < FEWEST:
        raise UsageError(f"an interval needs at least {FEWEST} seeds; there is {len(values)}")
    x = np.asarray(values, dtype=float)
    count, mean, deviation = len(x), float(x.mean()), float(x.std(ddof=1))
    error = deviation / math.sqrt(count)
    level = 1 - (1 - CONFIDENCE) / comparisons
    half = float(stats.t.ppf((1 + level) / 2, count - 1)) * error
    if error == 0:
        return Difference(tuple(x.tolist()), mean, mean, mean, 1.0 if mean == 0 else 0.0, 0.0)
    p = float(2 * stats.t.sf(abs(mean) / error, count - 1))
    return Difference(
        tuple(x.tolist()), mean, mean - half, mean + half, p, resolvable_difference(deviation, count, level)
    )


def resolvable_difference(deviation: float, count: int, level: float = CONFIDENCE) -> float:
    """Return the difference whose interval at ``level`` excludes 0 with a probability of 80%.

    Args:
        deviation: standard deviation of the paired differences.
        count: number of seeds.
        level: of the interval.
    """
    critical = float(stats.t.ppf((1 + level) / 2, count - 1))

    def lacking(shift: float) -> float:
        return float(stats.nct.sf(critical, count - 1, shift)) - POWER

    shift = float(optimize.brentq(lacking, 0.0, 20 * critical))
    return shift * deviation / math.sqrt(count)


def decide(difference: Difference, expected: Expected, margin: float) -> Verdict:
    """Return the verdict on a claim that was stated before the first run.

    A claimed direction is supported when the whole interval is on its side of 0, and contradicted when it is on the
    other side. "equal" is supported when the interval is within the margin, and contradicted when it is outside.
    """
    low, high = difference.low, difference.high
    if expected == "equal":
        if -margin <= low and high <= margin:
            return "supported"
        return "contradicted" if low > margin or high < -margin else "not_resolved"
    if expected == "lower":
        low, high = -high, -low
    if low > 0:
        return "supported"
    return "contradicted" if high < 0 else "not_resolved"


def decide_by_order(pairs: Sequence[tuple[float | None, float | None]], expected: Expected) -> Verdict:
    """Return the verdict on times of arrival, of which some are None: never arrived.

    Every seed must be on one side (an exact sign test; five seeds have p = 0.03, one-sided). A pair that never arrived
    on either side says nothing.

    Args:
        pairs: of each seed, the arm's time and the baseline's.
        expected: sign of the difference.
    """
    signs = [_order(first, second) for first, second in pairs]
    wanted = -1 if expected == "lower" else 1
    if len(pairs) < 5 or expected == "equal" or not all(signs):
        return "not_resolved"
    if all(sign == wanted for sign in signs):
        return "supported"
    return "contradicted" if all(sign == -wanted for sign in signs) else "not_resolved"


def _order(first: float | None, second: float | None) -> int:
    a, b = (math.inf if time is None else time for time in (first, second))
    return (a > b) - (a < b)


def censored_median(times: Sequence[float | None]) -> float | None:
    """Return the median of times of which some are None, later than all others; None if the median is one of them."""
    ordered = sorted(math.inf if time is None else time for time in times)
    middle = (ordered[(len(ordered) - 1) // 2] + ordered[len(ordered) // 2]) / 2
    return None if math.isinf(middle) else middle


def holm(p_values: Sequence[float]) -> list[float]:
    """Return Holm's corrected p-values, in the order given (S. Holm, Scand. J. Statist. 6, 1979)."""
    order = np.argsort(p_values)
    corrected = np.empty(len(p_values))
    highest = 0.0
    for rank, index in enumerate(order):
        highest = max(highest, min(1.0, (len(p_values) - rank) * p_values[index]))
        corrected[index] = highest
    return corrected.tolist()


def image_error(pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> float:
    """Return the standard error of a difference in error that comes from the choice of test images, in points.

    The seeds' interval holds for these test images. Another test set would move it by about this much: from the
    discordant images, which one arm classifies correctly and the other does not (Q. McNemar, Psychometrika 12, 1947).

    Args:
        pairs: of each seed, which images (N,) the two arms classify wrongly.
    """
    differences = np.mean([first.astype(float) - second for first, second in pairs], axis=0)
    return float(100 * differences.std(ddof=1) / math.sqrt(len(differences)))
