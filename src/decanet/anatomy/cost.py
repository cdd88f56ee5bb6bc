"""What a network costs, counted without allocating its weights."""

from dataclasses import dataclass
from typing import Any

import torch

from decanet.models.factory import create_model
from decanet.models.meta_device import ShapesOnly, macs_of


@dataclass(frozen=True)
class Cost:
    """Of one image's forward pass.

    Attributes:
        params: trainable and frozen parameters, running statistics excluded.
        macs: multiply-adds of convolutions, linear layers and attention products; torch's counter counts two
            operations for each.
    """

    params: int
    macs: int


def cost(name: str, *, num_classes: int, input_size: tuple[int, int, int], **options: Any) -> Cost:
    """Parameters and multiply-adds of a registered network for an image of ``input_size`` (C, H, W)."""
    with _Counter() as counter, torch.device("meta"), torch.no_grad():
        model = create_model(name, num_classes=num_classes, **options).eval()
        model(torch.empty(1, *input_size))
    return Cost(sum(p.numel() for p in model.parameters()), counter.macs)


class _Counter(ShapesOnly):
    """Adds up the multiply-adds of all that runs."""

    def __init__(self) -> None:
        super().__init__()
        self.macs = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        output = self.run(func, args, kwargs or {})
        self.macs += macs_of(func.overloadpacket.__name__, args, output)
        return output
