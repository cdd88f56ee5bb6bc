"""Training step of every network: decanet's loop with its choices, beside a plain float32 loop."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from decanet.anatomy.cost import cost
from decanet.benchmarking.steps import CPU, SameBatch, loop_steps, plain_step
from decanet.benchmarking.timing import about, conditions, markdown_table, quartiles
from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.core.recipe import Data, Model, Recipe, Sgd
from decanet.data import ImageData, MemorySplit
from decanet.evaluation.specification import input_spec
from decanet.models import create_model, list_models, model_entry
from decanet.training.resolve import resolve

SMALL = 64
SMALL_BATCH, SMALL_COSTLY_BATCH, LARGE_BATCH, LARGEST_BATCH = 128, 16, 8, 4
COSTLY_MACS, LARGEST_MACS = 2_000_000_000, 10_000_000_000  # a step should take seconds, not minutes
WARM_UP, LEAST_ROUNDS, MOST_ROUNDS = 2, 3, 100
NO_SLOWER = 0.97  # a smaller ratio counts as slower; ratios between it and 1 are noise of a few rounds


def measure(
    names: Sequence[str],
    report: Report,
    *,
    batch_size: int | None = None,
    seconds: float = 5.0,
    save: Callable[[dict[str, Any]], object] = lambda _: None,
) -> dict[str, Any]:
    """Measure networks, all registered ones by default, about ``seconds`` and at least three rounds each.

    ``save`` is called with the measurements after each network: all of them take the better part of an hour.

    Raises:
        UsageError: unknown network, or a batch of less than two images.
    """
    if batch_size is not None and batch_size < 2:
        raise UsageError(f"--batch-size {batch_size}: batch normalization needs at least two images")
    chosen = list(names) or list_models()
    for name in chosen:
        model_entry(name)  # an unknown name is an error before anything is measured
    measured: dict[str, Any] = {**conditions(), "models": []}
    for index, name in enumerate(chosen):
        report.progress("measuring networks", index, len(chosen), "networks")
        row = measure_model(name, batch_size, seconds)
        measured["models"].append(row)
        save(measured)
        report.note(
            f"{name}: {row['decanet']['images_per_second']:g} images/s in {row['precision']}, "
            f"{row['ratio']:.2f} times the plain loop's {row['plain']['images_per_second']:g}"
        )
    report.progress("measuring networks", len(chosen), len(chosen), "networks")
    return measured


def measure_model(name: str, batch_size: int | None = None, seconds: float = 5.0) -> dict[str, Any]:
    """Time the steps of both loops with one network, in turn."""
    entry = model_entry(name)
    channels, image_size, _ = entry.input_size
    price = cost(name, num_classes=entry.num_classes, input_size=entry.input_size)
    if batch_size is None:
        small = SMALL_COSTLY_BATCH if price.macs > COSTLY_MACS else SMALL_BATCH
        large = LARGEST_BATCH if price.macs > LARGEST_MACS else LARGE_BATCH
        batch_size = small if image_size <= SMALL else large
    recipe = Recipe(
        model=Model(name=name), data=Data(image_size=image_size), batch_size=batch_size, epochs=1,
        optimizer=Sgd(lr=1e-3, momentum=0.9),
    )  # fmt: skip
    recipe = resolve(recipe, _stand_in(batch_size), CPU)
    torch.manual_seed(0)
    images, labels = (
        torch.randn(batch_size, channels, image_size, image_size),
        torch.zeros(batch_size, dtype=torch.int64),
    )
    plain_model = create_model(name)
    plain = plain_step(
        plain_model, torch.optim.SGD(plain_model.parameters(), lr=1e-3, momentum=0.9), images, labels
    )
    ours = images.to(input_spec(recipe, CPU).dtype).contiguous(memory_format=torch.channels_last)
    plain_seconds: list[float] = []

    def take_a_plain_step() -> None:
        start = time.perf_counter()
        plain()
        plain_seconds.append(time.perf_counter() - start)

    # Warm-up, and an estimate of the rounds that fill the time.
    take_a_plain_step()
    take_a_plain_step()
    rounds = min(MOST_ROUNDS, max(LEAST_ROUNDS, round(seconds / (1.6 * plain_seconds[-1]))))
    plain_seconds.clear()
    steps = WARM_UP + rounds
    our_seconds, _ = loop_steps(
        recipe, create_model(name), SameBatch(ours, labels, steps + 1), steps, between=take_a_plain_step
    )
    our_seconds, plain_seconds = our_seconds[WARM_UP:], plain_seconds[WARM_UP:]
    pairs = [theirs / mine for mine, theirs in zip(our_seconds, plain_seconds, strict=True)]
    row = {
        "model": name,
        "batch_size": batch_size,
        "input_size": list(entry.input_size),
        "params": price.params,
        "macs": price.macs,
        "precision": recipe.precision,
        "decanet": _speed(our_seconds, batch_size),
        "plain": _speed(plain_seconds, batch_size),
        "ratio_quartiles": quartiles(pairs),
    }
    return {**row, "ratio": row["ratio_quartiles"]["median"]}  # type: ignore[index]


def _speed(seconds: list[float], batch_size: int) -> dict[str, Any]:
    step = quartiles(seconds)
    return {"step_seconds": step, "images_per_second": float(f"{batch_size / step['median']:.4g}")}


def _stand_in(count: int) -> ImageData:
    """Data without images: what the resolution of a recipe needs."""
    split = MemorySplit(torch.empty(2 * count, 0), torch.empty(2 * count))
    third = (0.5, 0.5, 0.5)
    return ImageData("made", ("made",), split, split, third, third, True, "made")


def table(measured: dict[str, Any]) -> str:
    """Format the measurements as Markdown."""
    rows = [
        {
            "network": f"`{row['model']}`",
            "batch": row["batch_size"],
            "decanet, images/s": f"{row['decanet']['images_per_second']:g}",
            "precision": row["precision"],
            "plain float32, images/s": f"{row['plain']['images_per_second']:g}",
            "ratio (quartiles)": "{:.2f} ({:.2f} to {:.2f})".format(
                row["ratio"], row["ratio_quartiles"]["quartiles"][0], row["ratio_quartiles"]["quartiles"][-1]
            ),
        }
        for row in measured["models"]
    ]
    slower = [
        f"`{row['model']}` ({row['ratio']:.2f})" for row in measured["models"] if row["ratio"] < NO_SLOWER
    ]
    verdict = (
        f"Slower than the plain loop: {', '.join(slower)}."
        if slower
        else "None is slower than the plain loop."
    )
    return (
        f"{markdown_table(rows)}\n\nTraining steps, medians of at least {LEAST_ROUNDS} rounds in which both loops took "
        f"turns. {verdict}\n\n{about(measured)}"
    )
