"""Collective operations between the ranks of a training; with one rank every function returns its argument.

All ranks must call the same functions in the same order.
"""

import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from decanet.core.runtime import Ranks

if TYPE_CHECKING:
    import torch
    from torch import Tensor

T = TypeVar("T")

PREPARATION_TIMEOUT = datetime.timedelta(hours=1)  # the main process may be downloading the data


def broadcast_from_main(value: T, ranks: Ranks) -> T:
    """Return the main process's ``value`` in every process; the others wait for it for up to an hour."""
    if ranks.world_size == 1:
        return value
    import torch.distributed as dist

    box = [value]
    group: Any = dist.new_group(timeout=PREPARATION_TIMEOUT)
    dist.broadcast_object_list(box, src=0, group=group)
    return box[0]


def sum_over_ranks(values: "Tensor", ranks: Ranks) -> "Tensor":
    """Return the elementwise sum of every process's ``values``, computed in place."""
    if ranks.world_size > 1:
        import torch.distributed as dist

        dist.all_reduce(values)
    return values


def max_over_ranks(value: int, ranks: Ranks, device: "torch.device") -> int:
    """Return the largest ``value`` of all processes, in every process."""
    if ranks.world_size == 1:
        return value
    import torch
    import torch.distributed as dist

    largest = torch.tensor(value, device=device)
    dist.all_reduce(largest, dist.ReduceOp.MAX)
    return int(largest.item())


def gather_over_ranks(value: T, ranks: Ranks) -> list[T]:
    """Return every process's ``value`` in the order of the ranks, in every process."""
    if ranks.world_size == 1:
        return [value]
    import torch.distributed as dist

    gathered: list[Any] = [None] * ranks.world_size
    dist.all_gather_object(gathered, value)
    return gathered
