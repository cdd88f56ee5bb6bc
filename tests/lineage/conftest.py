"""The milestones, traced once for all tests of the lineage."""

import pytest

from decanet.lineage.timeline import Milestone, lineage


@pytest.fixture(scope="session")
def milestones() -> list[Milestone]:
    return lineage()
