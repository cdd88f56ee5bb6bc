"""Page "experiments": the claims of the decade and what was measured of them."""

from collections.abc import Mapping
from typing import Any

from decanet.experiments.measured import load_measured
from decanet.explorer.session import Session

ORDER = 70


def measured(_: Session, __: Mapping[str, Any]) -> Any:
    """Every experiment, with texts in all languages."""
    return {"experiments": load_measured()}


QUESTIONS = {"measured": measured}
SNAPSHOT = ("measured",)
