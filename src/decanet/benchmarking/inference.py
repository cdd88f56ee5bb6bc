"""Inference: decanet's networks as they are prepared for it, beside the library's module in eager mode.

Latency of one image and throughput of a batch, for each registered network, in one process:

- ``library``: torchvision's module (timm's where only timm has the layout), float32;
- ``plain``: decanet's network, float32;
- ``fused``: batch normalization folded into the convolutions, float32;
- ``fused_channels_last``: the same with channels-last memory;
- ``fused_channels_last_bfloat16``: the same in bfloat16.

All take turns. ``ratio`` is the library's time divided by that of decanet's fastest float32 variant, ``ratio_bfloat16``
that with bfloat16 allowed; above 1 decanet is faster. ``same_outputs`` tells whether the fused network gives the plain
one's outputs.
"""

import statistics
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from decanet.benchmarking.timing import about, conditions, markdown_table
from decanet.core.errors import UsageError
from decanet.core.progress import Report
from decanet.evaluation.reference import find_architecture
from decanet.export.fuse import fuse
from decanet.models.factory import create_model
from decanet.models.registry import list_models, model_entry

FLOAT32 = ("plain", "fused", "fused_channels_last")
BFLOAT16 = "fused_channels_last_bfloat16"
LEAST_ROUNDS = 5


def measure(
    names: Sequence[str],
    report: Report,
    *,
    batch_size: int = 8,
    seconds: float = 3.0,
    save: Callable[[dict[str, Any]], object] = lambda _: None,
) -> dict[str, Any]:
    """Measure networks, all registered ones by default, about ``seconds`` for each variant and batch size.

    ``save`` is called with the measurements after each network: all of them take the better part of an hour.

    Raises:
        UsageError: unknown network, or a batch of less than two images.
    """
    if batch_size < 2:
        raise UsageError(f"--batch-size {batch_size}: at least 2; one image is measured anyway")
    chosen = list(names) or list_models()
    for name in chosen:
        find_architecture(name)  # an unknown name is an error before anything is measured
    measured: dict[str, Any] = {**conditions(), "batch_size": batch_size, "models": []}
    for index, name in enumerate(chosen):
        report.progress("measuring networks", index, len(chosen), "networks")
        row = measure_model(name, batch_size, seconds)
        measured["models"].append(row)
        if row["library"]:
            measured["environment"][row["library"]] = version(row["library"])
        save(measured)
        report.note(f"{name}: {min(row['batch_1']['milliseconds'].values()):.2f} ms for one image")
    report.progress("measuring networks", len(chosen), len(chosen), "networks")
    return measured


def measure_model(name: str, batch_size: int, seconds: float) -> dict[str, Any]:
    """Measure one network, a registered name or a model reference, with one image and with ``batch_size`` images."""
    torch.manual_seed(0)
    model, input_size = find_architecture(name)
    library, variants = _variants(model)
    images = torch.randn(batch_size, *input_size)
    with torch.inference_mode():
        expected, actual = variants["plain"](images[:1])(), variants["fused"](images[:1])()
    row: dict[str, Any] = {
        "model": name if isinstance(model, str) else Path(name).name,  # results hold no paths
        "input_size": list(input_size),
        "library": library or None,
        "same_outputs": torch.allclose(actual, expected, rtol=1e-3, atol=1e-4 * expected.abs().max().item()),
    }
    for count in (1, batch_size):
        times = _median_seconds({key: variant(images[:count]) for key, variant in variants.items()}, seconds)
        speed = row[f"batch_{count}"] = {
            "milliseconds": {key: 1000 * value for key, value in times.items()},
            "images_per_second": {key: count / value for key, value in times.items()},
        }
        if library:
            float32 = min(times[key] for key in FLOAT32)
            speed["ratio"] = times["library"] / float32
            speed["ratio_bfloat16"] = times["library"] / min(float32, times[BFLOAT16])
    return row


Variant = Callable[
    [Tensor], Callable[[], Tensor]
]  # from images, which it converts, to a forward pass of them


def _variants(model: str | nn.Module) -> tuple[str, dict[str, Variant]]:
    """The library's name, or an empty string, and the variants to be timed."""

    def variant(model: nn.Module, **conversion: Any) -> Variant:
        model = model.eval().to(**conversion)

        def prepare(images: Tensor) -> Callable[[], Tensor]:
            converted = images.to(**conversion)
            return lambda: model(converted)

        return prepare

    plain = (create_model(model) if isinstance(model, str) else model).eval()
    channels_last = {"memory_format": torch.channels_last}
    found = {
        "plain": variant(plain),
        "fused": variant(fuse(plain)),
        "fused_channels_last": variant(fuse(plain), **channels_last),
        BFLOAT16: variant(fuse(plain), dtype=torch.bfloat16, **channels_last),
    }
    library, module = _library_module(model) if isinstance(model, str) else ("", None)
    return library, {"library": variant(module), **found} if module else found


def _library_module(name: str) -> tuple[str, nn.Module | None]:
    """The same layout as its library builds it, with fresh weights."""
    names = {weights.library: weights.name for weights in model_entry(name).pretrained}
    if "torchvision" in names:
        from torchvision.models import get_model

        return "torchvision", get_model(names["torchvision"], weights=None)
    if "timm" in names:
        import timm

        return "timm", timm.create_model(names["timm"], pretrained=False)
    return "", None


def _median_seconds(passes: dict[str, Callable[[], Tensor]], seconds: float) -> dict[str, float]:
    """Median seconds of each forward pass; they take turns, so that other work on the machine slows all alike."""
    durations: dict[str, list[float]] = {key: [] for key in passes}
    with torch.inference_mode():
        for forward in passes.values():  # warm-up: the first two passes create primitives
            forward()
            forward()
        begin = time.perf_counter()
        while min(map(len, durations.values())) < LEAST_ROUNDS or time.perf_counter() - begin < seconds * len(
            passes
        ):
            for key, forward in passes.items():
                start = time.perf_counter()
                forward()
                durations[key].append(time.perf_counter() - start)
    return {key: statistics.median(values) for key, values in durations.items()}


def table(measured: dict[str, Any]) -> str:
    """Format the measurements as Markdown."""
    batch = f"batch_{measured['batch_size']}"
    rows = [
        {
            "network": f"`{row['model']}`",
            "library": row["library"],
            "one image, ms": f"{min(row['batch_1']['milliseconds'].values()):.2f}",
            "ratio": _ratio(row["batch_1"], "ratio"),
            "with bfloat16": _ratio(row["batch_1"], "ratio_bfloat16"),
            f"batch of {measured['batch_size']}, images/s": f"{max(row[batch]['images_per_second'].values()):.1f}",
            "ratio ": _ratio(row[batch], "ratio"),
            "with bfloat16 ": _ratio(row[batch], "ratio_bfloat16"),
        }
        for row in measured["models"]
    ]
    different = [f"`{row['model']}`" for row in measured["models"] if not row["same_outputs"]]
    verdict = f" Outputs differ after fusion: {', '.join(different)}." if different else ""
    return (
        f"{markdown_table(rows)}\n\nFastest variant of each network; a ratio is the library's time divided by that of "
        f"decanet's fastest float32 variant, or of its fastest variant with bfloat16.{verdict}\n\n{about(measured)}"
    )


def _ratio(speed: dict[str, Any], key: str) -> str | None:
    return f"{speed[key]:.2f}" if key in speed else None
