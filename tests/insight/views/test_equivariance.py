"""Feature maps of moved images."""

from dataclasses import replace
from typing import ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.evaluation.trained import TrainedModel
from decanet.insight.subject import load_subject
from decanet.insight.views import equivariance


class Strided(nn.Module):
    """A convolution of stride 1, one of stride 4, and one map of a single position."""

    stages: ClassVar = {"fine": "fine", "coarse": "coarse", "whole": "whole"}

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fine = nn.Conv2d(3, 4, 3, padding=1)
        self.coarse = nn.Conv2d(4, 4, 3, stride=4, padding=1)
        self.whole = nn.AdaptiveAvgPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return self.whole(self.coarse(self.fine(x))).flatten(1)


def subject(model: nn.Module) -> TrainedModel:
    return replace(load_subject("resnet20_cifar", torch.device("cpu")), model=model)


def pixels() -> Tensor:
    return torch.randint(
        0, 256, (6, 3, 32, 32), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )


def test_a_stage_moves_with_the_image_by_multiples_of_its_stride_alone() -> None:
    found = equivariance.compute(subject(Strided()), pixels(), Silent())
    assert found.stages == ("fine", "coarse")
    assert found.strides == (1, 4)
    fine, coarse = found.error
    assert fine.max() < 1e-5
    assert coarse[[0, 4, 8]].max() < 1e-5
    assert coarse[[1, 2, 3, 5, 6, 7]].min() > 0.3
    assert found.rows()[1]["stride"] == 4


def test_the_error_of_each_stage_is_drawn_with_its_stride() -> None:
    found = equivariance.compute(subject(Strided()), pixels(), Silent())
    (axes,) = equivariance.draw(found).axes
    assert [line.get_label() for line in axes.lines] == ["fine (stride 1)", "coarse (stride 4)"]
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), found.error[1])


def test_a_network_without_maps_is_refused() -> None:
    with pytest.raises(UsageError, match="no stage with maps"):
        equivariance.compute(load_subject("mlp_cifar", torch.device("cpu")), pixels(), Silent())
