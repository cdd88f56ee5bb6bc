"""Checks for the tests of the networks; the counts are PyTorch's, independent of the package's own counter."""

import functools
from typing import NamedTuple

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from decanet.core.errors import DataError
from decanet.models import create_model, model_entry
from decanet.models.meta_device import ShapesOnly
from decanet.training.schedules import lr_factor
from tests.models._oracle import random_weights

LARGE = 10_000_000  # parameters; the initialization of larger networks takes too long


def on_meta(name: str, **options: object) -> nn.Module:
    """A new network on the meta device."""
    with ShapesOnly(), torch.device("meta"):
        return create_model(name, **options)


@functools.cache
def on_meta_in_eval_mode(name: str) -> nn.Module:
    """One network for all tests, which must leave it as it is; to change it, they take a ``copy.deepcopy``."""
    return on_meta(name).eval()


class Counted(NamedTuple):
    """What PyTorch counts: parameters, twice the multiply-adds of one image, and the output's shape."""

    params: int
    flops: int
    output_shape: tuple[int, ...]


@functools.cache  # several files compare with the same counts
def counted(name: str, **options: object) -> Counted:
    """Counts for one image of the network's own size."""
    model = on_meta(name, **options).eval()
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        output = model(torch.empty(1, *model_entry(name).input_size, device="meta"))
    params = sum(p.numel() for p in model.parameters())
    return Counted(params, counter.get_total_flops(), tuple(output.shape))


def check_counts(name: str, *, params: int, macs: int | None = None, **options: object) -> None:
    """The network has ``params`` parameters and needs ``macs`` multiply-adds for one image."""
    if macs is None:
        assert sum(p.numel() for p in on_meta(name, **options).parameters()) == params
    else:
        counts = counted(name, **options)
        assert (counts.params, counts.flops) == (params, 2 * macs)


def weighted_layers(name: str) -> int:
    """Number of convolutional and fully connected layers, without projections and excitations."""
    return sum(
        isinstance(module, nn.Conv2d | nn.Linear)
        for path, module in on_meta(name).named_modules()
        if not {"shortcut", "se"} & set(path.split("."))
    )


def check_stages(name: str, expected: dict[str, tuple[int, int, int]]) -> None:
    """The submodules ``expected`` have outputs of these shapes (C, H, W) for one image."""
    model = on_meta(name).eval()
    shapes: dict[str, tuple[int, ...]] = {}
    for path in expected:

        def remember(module: nn.Module, args: object, output: torch.Tensor, path: str = path) -> None:
            shapes[path] = tuple(output.shape[1:])

        model.get_submodule(path).register_forward_hook(remember)
    with ShapesOnly():
        model(torch.empty(1, *model_entry(name).input_size, device="meta"))
    assert shapes == expected


def order_of_layers(name: str) -> list[str]:
    """Names of a network's children in the order of execution."""
    model = on_meta(name)
    order: list[str] = []
    for child, module in model.named_children():
        module.register_forward_pre_hook(lambda _module, _args, child=child: order.append(child))
    with ShapesOnly():
        model(torch.empty(1, 3, 224, 224, device="meta"))
    return order


def check_smallest(name: str, image_size: int, layer: str = "", instead: str = "") -> None:
    """``image_size`` works; the error for one pixel less names the ``layer`` and, if given, the network ``instead``."""
    model = on_meta_in_eval_mode(name)
    classes = model_entry(name).num_classes
    with ShapesOnly():
        assert model(torch.empty(1, 3, image_size, image_size, device="meta")).shape == (1, classes)
        if image_size > 1:
            advice = "; for small images use " + instead if instead else r"(; for small images use \w+)?"
            message = rf"at layer {layer} .*smallest size that works is {image_size}x{image_size}{advice}$"
            with pytest.raises(DataError, match=message):
                model(torch.empty(1, 3, image_size - 1, image_size - 1, device="meta"))


def check_wrong_channels(name: str) -> None:
    """Gray images are refused in one line."""
    size = model_entry(name).input_size[1]
    with ShapesOnly(), pytest.raises(DataError, match=rf"{name} takes images with 3 channels; got 1"):
        on_meta_in_eval_mode(name)(torch.empty(1, 1, size, size, device="meta"))


def check_gradients(name: str, image_size: int, **options: object) -> None:
    """A backward pass reaches every parameter: no operation in place overwrites what the gradient needs."""
    torch.manual_seed(0)
    model = on_meta(name, num_classes=3, **options)
    if sum(p.numel() for p in model.parameters()) > LARGE:
        model.load_state_dict(random_weights(model.state_dict()), assign=True)
    else:
        model = create_model(name, num_classes=3, **options)
    model(torch.randn(2, 3, image_size, image_size)).square().sum().backward()
    for path, parameter in model.named_parameters():
        assert parameter.grad is not None, path
        assert torch.isfinite(parameter.grad).all(), path
        assert parameter.grad.abs().max() > 0, path


def check_he_initialized(conv: nn.Conv2d, channels: int | None = None) -> None:
    """The deviation is sqrt(2 / (k * k * channels)) within four standard errors; by default of the output channels."""
    wanted = (2 / (conv.kernel_size[0] * conv.kernel_size[1] * (channels or conv.out_channels))) ** 0.5
    count = conv.weight.numel()
    assert conv.weight.std().item() == pytest.approx(wanted, rel=4 / (2 * count) ** 0.5)
    assert abs(conv.weight.mean().item()) < 4 * wanted / count**0.5


def check_learning_rates(name: str, rates: dict[float, float], **stated: object) -> None:
    """The paper's recipe has these learning rates just after these epochs, and the settings ``stated``."""
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
