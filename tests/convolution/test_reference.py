"""The NumPy layers, forward and backward, against PyTorch and against finite differences, in float64."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from decanet.convolution.arithmetic import Window
from decanet.convolution.reference import (
    AveragePooling,
    BatchNorm,
    Convolution,
    Dropout,
    Flatten,
    Layer,
    Linear,
    LocalResponseNorm,
    MaxPooling,
    ReLU,
    Sigmoid,
    SoftmaxCrossEntropy,
    Tanh,
    fold,
    unfold,
)
from decanet.core.errors import DataError, UsageError


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


@pytest.mark.parametrize(
    ("layer", "theirs"),
    [
        (ReLU(), torch.relu),
        (Sigmoid(), torch.sigmoid),
        (Tanh(), torch.tanh),
        (Flatten(), lambda x: x.flatten(1)),
    ],
    ids=["relu", "sigmoid", "tanh", "flatten"],
)
def test_simple_layers_equal_torch(layer: Layer, theirs: Callable[..., Tensor]) -> None:
    rng = np.random.default_rng(3)
    for scale in (0.1, 1.0, 30.0):
        check_against_torch(layer, rng.normal(size=(2, 3, 4, 5)) * scale, theirs, rng)


def test_sigmoid_does_not_overflow() -> None:
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(Sigmoid().forward(np.array([-1e4, 0.0, 1e4])), [0, 0.5, 1])


def test_linear_equals_torch() -> None:
    rng = np.random.default_rng(4)
    layer = Linear(rng.normal(size=(4, 7)), rng.normal(size=4))
    check_against_torch(layer, rng.normal(size=(5, 7)), F.linear, rng)


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


def test_dropout_keeps_the_expectation_and_the_gradient_goes_where_the_signal_went() -> None:
    x = np.ones((200, 500))
    layer = Dropout(0.3, seed=0)
    y = layer.forward(x)
    assert set(np.unique(y)) == {0.0, 1 / 0.7}
    assert y.mean() == pytest.approx(1, abs=0.01)
    assert (y == 0).mean() == pytest.approx(0.3, abs=0.01)
    np.testing.assert_array_equal(layer.backward(x), y)
    np.testing.assert_array_equal(Dropout(0.3, seed=0).forward(x), y)
    assert (layer.forward(x) != y).any()  # drawn anew
    layer.training = False
    np.testing.assert_array_equal(layer.forward(x), x)
    np.testing.assert_array_equal(layer.backward(x), x)


def test_softmax_cross_entropy_equals_torch() -> None:
    rng = np.random.default_rng(8)
    for scale in (1, 1000):  # without the subtraction of the largest, 1000 overflows
        x, labels = rng.normal(size=(6, 4)) * scale, rng.integers(4, size=6)
        tx = torch.tensor(x, requires_grad=True)
        expected = F.cross_entropy(tx, torch.tensor(labels))
        expected.backward()
        loss = SoftmaxCrossEntropy()
        assert loss.forward(x, labels) == pytest.approx(expected.item(), rel=1e-12)
        np.testing.assert_allclose(loss.backward(), tx.grad.numpy(), atol=1e-14)


def test_softmax_cross_entropy_by_finite_differences() -> None:
    rng = np.random.default_rng(9)
    x, labels = rng.normal(size=(3, 4)), np.array([0, 3, 1])
    loss = SoftmaxCrossEntropy()
    loss.forward(x, labels)
    gradient = loss.backward()
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = 1e-6
        numeric = (loss.forward(x + step, labels) - loss.forward(x - step, labels)) / 2e-6
        assert gradient[place] == pytest.approx(numeric, abs=1e-8)


def test_all_gradients_by_finite_differences() -> None:
    rng = np.random.default_rng(10)
    image, flat = (2, 4, 5, 4), (3, 6)

    def w(*shape: int) -> np.ndarray:
        return rng.normal(size=shape)

    evaluating = BatchNorm(w(4), w(4))
    evaluating.training = False
    layers = [
        (Convolution(w(4, 4, 3, 3), w(4), padding=1), image),
        (Convolution(w(4, 2, 2, 3), w(4), stride=(2, 1), padding=(1, 2), dilation=(2, 1), groups=2), image),
        (Convolution(w(4, 1, 2, 2), stride=3, groups=4), image),
        (MaxPooling(3, 2, 1), image),
        (MaxPooling(2, 2, ceil_mode=True), image),
        (AveragePooling(3, 2, 1, ceil_mode=True), image),
        (AveragePooling(2, 1), image),
        (ReLU(), image),
        (Sigmoid(), image),
        (Tanh(), image),
        (Flatten(), image),
        (Linear(w(2, 6), w(2)), flat),
        (Dropout(0.4, seed=1), image),
        (LocalResponseNorm(3, alpha=0.1), image),
        (BatchNorm(w(4), w(4)), image),
        (BatchNorm(w(6), w(6)), flat),
        (evaluating, image),
    ]
    for layer, shape in layers:
        check_by_finite_differences(layer, w(*shape), rng)


def test_max_pooling_rewards_the_winner_only_and_average_pooling_shares() -> None:
    x = np.array([[[[1.0, 2.0], [4.0, 3.0]]]])
    grad = np.array([[[[8.0]]]])
    maximum, average = MaxPooling(2), AveragePooling(2)
    assert maximum.forward(x).item() == 4
    np.testing.assert_array_equal(maximum.backward(grad)[0, 0], [[0, 0], [8, 0]])
    assert average.forward(x).item() == 2.5
    np.testing.assert_array_equal(average.backward(grad)[0, 0], [[2, 2], [2, 2]])


def test_of_equal_pixels_the_first_wins_as_in_torch() -> None:
    check_against_torch(
        MaxPooling(2), np.ones((1, 1, 4, 4)), lambda x: F.max_pool2d(x, 2), np.random.default_rng(11)
    )


def test_float32_stays_float32() -> None:
    x = np.random.default_rng(12).normal(size=(2, 4, 6, 6)).astype(np.float32)
    ones = np.ones(4, np.float32)
    layers = [
        Convolution(np.ones((4, 4, 3, 3), np.float32), ones), MaxPooling(2), AveragePooling(2),
        ReLU(), Sigmoid(), Tanh(), Flatten(), Dropout(0.5, 0), LocalResponseNorm(), BatchNorm(ones, ones),
    ]  # fmt: skip
    for layer in layers:
        y = layer.forward(x)
        assert y.dtype == np.float32, layer
        assert layer.backward(y).dtype == np.float32, layer


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Convolution(np.ones((3, 1, 3, 3)), groups=2), "groups=2 does not divide out_channels=3"),
        (lambda: Convolution(np.ones((3, 1, 3, 3)), groups=0), "groups must be a whole number of at least 1"),
        (lambda: Convolution(np.ones((3, 1, 0, 3))), "kernel must be a whole number of at least 1, got 0"),
        (
            lambda: Convolution(np.ones((3, 1, 3, 3)), stride=0),
            "stride must be a whole number of at least 1, got 0",
        ),
        (lambda: Convolution(np.ones((3, 3))), "weight must have the shape"),
        (lambda: Convolution(np.ones((3, 1, 3, 3)), np.ones(2)), "bias must have the shape"),
        (lambda: MaxPooling(0), "kernel must be a whole number of at least 1, got 0"),
        (lambda: AveragePooling(2, 0), "stride must be a whole number of at least 1, got 0"),
        (lambda: MaxPooling(2, padding=2), "use a padding of at most 1"),
        (lambda: Linear(np.ones((3, 4)), np.ones(4)), "weight and bias must be"),
        (lambda: BatchNorm(np.ones(3), np.ones(4)), "weight and bias must both be"),
        (lambda: LocalResponseNorm(4), "n must be odd"),
        (lambda: Dropout(1.0, seed=0), "must be at least 0 and below 1, got 1.0"),
        (
            lambda: Convolution(np.ones((1, 1, 5, 5))).forward(np.ones((1, 1, 3, 9))),
            "use an input of at least 5",
        ),
    ],
)
def test_impossible_settings_are_refused_in_one_line(make: Callable[[], object], message: str) -> None:
    with pytest.raises(UsageError, match=message) as raised:
        make()
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("layer", "x", "message"),
    [
        (Convolution(np.ones((2, 3, 3, 3))), np.ones((1, 4, 8, 8)), r"\(N, 3, H, W\), got \(1, 4, 8, 8\)"),
        (Convolution(np.ones((2, 3, 3, 3))), np.ones((3, 8, 8)), r"\(N, 3, H, W\), got \(3, 8, 8\)"),
        (Convolution(np.ones((2, 3, 3, 3))), np.ones((0, 3, 8, 8)), r"got \(0, 3, 8, 8\)"),
        (MaxPooling(2), np.ones((8, 8)), r"\(N, C, H, W\), got \(8, 8\)"),
        (MaxPooling(2), np.ones((1, 1, 8, 8), np.uint8), "takes floats, got uint8"),
        (AveragePooling(2), np.ones((8, 8)), r"\(N, C, H, W\), got \(8, 8\)"),
        (LocalResponseNorm(), np.ones((8, 8)), r"\(N, C, H, W\), got \(8, 8\)"),
        (Linear(np.ones((2, 3)), np.ones(2)), np.ones((4, 5)), r"takes \(N, 3\), got \(4, 5\)"),
        (BatchNorm(np.ones(3), np.ones(3)), np.ones((4, 5)), r"cannot take \(4, 5\)"),
        (BatchNorm(np.ones(3), np.ones(3)), np.ones((1, 3)), "use a larger batch"),
    ],
)
def test_images_that_do_not_fit_are_refused_in_one_line(layer: Layer, x: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message) as raised:
        layer.forward(x)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("x", "labels", "message"),
    [
        (np.ones((2, 3)), np.array([0, 3]), "labels go from 0 to 2, got 0 to 3"),
        (np.ones((2, 3)), np.array([0]), "N whole labels"),
        (np.ones((2, 3)), np.array([0.0, 1.0]), "N whole labels"),
        (np.ones((0, 3)), np.zeros(0, int), "N whole labels"),
    ],
)
def test_labels_that_do_not_fit_are_refused(x: np.ndarray, labels: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        SoftmaxCrossEntropy().forward(x, labels)
