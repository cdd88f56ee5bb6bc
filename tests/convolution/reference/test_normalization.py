"""Local response normalization and batch normalization."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from decanet.convolution.reference import (
    BatchNorm,
    LocalResponseNorm,
)
from tests.convolution.reference._gradients import check_against_torch


@pytest.mark.parametrize("n", [1, 3, 5, 9])
def test_local_response_norm_equals_torch_with_alpha_times_n(n: int) -> None:
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 7, 3, 4)) * 20
    layer = LocalResponseNorm(n, k=2.0, alpha=1e-2, beta=0.75)
    check_against_torch(
        layer, x, lambda x: F.local_response_norm(x, n, alpha=1e-2 * n, beta=0.75, k=2.0), rng
    )


def test_local_response_norm_is_the_papers_formula() -> None:
    """Section 3.3, with its sum from max(0, i - n/2) to min(N - 1, i + n/2), written out."""
    a = np.random.default_rng(6).normal(size=(1, 8, 1, 1)) * 50
    expected = np.empty_like(a)
    for i in range(8):
        total = sum(float(a[0, j, 0, 0]) ** 2 for j in range(max(0, i - 2), min(7, i + 2) + 1))
        expected[0, i] = a[0, i] / (2 + 1e-4 * total) ** 0.75
    np.testing.assert_allclose(LocalResponseNorm().forward(a), expected, rtol=1e-12)


@pytest.mark.parametrize("shape", [(4, 3, 5, 2), (6, 3)])
def test_batch_norm_equals_torch(shape: tuple[int, ...]) -> None:
    """Training, the running averages that it leaves behind, and evaluation with them."""
    rng = np.random.default_rng(7)
    layer = BatchNorm(rng.normal(size=3), rng.normal(size=3))
    mean, var = torch.zeros(3, dtype=torch.float64), torch.ones(3, dtype=torch.float64)
    for training in (True, True, False):
        layer.training = training
        check_against_torch(
            layer,
            rng.normal(size=shape) * 3 + 1,
            lambda x, weight, bias: F.batch_norm(x, mean, var, weight, bias, training=training),  # noqa: B023
            rng,
        )
        np.testing.assert_allclose(layer.running_mean, mean.numpy(), rtol=1e-12)
        np.testing.assert_allclose(layer.running_var, var.numpy(), rtol=1e-12)
