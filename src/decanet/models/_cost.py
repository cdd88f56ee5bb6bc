"""What a network costs, counted without allocating its weights."""

from dataclasses import dataclass
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from decanet.models._registry import create_model


@dataclass(frozen=True)
class Cost:
    """Of one picture's forward pass.

    Attributes:
        params: trainable and frozen parameters, running statistics excluded.
        macs: multiply-adds of convolutions, linear layers and attention products; torch's counter counts two
            operations for each.
    """

    params: int
    macs: int


def cost(name: str, *, num_classes: int, input_size: tuple[int, int, int], **options: Any) -> Cost:
    """Parameters and multiply-adds of a registered network for a picture of ``input_size`` (C, H, W)."""
    with torch.device("meta"):
        model = create_model(name, num_classes=num_classes, **options).eval()
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            model(torch.empty(1, *input_size))
    return Cost(sum(p.numel() for p in model.parameters()), counter.get_total_flops() // 2)
