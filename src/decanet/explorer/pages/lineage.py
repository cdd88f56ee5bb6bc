"""Page "lineage": the networks of the decade by year, depth, parameters, multiply-adds and error."""

from collections.abc import Mapping
from typing import Any

from decanet.core import facts
from decanet.explorer.session import Session
from decanet.lineage.timeline import lineage

ORDER = 60


def milestones(_: Session, __: Mapping[str, Any]) -> Any:
    """The milestones with what is counted and what is stated, and people's error rate with its caveat."""
    rows = [
        {
            "name": row.name, "title": row.title, "year": row.year, "depth": row.depth, "params": row.params,
            "macs": row.macs, "innovations": list(row.innovations),
            "competition": row.competition_top5_error_pct, "rank": row.competition_rank,
            "paper": None if row.paper_top1_pct is None else 100 - row.paper_top1_pct,
            "paper_test": row.paper_test,
            "library": None if row.library_top1_pct is None else 100 - row.library_top1_pct,
            "library_year": row.library_year,
        }
        for row in lineage()
    ]  # fmt: skip
    human = facts.human()
    shown = {"error": human.top5_error_pct, "caveat": human.caveat, "source": human.source}
    return {"milestones": rows, "human": shown}


QUESTIONS = {"milestones": milestones}
SNAPSHOT = ("milestones",)
