"""What the committed results say, as plain values that come with the package: ``measured.json``.

``python docs/generate.py experiments`` writes it; the explorer shows it where the results themselves are not at hand.
"""

import json
from collections.abc import Sequence
from importlib import resources
from typing import Any

from decanet.core.texts import LANGUAGES, Texts
from decanet.experiments.declaration import Experiment
from decanet.experiments.figures import PACKAGE
from decanet.experiments.outcome import Compared, Outcome, quantity_unit
from decanet.experiments.report import arms_table, remarks, rerun, reused, statements, verdicts

FILE = "measured.json"


def measured(found: Sequence[tuple[Experiment, Outcome | None]]) -> list[dict[str, Any]]:
    """Return every experiment with its claim, arms, intervals and verdicts; texts by language."""
    return [_one(experiment, outcome, found) for experiment, outcome in found]


def load_measured() -> list[dict[str, Any]]:
    """Return what was measured when this version was made."""
    text = (resources.files("decanet.experiments") / FILE).read_text(encoding="utf-8")
    return list(json.loads(text)["experiments"])


def _one(
    experiment: Experiment, outcome: Outcome | None, found: Sequence[tuple[Experiment, Outcome | None]]
) -> dict[str, Any]:
    words = {}
    for language in LANGUAGES:
        texts = Texts(PACKAGE, language)
        words[language] = {
            "title": texts(f"claims.{experiment.name}.title"),
            "statements": statements(experiment, texts),
            "verdicts": verdicts(outcome, texts),
            "remarks": [] if outcome is None else remarks(outcome, texts),
            "arms": None if outcome is None else arms_table(outcome, texts),
            "compared": [] if outcome is None else [_words(each, texts) for each in outcome.compared],
        }
    return {
        "number": experiment.number,
        "name": experiment.name,
        "full": experiment.full,
        "reuses": [other.experiment.name for other in reused(experiment, found)],
        "rerun": rerun(experiment),
        "texts": words,
        "compared": [] if outcome is None else [_numbers(each) for each in outcome.compared],
    }


def _words(each: Compared, texts: Texts) -> dict[str, str]:
    return {
        "quantity": texts(f"quantities.{each.comparison.quantity}"),
        "verdict": texts(f"verdicts.{each.verdict}"),
    }


def _numbers(each: Compared) -> dict[str, Any]:
    comparison, difference = each.comparison, each.difference
    return {
        "arm": comparison.arm,
        "against": comparison.against,
        "unit": quantity_unit(comparison.quantity),
        "expected": comparison.expected,
        "margin": comparison.margin,
        "stated": comparison.stated,
        "verdict": each.verdict,
        "difference": None
        if difference is None
        else {name: round(getattr(difference, name), 4) for name in ("mean", "low", "high")},
        "ratio": None if each.ratio is None else round(each.ratio, 4),
    }
