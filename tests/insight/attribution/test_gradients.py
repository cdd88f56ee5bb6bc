"""Attribution by gradients, against captum and against what the integral must be."""

import contextlib

import pytest
import torch
from captum.attr import InputXGradient, IntegratedGradients, NoiseTunnel, Saliency
from torch import Tensor, nn

from decanet.core.errors import DataError
from decanet.insight.attribution.gradients import input_x_gradient, integrated_gradients, smooth_grad
from decanet.models import create_model, list_models, model_entry

SMALL = 64  # pixels
# One small network of each family.
FAMILIES = ("lenet5_modern", "alexnet_cifar", "decanet_s", "resnet20_cifar", "mlp_cifar")


def made(name: str) -> tuple[nn.Module, Tensor, Tensor]:
    """A network in evaluation mode, two images and their classes; rounding decides no maximum in float64.

    Networks that take images of any size get small ones: the methods do not depend on it.
    """
    torch.manual_seed(0)
    channels, size = model_entry(name).input_size[:2]
    model = create_model(name).eval().double()
    with torch.inference_mode():
        for side in (SMALL, size):
            if side <= size:
                with contextlib.suppress(DataError):
                    model(torch.zeros(1, channels, side, side, dtype=torch.float64))
                    break
    return model, torch.randn(2, channels, side, side, dtype=torch.float64), torch.tensor([1, 3])


def assert_close(found: Tensor, expected: Tensor, tolerance: float = 1e-5) -> None:
    largest = float(expected.detach().abs().max())
    torch.testing.assert_close(found, expected.detach(), rtol=0, atol=tolerance * largest + 1e-12)


def assert_gradients_equal_captums(name: str) -> None:
    model, x, target = made(name)
    assert_close(
        input_x_gradient(model, x, target), InputXGradient(model).attribute(x.requires_grad_(), target)
    )
    x = x.detach()
    ours = integrated_gradients(model, x, target, steps=8)
    assert_close(ours.attribution, IntegratedGradients(model).attribute(x, target=target, n_steps=8))


@pytest.mark.parametrize("name", FAMILIES)
def test_gradients_equal_captums(name: str) -> None:
    assert_gradients_equal_captums(name)


@pytest.mark.slow(reason="backward passes through all networks in float64: minutes")
@pytest.mark.parametrize("name", [name for name in list_models() if name not in FAMILIES])
def test_gradients_of_every_network_equal_captums(name: str) -> None:
    assert_gradients_equal_captums(name)


def test_smooth_grad_equals_captums_with_the_same_noise() -> None:
    model, x, target = made("resnet20_cifar")
    x, label = x[:1], int(target[0])
    model, x, noise = model.float(), x.float(), 0.2
    torch.manual_seed(5)
    theirs = NoiseTunnel(Saliency(model)).attribute(
        x,
        nt_type="smoothgrad",
        nt_samples=6,
        stdevs=noise * float(x.max() - x.min()),
        target=label,
        abs=False,
    )
    assert_close(smooth_grad(model, x, label, samples=6, noise=noise, seed=5), theirs, 0.02)


def test_smooth_grad_without_noise_is_the_gradient() -> None:
    model, x, _ = made("alexnet_cifar")
    x = x.requires_grad_()
    (gradient,) = torch.autograd.grad(model(x)[:, 2].sum(), x)
    assert_close(smooth_grad(model, x.detach(), 2, samples=2, noise=0.0), gradient)


class Smooth(nn.Module):
    """Logits whose integrated gradients are known: the sum of x^3 of each image, and that of x."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.stack([x.pow(3).flatten(1).sum(1), x.flatten(1).sum(1)], 1)


def test_integrated_gradients_of_a_cubic_are_its_terms() -> None:
    x = torch.randn(3, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    found = integrated_gradients(Smooth(), x, 0)
    assert_close(found.attribution, x.pow(3))  # Gauss and Legendre's rule is exact for polynomials
    assert found.steps == 16
    assert found.complete


def test_a_baseline_is_where_the_path_begins() -> None:
    x = torch.rand(1, 1, 4, 4, generator=torch.Generator().manual_seed(0))
    found = integrated_gradients(Smooth(), x, 1, steps=4, baseline=0.5)
    assert_close(found.attribution, x - 0.5)
    torch.testing.assert_close(found.difference, (x - 0.5).sum()[None])


class Kink(nn.Module):
    """A logit with a jump in its slope, which a sum of few gradients misses."""

    def forward(self, x: Tensor) -> Tensor:
        return 10 * (x.flatten(1).sum(1, keepdim=True) - 0.123).relu()


def test_steps_double_until_the_sum_is_the_difference_of_the_logits() -> None:
    x = torch.ones(1, 1, 1, 1)
    few = integrated_gradients(Kink(), x, 0, steps=8)
    assert not few.complete
    found = integrated_gradients(Kink(), x, 0)
    assert found.steps > 16
    assert found.complete
    assert float(found.residual) <= 0.01 * float(found.difference)
    assert float(found.attribution) == pytest.approx(8.77, rel=0.01)
