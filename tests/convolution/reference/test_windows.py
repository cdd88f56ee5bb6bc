"""Convolution and pooling against PyTorch."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from decanet.convolution.arithmetic import Window
from decanet.convolution.reference import (
    AveragePooling,
    Convolution,
    Layer,
    MaxPooling,
    fold,
    unfold,
)
from decanet.core.errors import UsageError
from tests.convolution.reference._gradients import check_against_torch, numbers


def test_convolution_equals_torch_over_many_settings() -> None:
    rng = np.random.default_rng(0)
    checked = refused = 0
    for _ in range(400):
        groups = int(rng.integers(1, 4))
        c_in, c_out = groups * int(rng.integers(1, 3)), groups * int(rng.integers(1, 3))
        kernel, stride, dilation = numbers(rng, 2, 1, 5), numbers(rng, 2, 1, 4), numbers(rng, 2, 1, 4)
        padding = numbers(rng, 2, 0, 4)
        params = {"weight": rng.normal(size=(c_out, c_in // groups, *kernel))}
        if rng.integers(2):
            params["bias"] = rng.normal(size=c_out)
        x = rng.normal(size=(int(rng.integers(1, 4)), c_in, *numbers(rng, 2, 1, 10)))
        layer = Convolution(**params, stride=stride, padding=padding, dilation=dilation, groups=groups)

        def theirs(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            return F.conv2d(x, weight, bias, stride, padding, dilation, groups)  # noqa: B023 (used at once)

        try:
            layer.forward(x)
        except UsageError:
            with pytest.raises(RuntimeError):
                theirs(torch.tensor(x), *map(torch.tensor, params.values()))
            refused += 1
            continue
        check_against_torch(layer, x, theirs, rng)
        checked += 1
    assert checked > 200
    assert refused > 20


@pytest.mark.parametrize(("ours", "theirs"), [(MaxPooling, F.max_pool2d), (AveragePooling, F.avg_pool2d)])
def test_pooling_equals_torch_over_many_settings(ours: type[Layer], theirs: Callable[..., Tensor]) -> None:
    rng = np.random.default_rng(1)
    checked = 0
    for _ in range(400):
        kernel, stride = numbers(rng, 2, 1, 5), numbers(rng, 2, 1, 5)
        padding = tuple(int(rng.integers(k // 2 + 1)) for k in kernel)
        ceil = bool(rng.integers(2))
        x = rng.normal(size=(2, 3, *numbers(rng, 2, 1, 10)))
        layer = ours(kernel, stride, padding, ceil)
        try:
            layer.forward(x)
        except UsageError:
            with pytest.raises(RuntimeError):
                theirs(torch.tensor(x), kernel, stride, padding, ceil_mode=ceil)
            continue
        check_against_torch(layer, x, lambda x: theirs(x, kernel, stride, padding, ceil_mode=ceil), rng)  # noqa: B023
        checked += 1
    assert checked > 200


def test_unfold_equals_torch_and_fold_is_its_transpose() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(2, 3, 9, 8))
    windows = Window(3, 2, 1, 2), Window(2, 3, 2, 1)
    patches = unfold(x, windows)
    expected = F.unfold(torch.tensor(x), (3, 2), dilation=(2, 1), padding=(1, 2), stride=(2, 3))
    np.testing.assert_array_equal(patches.reshape(expected.shape), expected.numpy())
    other = rng.normal(size=patches.shape)
    assert np.vdot(patches, other) == pytest.approx(
        np.vdot(x, fold(other, (9, 8), windows))
    )  # <Ax, y> = <x, A'y>


def test_max_pooling_passes_the_gradient_to_the_maximum_and_average_pooling_to_all() -> None:
    x = np.array([[[[1.0, 2.0], [4.0, 3.0]]]])
    grad = np.array([[[[8.0]]]])
    maximum, average = MaxPooling(2), AveragePooling(2)
    assert maximum.forward(x).item() == 4
    np.testing.assert_array_equal(maximum.backward(grad)[0, 0], [[0, 0], [8, 0]])
    assert average.forward(x).item() == 2.5
    np.testing.assert_array_equal(average.backward(grad)[0, 0], [[2, 2], [2, 2]])


def test_the_first_of_equal_maxima_receives_the_gradient_as_in_torch() -> None:
    check_against_torch(
        MaxPooling(2), np.ones((1, 1, 4, 4)), lambda x: F.max_pool2d(x, 2), np.random.default_rng(11)
    )
