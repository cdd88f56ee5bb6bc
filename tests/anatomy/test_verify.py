"""Every network against the ledger, and the comparison itself against wrong networks."""

import dataclasses

import pytest

from decanet.anatomy.trace import trace
from decanet.anatomy.verify import (
    AGREE,
    DEPARTURE,
    DISAGREE,
    UNSTATED,
    DisagreementError,
    _number,
    _verify,
    require_agreement,
    verify,
)
from decanet.core import facts
from decanet.models import list_models, model_entry
from decanet.models.registry import Departure


def test_every_network_agrees_with_its_paper_or_declares_a_departure() -> None:
    checks = verify()
    require_agreement(checks)
    assert {check.network for check in checks} == set(list_models())
    assert all(check.reason for check in checks if check.verdict == DEPARTURE)
    assert all(check.source for check in checks if check.verdict != UNSTATED)


def test_checks_of_alexnet() -> None:
    checks = {check.quantity: check for check in verify(["alexnet"])}
    assert checks["params_exact"].built == checks["params_exact"].stated == 61_100_840
    assert checks["macs_exact"].difference == "0"
    assert checks["depth"].built == 8
    assert checks["pool5"].built == (256, 6, 6)
    assert {check.verdict for check in checks.values()} == {AGREE}


def compare(name: str, **changes) -> dict[str, str]:
    """Verdicts by quantity of a network with a changed entry."""
    entry = dataclasses.replace(model_entry(name), **changes)
    return {c.quantity: c.verdict for c in _verify(entry, trace(name), facts.architecture(entry.facts))}


def test_a_wrong_network_disagrees() -> None:
    verdicts = compare("alexnet", facts="alexnet_2012")
    assert verdicts["params_exact"] == verdicts["macs_exact"] == verdicts["conv1"] == DISAGREE
    assert verdicts["depth"] == verdicts["pool5"] == AGREE
    entry = dataclasses.replace(model_entry("alexnet"), facts="alexnet_2012")
    checks = _verify(entry, trace("alexnet"), facts.architecture("alexnet_2012"))
    with pytest.raises(DisagreementError, match=r"numbers disagree with the facts, in alexnet; "):
        require_agreement(checks)


def test_a_declared_departure_hides_nothing_else() -> None:
    verdicts = compare(
        "alexnet", facts="alexnet_2012", departures={"params": Departure(61_100_840, "one tower")}
    )
    assert verdicts["params_exact"] == DEPARTURE
    assert verdicts["macs_exact"] == DISAGREE


def test_a_departure_allows_only_the_value_that_it_declares() -> None:
    drifted = {"params": Departure(61_100_841, "one tower"), "conv1": Departure((64, 54, 54), "one tower")}
    entry = dataclasses.replace(model_entry("alexnet"), facts="alexnet_2012", departures=drifted)
    checks = {c.quantity: c for c in _verify(entry, trace("alexnet"), facts.architecture("alexnet_2012"))}
    for quantity in ("params_exact", "conv1"):
        assert checks[quantity].verdict == DISAGREE
        assert "one tower" in checks[quantity].reason


def test_every_declared_departure_is_used() -> None:
    declared = {(name, quantity) for name in list_models() for quantity in model_entry(name).departures}
    used = {(check.network, check.reason) for check in verify() if check.verdict == DEPARTURE}
    for name, quantity in declared:
        assert (name, model_entry(name).departures[quantity].reason) in used, f"{name}: {quantity} agrees"


def test_our_own_counts_are_not_independent_sources() -> None:
    checks = {check.quantity: check for check in verify(["plain18"])}
    assert not checks["params_exact"].independent  # the ledger: own definition, counted with torch
    assert checks["depth"].independent  # the paper's
    stages = [check for check in verify(["vgg16"]) if isinstance(check.stated, tuple)]
    assert {check.independent for check in stages} == {facts.architecture("vgg16").stages_confidence != "own"}


def test_a_network_without_facts_is_unstated() -> None:
    (check,) = verify(["decanet_s"])
    assert check.verdict == UNSTATED
    require_agreement([check])


@pytest.mark.parametrize(
    ("stated", "number", "tolerance", "at_most"),
    [
        (152, 152, 0, False),
        ("25.6M", 25.6e6, 1e5, False),
        ("3.8 billion", 3.8e9, 1e8, False),
        ("about 44 million", 44e6, 1e6, False),
        ("less than 25 million", 25e6, 1e6, True),
        ("3.87 billion", 3.87e9, 1e7, False),
    ],
)
def test_the_tolerance_of_a_rounded_number_is_its_last_digit(stated, number, tolerance, at_most) -> None:
    assert _number(stated) == (pytest.approx(number), pytest.approx(tolerance), at_most)


def test_text_without_a_number_is_not_compared() -> None:
    assert _number("about thirty") is None
