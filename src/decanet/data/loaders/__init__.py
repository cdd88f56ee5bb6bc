"""Loaders: batches of a split, from memory (``memory``) or from files (``folder``), behind one protocol."""

from decanet.data.loaders._workers import persistent_workers
from decanet.data.loaders.protocol import (
    Batch,
    Batches,
    SizeAt,
    Split,
    global_batches,
    rank_slice,
    steps_per_epoch,
)

__all__ = [
    "Batch",
    "Batches",
    "SizeAt",
    "Split",
    "global_batches",
    "persistent_workers",
    "rank_slice",
    "steps_per_epoch",
]
