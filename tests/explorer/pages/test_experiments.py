"""Data of the page "experiments"."""

from decanet.experiments.measured import load_measured
from decanet.explorer.pages.experiments import QUESTIONS, SNAPSHOT
from decanet.explorer.session import Session


def test_what_was_measured_comes_with_the_package(session: Session) -> None:
    found = QUESTIONS["measured"](session, {})
    assert found == {"experiments": load_measured()}
    assert set(SNAPSHOT) == set(QUESTIONS)
