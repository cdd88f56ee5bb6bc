"""The fully connected layer."""

import numpy as np
import torch.nn.functional as F

from decanet.convolution.reference import (
    Linear,
)
from tests.convolution.reference._gradients import check_against_torch


def test_linear_equals_torch() -> None:
    rng = np.random.default_rng(4)
    layer = Linear(rng.normal(size=(4, 7)), rng.normal(size=4))
    check_against_torch(layer, rng.normal(size=(5, 7)), F.linear, rng)
