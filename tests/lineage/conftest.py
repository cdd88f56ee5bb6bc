"""What the tests of the insights share."""

import pytest

from decanet.lineage import timeline as line


@pytest.fixture(scope="session")
def milestones() -> list[line.Milestone]:
    """All rows of the lineage."""
    return line.lineage()
