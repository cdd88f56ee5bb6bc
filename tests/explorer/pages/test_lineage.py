"""Data of the page "lineage"."""

from decanet.core import facts
from decanet.explorer.pages.lineage import QUESTIONS
from decanet.explorer.session import Session
from decanet.lineage.timeline import lineage


def test_counted_and_stated_numbers_are_the_lineages(session: Session) -> None:
    found = QUESTIONS["milestones"](session, {})
    rows = {row["name"]: row for row in found["milestones"]}
    assert list(rows) == [row.name for row in lineage()]
    assert rows["resnet152"]["competition"] == 3.567
    assert rows["alexnet_two_tower"]["depth"] == 8
    assert found["human"]["error"] == facts.human().top5_error_pct
    assert set(rows) <= set(session.offered)
