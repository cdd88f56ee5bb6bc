"""Inference on this machine: our networks, as we prepare them, against the library's module in eager mode.

For each registered network, in one process and one run: latency of one image and throughput of a batch for

- ``library``: torchvision's module (timm's where only timm has the layout) in float32, as it comes;
- ``plain``: ours, as it comes;
- ``fused``: ours, batch normalization folded, float32;
- ``fused_channels_last``: the same with channels-last memory;
- ``fused_channels_last_bfloat16``: the same in bfloat16.

The contenders take turns, image by image, so that a busy moment of the machine hits all of them alike;
medians are compared. ``ratio`` is the library's time divided by that of our fastest float32 form (above 1
is faster than the library), ``ratio_bfloat16`` the same with bfloat16 allowed, ``same_outputs`` whether our
fused form gives the plain one's outputs.

Run it on a quiet machine: python benchmarks/inference.py [--seconds 3] [--batch 8] [NAMES...]
"""

import argparse
import importlib.metadata
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from decanet.core.files import write_json
from decanet.core.runtime import environment
from decanet.export.fuse import fuse
from decanet.models import create_model, list_models, model_entry

RESULTS = Path(__file__).parent / "results"
Prepared = tuple[
    nn.Module, Callable[[Tensor], Tensor]
]  # a network, and what is done to its images beforehand


def library_module(name: str) -> tuple[str, nn.Module] | None:
    """The same layout as its library builds it, with fresh weights; None where no library has it."""
    pretrained = {p.library: p for p in model_entry(name).pretrained}
    if "torchvision" in pretrained:
        import torchvision

        return "torchvision", torchvision.models.get_model(pretrained["torchvision"].name, weights=None)
    if "timm" in pretrained:
        import timm

        return "timm", timm.create_model(pretrained["timm"].name, pretrained=False)
    return None


def contenders(name: str) -> tuple[str, dict[str, Prepared]]:
    """The library's name, or an empty string, and every form to be timed."""
    ours = create_model(name).eval()
    folded = fuse(ours)
    forms: dict[str, Prepared] = {
        "plain": (ours, lambda x: x),
        "fused": (folded, lambda x: x),
        "fused_channels_last": (
            fuse(ours).to(memory_format=torch.channels_last),
            lambda x: x.to(memory_format=torch.channels_last),
        ),
        "fused_channels_last_bfloat16": (
            fuse(ours).to(torch.bfloat16, memory_format=torch.channels_last),
            lambda x: x.to(torch.bfloat16, memory_format=torch.channels_last),
        ),
    }
    library = library_module(name)
    if library is None:
        return "", forms
    return library[0], {"library": (library[1].eval(), lambda x: x), **forms}


def take_turns(forms: dict[str, Prepared], images: Tensor, seconds: float) -> dict[str, float]:
    """Median seconds of a forward pass of each form, all measured in the same stretch of time."""
    inputs = {key: prepare(images) for key, (_, prepare) in forms.items()}
    durations: dict[str, list[float]] = {key: [] for key in forms}
    with torch.inference_mode():
        for key, (model, _) in forms.items():  # warm-up: primitives are created at the first passes
            model(inputs[key])
            model(inputs[key])
        begin = time.perf_counter()
        while min(map(len, durations.values())) < 5 or time.perf_counter() - begin < seconds * len(forms):
            for key, (model, _) in forms.items():
                start = time.perf_counter()
                model(inputs[key])
                durations[key].append(time.perf_counter() - start)
    return {key: statistics.median(values) for key, values in durations.items()}


def measure(name: str, batch: int, seconds: float) -> dict[str, Any]:
    """All numbers of one network."""
    torch.manual_seed(0)
    library, forms = contenders(name)
    entry = model_entry(name)
    images = torch.randn(batch, *entry.input_size)
    with torch.inference_mode():
        expected, actual = forms["plain"][0](images[:1]), forms["fused"][0](images[:1])
    tolerance = 1e-4 * expected.abs().max().item()
    row: dict[str, Any] = {
        "model": name,
        "input_size": list(entry.input_size),
        "batch_normalized": any(isinstance(m, nn.BatchNorm2d) for m in forms["plain"][0].modules()),
        "library": library or None,
        "same_outputs": bool(torch.allclose(actual, expected, rtol=1e-3, atol=tolerance)),
    }
    for what, size in (("batch_1", 1), (f"batch_{batch}", batch)):
        times = take_turns(forms, images[:size], seconds)
        row[what] = {
            "milliseconds": {key: 1000 * value for key, value in times.items()},
            "images_per_second": {key: size / value for key, value in times.items()},
        }
        if library:
            float32 = min(times[key] for key in ("plain", "fused", "fused_channels_last"))
            row[what]["ratio"] = times["library"] / float32
            row[what]["ratio_bfloat16"] = times["library"] / min(
                float32, times["fused_channels_last_bfloat16"]
            )
    return row


def main() -> None:
    """Measure, print a line a network, and write ``benchmarks/results/inference.json``."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="networks; all registered ones by default")
    parser.add_argument("--batch", type=int, default=8, help="images of the throughput measurement")
    parser.add_argument("--seconds", type=float, default=3.0, help="time for each form")
    parser.add_argument("--out", type=Path, default=RESULTS / "inference.json")
    arguments = parser.parse_args()
    rows = []
    for name in arguments.names or list_models():
        row = measure(name, arguments.batch, arguments.seconds)
        rows.append(row)
        one, many = row["batch_1"], row[f"batch_{arguments.batch}"]
        print(
            f"{name:26} batch 1: {min(one['milliseconds'].values()):8.2f} ms, "
            f"ratio {one.get('ratio', 0):5.2f} (bfloat16 {one.get('ratio_bfloat16', 0):5.2f})   "
            f"batch {arguments.batch}: "
            f"{max(many['images_per_second'].values()):8.1f}/s, ratio {many.get('ratio', 0):5.2f}"
            f"{'' if row['same_outputs'] else '   OUTPUTS DIFFER'}",
            flush=True,
        )
        uses_timm = any(r["library"] == "timm" for r in rows)
        versions = {"timm": importlib.metadata.version("timm")} if uses_timm else {}
        # Written after each network: a run of all takes the better part of an hour.
        write_json(
            arguments.out,
            {
                "benchmark": "inference",
                "date": time.strftime("%Y-%m-%d"),
                "batch": arguments.batch,
                "seconds_per_form": arguments.seconds,
                "environment": environment() | versions,
                "results": rows,
            },
        )


if __name__ == "__main__":
    main()
