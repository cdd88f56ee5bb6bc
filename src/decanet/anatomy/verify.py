"""The proof that a network is its paper's: what we build, number by number, beside what the sources state.

Four sorts of numbers are compared: parameters, multiply-adds, weighted depth and the shapes after the named
stages. An exact count must be equal. A rounded one ("25.6M") must agree in the digits that it gives, up or
down, since some papers cut digits off. Nothing is computed: one walk on the meta device a network.
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
        quantity: what is compared: the ledger's key, or a stage's name.
        stated: what the source states, as it states it; None where there is nothing.
        built: what we build.
        difference: built minus stated as a number, or empty where that has no meaning.
        verdict: ``"agree"``, ``"departure"`` (declared, see ``reason``), ``"disagree"`` or ``"unstated"``.
        reason: the declared reason of a departure.
        source: where the stated value is from.
        independent: whether anyone but us stands for the stated value: a paper, its authors' code, a library.
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

    A network for which no source states numbers gives one row with the verdict ``"unstated"``.

    Raises:
        UsageError: unknown network, or a network names facts that do not exist.
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
            f"{numbers} with the facts, in {', '.join(networks)}; mend the network, or declare the departure "
            "with its reason where it registers"
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
        # The ledger counts variants too (other shortcuts or strides): they are evidence when they are ours.
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
    verdict, reason = _judge(entry, quantity, agrees, built)
    text = "" if at_most else f"{difference:+,.0f}" if difference else "0"
    return Check(
        entry.name, key, stated.value, built, text, verdict, reason, stated.source, stated.independent
    )


def _compare_stage(entry: ModelEntry, built: Trace, stage: facts.Stage, stated: facts.Architecture) -> Check:
    shape = (stage.channels, stage.height, stage.width)
    ours = built.shapes.get(built.stages.get(stage.name, stage.name))
    # Linear layers are 1x1 maps to some papers: (84, 1, 1) is our (84,).
    same = ours is not None and ours + (1,) * (3 - len(ours)) == shape
    verdict, reason = _judge(entry, stage.name, same, ours)
    source = facts.Stated(shape, stated.stages_source, stated.stages_confidence)
    return Check(entry.name, stage.name, shape, ours, "", verdict, reason, source.source, source.independent)


def _judge(entry: ModelEntry, quantity: str, agrees: bool, built: object) -> tuple[str, str]:
    """Verdict and reason. A departure excuses the one value that it declares, so that a later drift is noticed."""
    if agrees:
        return AGREE, ""
    departure = entry.departures.get(quantity)
    if departure is None:
        return DISAGREE, ""
    if departure.built != built:
        return DISAGREE, f"the declared departure is for {departure.built}: {departure.reason}"
    return DEPARTURE, departure.reason


def _number(stated: object) -> tuple[float, float, bool] | None:
    """(number, how far it may be off, whether it is an upper bound), or None for text without a number."""
    if isinstance(stated, int):
        return stated, 0, False
    match = re.search(r"(\d+(?:\.(\d+))?)\s*(million|billion|M|B)\b", str(stated))
    if match is None:
        return None
    unit = {"million": 1e6, "M": 1e6, "billion": 1e9, "B": 1e9}[match[3]]
    decimals = len(match[2] or "")
    return float(match[1]) * unit, unit / 10**decimals, "less than" in str(stated)
