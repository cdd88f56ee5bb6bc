"""Training rates of the arms, measured alone: what an experiment takes, and how many steps fit into an equal time."""

import json
from collections.abc import Iterable
from importlib import resources
from typing import Any

import torch

from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.core.runtime import environment
from decanet.data import ImageData
from decanet.experiments.declaration import Arm, Experiment
from decanet.training.dry_run import dry_run
from decanet.training.resolve import resolve

RATES = "rates.json"  # in this package; decanet benchmark experiments writes it


def rate_key(arm: Arm) -> str:
    """Return what the rate of an arm depends on, as the key of the table of rates."""
    recipe = arm.recipe
    options = ", ".join(f"{key}={value}" for key, value in sorted(recipe.model.options.items()))
    return f"{recipe.model.name}({options}), {recipe.data.image_size} pixels, batch {recipe.batch_size}"


def measured_rates() -> dict[str, Any]:
    """Return the committed rates: ``environment``, ``precision``, and ``rates`` by :func:`rate_key`.

    A rate is in images per second of one thread, with nothing else running.
    """
    rates: dict[str, Any] = json.loads(
        (resources.files("decanet.experiments") / RATES).read_text(encoding="utf-8")
    )
    return rates


def images_per_second(arm: Arm) -> float:
    """Return the rate of an arm on one thread of the reference machine.

    Raises:
        UsageError: it was never measured.
    """
    key, rates = rate_key(arm), measured_rates()["rates"]
    if key not in rates:
        raise UsageError(f"no rate is known of {key}: measure it with decanet benchmark experiments")
    return float(rates[key])


def measure_rates(
    experiments: Iterable[Experiment], data: ImageData, report: Report, known: dict[str, float] | None = None
) -> dict[str, Any]:
    """Measure the rate of every arm in a few steps of a training, one thread each. Run nothing else meanwhile.

    ``known`` rates are kept.
    """
    arms = {rate_key(arm): arm for experiment in experiments for arm in experiment.arms}
    rates = {key: rate for key, rate in (known or {}).items() if key in arms}
    device, threads = torch.device("cpu"), torch.get_num_threads()
    torch.set_num_threads(1)
    precision = ""
    try:
        for done, (key, arm) in enumerate(arms.items()):
            report.progress("rates", done, len(arms), "networks")
            recipe = resolve(arm.recipe, data, device)
            precision = recipe.precision
            if key not in rates:
                rates[key] = round(
                    dry_run(recipe, data, device=device, report=report)["images_per_second"], 1
                )
        about = environment(device)
    finally:
        torch.set_num_threads(threads)
    report.progress("rates", len(arms), len(arms), "networks")
    return {"environment": about, "precision": precision, "rates": dict(sorted(rates.items()))}
