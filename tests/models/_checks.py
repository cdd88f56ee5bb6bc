"""Checks that the residual networks' tests share; the counting owes nothing to the package's own."""

import functools
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from decanet.core.errors import DataError
from decanet.models import create_model, model_entry
from decanet.training.schedules import lr_factor


def on_meta(name: str, **options: object) -> nn.Module:
    """The network without memory for its weights."""
    with torch.device("meta"):
        return create_model(name, **options)


class Counted(NamedTuple):
    """What PyTorch counts: parameters, twice the multiply-adds of one image, and the output's shape."""

    params: int
    flops: int
    output_shape: tuple[int, ...]


@functools.cache  # several files compare with the same counts
def counted(name: str, **options: object) -> Counted:
    """Counts of one image of the network's own size, independent of the package's walk."""
    model = on_meta(name, **options).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = model(torch.empty(1, *model_entry(name).input_size, device="meta"))
    params = sum(p.numel() for p in model.parameters())
    return Counted(params, counter.get_total_flops(), tuple(output.shape))


def check_counts(name: str, *, params: int, macs: int | None = None, **options: object) -> None:
    """Parameters, and multiply-adds of one image: half of what PyTorch's counter counts."""
    if macs is None:
        assert sum(p.numel() for p in on_meta(name, **options).parameters()) == params
    else:
        counts = counted(name, **options)
        assert (counts.params, counts.flops) == (params, 2 * macs)


def weighted_layers(name: str) -> int:
    """Convolutions and linear layers, without projections and without the excitations."""
    return sum(
        isinstance(module, nn.Conv2d | nn.Linear)
        for path, module in on_meta(name).named_modules()
        if not {"shortcut", "se"} & set(path.split("."))
    )


def check_stages(name: str, expected: dict[str, tuple[int, int, int]]) -> None:
    """Shapes (C, H, W) that the modules with the paper's stage names give for one image."""
    model = on_meta(name).eval()
    seen: dict[str, tuple[int, ...]] = {}
    for path in expected:

        def remember(module: nn.Module, args: object, output: torch.Tensor, path: str = path) -> None:
            seen[path] = tuple(output.shape[1:])

        model.get_submodule(path).register_forward_hook(remember)
    model(torch.empty(1, *model_entry(name).input_size, device="meta"))
    assert seen == expected


def order_of_layers(name: str) -> list[str]:
    """Names of a network's children in the order in which an image passes them."""
    model = on_meta(name)
    order: list[str] = []
    for child, module in model.named_children():
        module.register_forward_pre_hook(lambda _module, _args, child=child: order.append(child))
    model(torch.empty(1, 3, 224, 224, device="meta"))
    return order


def check_smallest(name: str, image_size: int, layer: str = "", instead: str = "") -> None:
    """``image_size`` works; one pixel less is explained with the ``layer`` and, if given, what to use ``instead``."""
    model = on_meta(name).eval()
    classes = model_entry(name).num_classes
    assert model(torch.empty(1, 3, image_size, image_size, device="meta")).shape == (1, classes)
    if image_size > 1:
        advice = "; for small images use " + instead if instead else r"(; for small images use \w+)?"
        message = rf"at layer {layer} .*smallest size that works is {image_size}x{image_size}{advice}$"
        with pytest.raises(DataError, match=message):
            model(torch.empty(1, 3, image_size - 1, image_size - 1, device="meta"))


def check_wrong_channels(name: str) -> None:
    """Gray images are refused in one line."""
    size = model_entry(name).input_size[1]
    with pytest.raises(DataError, match=rf"{name} takes images with 3 channels; got 1"):
        on_meta(name)(torch.empty(1, 1, size, size, device="meta"))


def check_learns(name: str, image_size: int, **options: object) -> None:
    """A backward pass reaches every parameter: nothing in place destroys what the gradient needs."""
    torch.manual_seed(0)
    model = create_model(name, num_classes=3, **options)
    model(torch.randn(2, 3, image_size, image_size)).square().sum().backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        assert torch.isfinite(parameter.grad).all(), path
        assert parameter.grad.abs().max() > 0, path


def check_he_initialized(conv: nn.Conv2d, channels: int | None = None) -> None:
    """Standard deviation sqrt(2 / (k*k*channels)), by default the outputs, within four of its own standard errors."""
    wanted = (2 / (conv.kernel_size[0] * conv.kernel_size[1] * (channels or conv.out_channels))) ** 0.5
    count = conv.weight.numel()
    assert conv.weight.std().item() == pytest.approx(wanted, rel=4 / (2 * count) ** 0.5)
    assert abs(conv.weight.mean().item()) < 4 * wanted / count**0.5


def check_learning_rates(name: str, rates: dict[float, float], **stated: object) -> None:
    """The paper's recipe: learning rate just after an epoch's number, and the settings ``stated``."""
    recipe = model_entry(name).recipe
    assert recipe is not None
    assert (recipe.name, recipe.model.name) == (f"paper:{name}", name)
    for epoch, rate in rates.items():
        progress = (epoch + 1e-6) / recipe.epochs
        assert recipe.optimizer.lr * lr_factor(recipe.schedule, progress) == pytest.approx(rate, rel=1e-3), (
            epoch
        )
    for key, value in stated.items():
        part = next(p for p in (recipe, recipe.optimizer, recipe.augmentation) if hasattr(p, key))
        assert getattr(part, key) == value, key
