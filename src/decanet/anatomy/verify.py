"""Comparison of the networks with the ledger of facts, number by number.

Four kinds of numbers are compared: parameters, multiply-adds, weighted depth and the output shapes of the named stages.
An exact count must be equal. A rounded one ("25.6M") must agree in its digits, rounded up or down, since some papers
cut digits off. The networks are traced on the meta device; no weights are needed.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from decanet.anatomy.trace import Trace, trace
from decanet.core import facts
from decanet.core.errors import DecanetError
from decanet.models.registry import ModelEntry, list_models, model_entry

AGREE, DEPARTURE, DISAGREE, UNSTATED = "agree", "departure", "disagree", "unstated"


class DisagreementError(DecanetError):
    """A network differs from the facts without a declared reason."""

    kind, exit_code = "disagreement", 1


@dataclass(frozen=True)
class Check:
    """One compared number.

    Attributes:
        network: the registered name.
        quantity: the ledger's key, or the name of a stage.
        stated: the value in the words of the source; None where no source states one.
        built: the value of the network in decanet.
        difference: built minus stated as a number; empty for shapes and bounds.
        verdict: ``"agree"``, ``"departure"`` (declared, see ``reason``), ``"disagree"`` or ``"unstated"``.
        reason: the declared reason of a departure.
        source: of the stated value.
        independent: whether the source is a paper, its authors' code or a library, and not our own count.
    """

    network: str
    quantity: str
    stated: object
    built: object
    difference: str
    verdict: str
    reason: str = ""
    source: str = ""
    independent: bool = False


def verify(names: Iterable[str] | None = None) -> list[Check]:
    """Compare networks, all registered ones by default, with the ledger.

    A network for which no source states numbers gives one check with the verdict ``"unstated"``.

    Raises:
        UsageError: unknown network, or a network that names facts which do not exist.
    """
    checks: list[Check] = []
    for name in list_models() if names is None else names:
        entry = model_entry(name)
        if entry.facts:
            checks += _verify(entry, trace(name), facts.architecture(entry.facts))
        else:
            checks.append(Check(name, "params", None, trace(name).params, "", UNSTATED))
    return checks


def require_agreement(checks: Iterable[Check]) -> None:
    """Raise DisagreementError, naming the networks, unless every difference is a declared departure."""
    wrong = [check for check in checks if check.verdict == DISAGREE]
    if wrong:
        networks = sorted({check.network for check in wrong})
        numbers = "1 number disagrees" if len(wrong) == 1 else f"{len(wrong)} numbers disagree"
        raise DisagreementError(
            f"{numbers} with the facts, in {', '.join(networks)}; correct the network, or declare the departure "
            "with its reason where the network is registered"
        )


def _verify(entry: ModelEntry, built: Trace, stated: facts.Architecture) -> list[Check]:
    counts = {
        "params": built.params - built.params_training_only,
        "params_with_aux": built.params,
        "macs": built.macs,
        "depth": built.depth,
    }
    checks = []
    for key, value in stated.values.items():
        quantity, _, variant = key.replace("_exact", "").replace("_paper", "").partition("_")
        if key == "params_exact_with_aux":
            quantity, variant = "params_with_aux", ""
        if quantity not in counts:
            continue
        count = counts[quantity]
        check = _compare(entry, key, quantity, value, count)
        # The ledger also counts variants (other shortcuts or strides): one that equals our count is evidence.
        if check is not None and (not variant or value.value == count):
            checks.append(check)
    checks += [_compare_stage(entry, built, stage, stated) for stage in stated.stages]
    return checks


def _compare(entry: ModelEntry, key: str, quantity: str, stated: facts.Stated, built: int) -> Check | None:
    parsed = _number(stated.value)
    if parsed is None:
        return None
    number, tolerance, at_most = parsed
    difference = built - number
    agrees = built < number if at_most else abs(difference) <= tolerance
    verdict, reason = _verdict(entry, quantity, agrees, built)
    text = "" if at_most else f"{difference:+,.0f}" if difference else "0"
    return Check(
        entry.name, key, stated.value, built, text, verdict, reason, stated.source, stated.independent
    )


def _compare_stage(entry: ModelEntry, built: Trace, stage: facts.Stage, stated: facts.Architecture) -> Check:
    shape = (stage.channels, stage.height, stage.width)
    ours = built.shapes.get(built.stages.get(stage.name, stage.name))
    # Some papers write a fully connected layer as 1x1 feature maps: (84, 1, 1) is our (84,).
    same = ours is not None and ours + (1,) * (3 - len(ours)) == shape
    verdict, reason = _verdict(entry, stage.name, same, ours)
    source = facts.Stated(shape, stated.stages_source, stated.stages_confidence)
    return Check(entry.name, stage.name, shape, ours, "", verdict, reason, source.source, source.independent)


def _verdict(entry: ModelEntry, quantity: str, agrees: bool, built: object) -> tuple[str, str]:
    """Return verdict and reason. A departure allows only the value that it declares, so any later change is found."""
    if agrees:
        return AGREE, ""
    departure = entry.departures.get(quantity)
    if departure is None:
        return DISAGREE, ""
    if departure.built != built:
        return DISAGREE, f"the declared departure is for {departure.built}: {departure.reason}"
    return DEPARTURE, departure.reason


def _number(stated: object) -> tuple[float, float, bool] | None:
    """Return (number, tolerance, whether it is an upper bound), or None for text without a number."""
    if isinstance(stated, int):
        return stated, 0, False
    match = re.search(r"(\d+(?:\.(\d+))?)\s*(million|billion|M|B)\b", str(stated))
    if match is None:
        return None
    unit = {"million": 1e6, "M": 1e6, "billion": 1e9, "B": 1e9}[match[3]]
    decimals = len(match[2] or "")
    return float(match[1]) * unit, unit / 10**decimals, "less than" in str(stated)
