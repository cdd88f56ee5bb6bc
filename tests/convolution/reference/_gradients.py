"""Gradients of a layer against PyTorch and against finite differences, in float64."""

import copy
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from decanet.convolution.reference import (
    Layer,
)


def check_against_torch(
    layer: Layer, x: np.ndarray, function: Callable[..., Tensor], rng: np.random.Generator
) -> None:
    """Demand that output and all gradients equal those of ``function(x, **params)`` in PyTorch."""
    tensors = {name: torch.tensor(w, requires_grad=True) for name, w in layer.params.items()}
    tx = torch.tensor(x, requires_grad=True)
    expected = function(tx, **tensors)
    y = layer.forward(x)
    np.testing.assert_allclose(y, expected.detach().numpy(), rtol=1e-9, atol=1e-10)
    grad = rng.normal(size=y.shape)
    expected.backward(torch.tensor(grad))
    np.testing.assert_allclose(layer.backward(grad), tx.grad.numpy(), rtol=1e-9, atol=1e-10)
    assert set(layer.grads) == set(layer.params)
    for name, tensor in tensors.items():
        np.testing.assert_allclose(layer.grads[name], tensor.grad.numpy(), rtol=1e-9, atol=1e-10)


def check_by_finite_differences(layer: Layer, x: np.ndarray, rng: np.random.Generator) -> None:
    """Demand that dL/dx and dL/dparams equal (L(v + h) - L(v - h)) / 2h, for L = sum(grad * y)."""
    grad = rng.normal(size=copy.deepcopy(layer).forward(x).shape)

    def loss(of: Layer) -> float:
        return float((grad * copy.deepcopy(of).forward(x)).sum())  # a copy: the same dropout mask each time

    worker = copy.deepcopy(layer)
    worker.forward(x)
    gradients = {"x": worker.backward(grad), **worker.grads}
    for name, values in {"x": x, **layer.params}.items():
        numeric = np.zeros_like(values)
        for place in np.ndindex(values.shape):
            kept = values[place]
            values[place] = kept + 1e-6
            above = loss(layer)
            values[place] = kept - 1e-6
            numeric[place] = (above - loss(layer)) / 2e-6
            values[place] = kept
        np.testing.assert_allclose(gradients[name], numeric, rtol=1e-5, atol=1e-7, err_msg=name)


def numbers(rng: np.random.Generator, count: int, low: int, high: int) -> tuple[int, ...]:
    return tuple(int(n) for n in rng.integers(low, high, count))
