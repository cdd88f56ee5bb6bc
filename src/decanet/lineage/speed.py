"""Latency and throughput of the networks on this machine."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from decanet.export.fuse import fuse
from decanet.models import create_model, model_entry


@dataclass(frozen=True)
class Speed:
    """Latency and throughput of a network on this machine, in float32.

    Attributes:
        latency_ms: median milliseconds of one image.
        images_per_second: throughput in batches of ``batch_size`` images.
        batch_size: images in a batch.
        threads: threads of the CPU.
        layout: memory layout of images and weights.
        fused: whether batch normalization was folded into the convolutions.
    """

    latency_ms: float
    images_per_second: float
    batch_size: int
    threads: int
    layout: str
    fused: bool


def measure_network(name: str, seconds: float = 1.0, batch_size: int = 16) -> Speed:
    """Measure a registered network as it is prepared for evaluation: folded, channels last, float32."""
    model, entry = create_model(name).eval(), model_entry(name)
    return measure_speed(fuse(model), entry.input_size, seconds=seconds, batch_size=batch_size)


def measure_speed(
    model: nn.Module, input_size: tuple[int, int, int], *, seconds: float = 1.0, batch_size: int = 16
) -> Speed:
    """Measure the latency of one image and the throughput of ``batch_size`` images, for ``seconds`` each.

    Args:
        model: a network in evaluation mode, with batch normalization folded or not; it becomes channels last.
        input_size: (C, H, W) of the images.
        seconds: least duration of each of the two measurements.
        batch_size: images in a batch.
    """
    model = model.to(memory_format=torch.channels_last)
    images = torch.randn(batch_size, *input_size).to(memory_format=torch.channels_last)
    with torch.inference_mode():
        one = median_seconds(lambda: model(images[:1]), seconds)
        many = median_seconds(lambda: model(images), seconds)
    fused = not any(isinstance(module, nn.BatchNorm2d) for module in model.modules())
    return Speed(1000 * one, batch_size / many, batch_size, torch.get_num_threads(), "channels last", fused)


def median_seconds(run: Callable[[], Any], seconds: float) -> float:
    """Return the median duration of ``run``: after two warm-ups, at least five calls and ``seconds`` in all."""
    for _ in range(2):
        run()
    durations: list[float] = []
    begin = time.perf_counter()
    while len(durations) < 5 or time.perf_counter() - begin < seconds:
        start = time.perf_counter()
        run()
        durations.append(time.perf_counter() - start)
    return statistics.median(durations)
