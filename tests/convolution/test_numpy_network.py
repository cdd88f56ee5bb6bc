"""The network without a framework: its gradient, its accuracy, and that a seed fixes it."""

import numpy as np
import pytest
import torch
from torch import nn

from decanet.cli.convolve.train import load_digits
from decanet.convolution.numpy_network import (
    Digits,
    Network,
    digit_network,
    network_cost,
    predict,
    train,
)
from decanet.convolution.reference import Flatten, Linear, SoftmaxCrossEntropy
from decanet.core.errors import DataError, DivergedError, UsageError


@pytest.fixture(scope="module")
def digits() -> Digits:
    return load_digits()


def torch_network(network: Network) -> nn.Sequential:
    """The same network in PyTorch, with the same weights."""
    reference = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 32, 3, padding=1, bias=False), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(128, 10),
    ).double()  # fmt: skip
    for theirs, ours in zip(reference, network.layers):
        for name, weight in ours.params.items():
            theirs.get_parameter(name).data = torch.tensor(weight)
    return reference


def test_gradient_of_the_whole_network_equals_torch(digits: Digits) -> None:
    network = digit_network(3, np.float64)
    reference = torch_network(network)
    images, labels = digits.train_images[:24].astype(np.float64), digits.train_labels[:24]
    loss = SoftmaxCrossEntropy()
    value = loss.forward(network.forward(images, training=True), labels)
    at_images = network.backward(loss.backward())

    x = torch.tensor(images, requires_grad=True)
    expected = nn.functional.cross_entropy(reference(x), torch.tensor(labels))
    expected.backward()
    assert value == pytest.approx(expected.item(), rel=1e-12)
    np.testing.assert_allclose(at_images, x.grad.numpy(), rtol=1e-8, atol=1e-12)
    compared = 0
    for theirs, ours in zip(reference, network.layers):
        for name, gradient in ours.grads.items():
            np.testing.assert_allclose(
                gradient, theirs.get_parameter(name).grad.numpy(), rtol=1e-8, atol=1e-12
            )
            compared += gradient.size
    assert compared == sum(p.numel() for p in reference.parameters()) == network_cost(network).params

    reference.eval()  # with the running averages of that one step
    with torch.no_grad():
        np.testing.assert_allclose(
            network.forward(images), reference(torch.tensor(images)).numpy(), atol=1e-12
        )


def test_training_steps_equal_torchs_sgd(digits: Digits) -> None:
    """Two epochs on 64 images: four steps of momentum and of the falling rate, step by step in PyTorch."""
    few = Digits(
        digits.train_images[:64].astype(np.float64), digits.train_labels[:64],
        digits.test_images[:10].astype(np.float64), digits.test_labels[:10],
    )  # fmt: skip
    network = digit_network(0, np.float64)
    reference = torch_network(network)
    list(train(network, few, epochs=2, seed=5, learning_rate=0.1))
    optimizer = torch.optim.SGD(reference.parameters(), lr=1.0)
    velocities = [torch.zeros_like(p) for p in reference.parameters()]
    step = 0
    for number in (1, 2):
        order = np.random.default_rng((5, number)).permutation(64)
        for first in (0, 32):
            chosen = order[first : first + 32]
            optimizer.zero_grad()
            logits = reference(torch.tensor(few.train_images[chosen]))
            nn.functional.cross_entropy(logits, torch.tensor(few.train_labels[chosen])).backward()
            for parameter, velocity in zip(reference.parameters(), velocities):
                velocity.mul_(0.9).sub_(0.1 * (1 - step / 4) * parameter.grad)
                parameter.data += velocity
            step += 1
    for theirs, ours in zip(reference, network.layers):
        for name, weight in ours.params.items():
            np.testing.assert_allclose(
                weight, theirs.get_parameter(name).detach().numpy(), rtol=1e-7, atol=1e-9
            )


def test_the_network_learns_the_digits(digits: Digits) -> None:
    network = digit_network(0)
    history = list(train(network, digits, epochs=5, seed=0))
    assert [epoch.number for epoch in history] == [1, 2, 3, 4, 5]
    assert history[-1].test_top1 > 0.95
    assert history[-1].train_loss < 0.1 < history[0].train_loss
    right = predict(network, digits.test_images) == digits.test_labels
    assert right.mean() == history[-1].test_top1


def test_the_seed_determines_the_network(digits: Digits) -> None:
    few = Digits(digits.train_images[:256], digits.train_labels[:256], digits.test_images, digits.test_labels)

    def weights(seed: int) -> np.ndarray:
        network = digit_network(seed)
        list(train(network, few, epochs=2, seed=seed))
        return np.concatenate([w.ravel() for layer in network.layers for w in layer.params.values()])

    first = weights(1)
    np.testing.assert_array_equal(first, weights(1))
    assert (first != weights(2)).any()


def test_the_cost_of_the_network_is_that_of_its_layers() -> None:
    cost = network_cost(digit_network(0))
    assert cost.params == 16 * 9 + 32 + 32 * 16 * 9 + 64 + 10 * 128 + 10
    assert cost.macs == 16 * 9 * 64 + 32 * 16 * 9 * 16 + 1280


@pytest.mark.parametrize("poison", [np.nan, np.inf, -np.inf])
def test_images_with_nan_or_infinity_are_refused(poison: float) -> None:
    images = np.zeros((4, 1, 8, 8), np.float32)
    images[2, 0, 3, 3] = poison
    with pytest.raises(DataError, match=r"^image 2 holds NaN or infinity"):
        digit_network(0).forward(images)


def test_wrong_shapes_are_refused() -> None:
    network = digit_network(0)
    with pytest.raises(DataError, match=r"got \(4, 3, 8, 8\)"):
        network.forward(np.zeros((4, 3, 8, 8), np.float32))
    with pytest.raises(DataError, match=r"got \(8, 8\)"):
        network.forward(np.zeros((8, 8), np.float32))
    with pytest.raises(DataError, match=r"takes \(N, 128\)"):
        network.forward(np.zeros((4, 1, 16, 16), np.float32))


def test_impossible_trainings_are_refused_at_once(digits: Digits) -> None:
    network = digit_network(0)
    with pytest.raises(UsageError, match="at least 1 epoch, got 0"):
        train(network, digits, epochs=0, seed=0)
    with pytest.raises(UsageError, match="a seed is an integer of at least 0, got -1"):
        train(network, digits, epochs=1, seed=-1)
    with pytest.raises(UsageError, match="got -3"):
        digit_network(-3)


def test_a_diverging_training_is_stopped(digits: Digits) -> None:
    random = np.random.default_rng(0)
    network = Network([Flatten(), Linear(random.normal(size=(10, 64)), np.zeros(10))])
    with (
        np.errstate(over="ignore", invalid="ignore"),
        pytest.raises(
            DivergedError, match=r"the loss became (nan|inf) in epoch \d+; lower the learning rate"
        ),
    ):
        list(train(network, digits, epochs=40, seed=0, learning_rate=1e308))
