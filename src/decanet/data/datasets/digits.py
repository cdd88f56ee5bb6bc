"""Digits: 1,797 handwritten digits of 8x8 from scikit-learn, enlarged to 32x32 RGB, without a download.

E. Alpaydin and C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998. Every fifth image of each
class, in a seeded order, is the test split: 364 of 1,797.
"""

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from decanet.core.progress import Report
from decanet.core.runtime import generator
from decanet.data.image_data import ImageData, channel_statistics
from decanet.data.loaders.memory import MemorySplit
from decanet.data.registry import DatasetEntry, register_dataset


def load(cache: Path, source: str, report: Report) -> ImageData:  # noqa: ARG001 (nothing to fetch)
    """Load the digits as 32x32 RGB."""
    small, labels, test = load_small()
    large = F.interpolate(255 * small, size=(32, 32), mode="bilinear", align_corners=False)
    images = large.round().to(torch.uint8).repeat(1, 3, 1, 1)
    train = MemorySplit(images[~test], labels[~test])
    mean, std = channel_statistics(train.images)
    return ImageData(
        name="digits",
        classes=tuple(str(digit) for digit in range(10)),
        train=train,
        test=MemorySplit(images[test], labels[test]),
        mean=mean,
        std=std,
        flippable=False,
        source="scikit-learn",
    )


def load_small() -> tuple[Tensor, Tensor, Tensor]:
    """Return the original digits (N, 1, 8, 8) from 0 to 1, their labels (N,), and a mask (N,) of the test split."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    labels = torch.from_numpy(digits.target).long()
    return torch.from_numpy(digits.images).float().unsqueeze(1) / 16, labels, _every_fifth(labels)


def _every_fifth(labels: Tensor) -> Tensor:
    chosen = torch.zeros(len(labels), dtype=torch.bool)
    order = torch.randperm(len(labels), generator=generator("digits", "test split"))
    for digit in range(10):
        members = order[labels[order] == digit]
        chosen[members[::5]] = True
    return chosen


register_dataset(
    DatasetEntry(
        name="digits",
        summary="1,797 handwritten digits inside scikit-learn, shown as 32x32 RGB in 10 classes",
        sources=("scikit-learn",),
        load=load,
        cached=lambda _: [],
    )
)
