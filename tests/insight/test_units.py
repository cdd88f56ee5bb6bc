"""One unit: largest activations, activation maximization, rules of the backward pass."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop
from torch import Tensor, nn

from decanet.core.errors import UsageError
from decanet.core.progress import Silent
from decanet.data import load_data
from decanet.data.input_spec import InputSpec
from decanet.insight import units
from decanet.insight.subject import load_subject, split_inputs
from decanet.models import create_model


def sequential() -> nn.Module:
    """two_tower_cifar without in-place ReLUs, which captum's hooks refuse."""
    torch.manual_seed(0)
    model = create_model("two_tower_cifar").eval()
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = False
    return model


@pytest.mark.parametrize(
    ("rule", "method"), [("guided backpropagation", GuidedBackprop), ("deconvnet", Deconvolution)]
)
def test_rules_of_the_backward_pass_are_captums(rule: str, method: type) -> None:
    model = sequential()
    x = torch.randn(1, 3, 32, 32)
    with units.backward_rule(model, rule):
        inputs = x.clone().requires_grad_()
        (ours,) = torch.autograd.grad(model(inputs)[0, 3], inputs)
    theirs = method(model).attribute(x.clone().requires_grad_(), target=3)
    torch.testing.assert_close(ours, theirs.detach(), rtol=1e-4, atol=1e-7)


def test_a_rule_changes_no_output_and_leaves_the_network_as_it_was() -> None:
    model = create_model("efficientnet_lite0").eval()
    x = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = model(x)
        with units.backward_rule(model, "guided backpropagation"):
            torch.testing.assert_close(model(x), before)
        with pytest.raises(RuntimeError, match="mine"), units.backward_rule(model, "deconvnet"):
            raise RuntimeError("mine")
    assert not any("forward" in vars(module) for module in model.modules())


def test_the_gradient_of_a_unit_is_that_of_its_largest_activation() -> None:
    model = sequential()
    x = torch.randn(1, 3, 32, 32)
    inputs = x.clone().requires_grad_()
    maps = model.features.conv2(model.features.pool1(model.features.relu1(model.features.conv1(inputs))))  # type: ignore[union-attr, operator]
    (expected,) = torch.autograd.grad(maps[0, 5].max(), inputs)
    torch.testing.assert_close(units.draw_back(model, x, "conv2", 5, "gradient"), expected[0])
    place = int(maps[0, 5].argmax())
    torch.testing.assert_close(units.draw_back(model, x, "conv2", 5, "gradient", place), expected[0])


def test_unknown_units_rules_and_networks_without_relu_are_refused() -> None:
    model = sequential()
    x = torch.zeros(1, 3, 32, 32)
    with pytest.raises(UsageError, match="has no unit 48: its units are 0 to 47"):
        units.draw_back(model, x, "conv1", 48, "gradient")
    with pytest.raises(UsageError, match="no stage 'conv9'"):
        units.draw_back(model, x, "conv9", 0, "gradient")
    with pytest.raises(UsageError, match="got 'magic'"), units.backward_rule(model, "magic"):
        pass
    with (
        pytest.raises(UsageError, match="the network has none"),
        units.backward_rule(nn.Linear(2, 2), "deconvnet"),
    ):
        pass


def test_the_network_runs_only_up_to_the_stage() -> None:
    model = sequential()
    ran = []
    model.fc4.register_forward_hook(lambda *_: ran.append("fc4"))
    x = torch.randn(2, 3, 32, 32)
    found = units.stage_output(model, x, "conv1")
    torch.testing.assert_close(found, model.features.conv1(x))  # type: ignore[union-attr, operator]
    assert ran == []


class Stripes(nn.Module):
    """One unit that wants vertical stripes of 8 pixels in red."""

    stages: ClassVar = {"conv": "conv"}

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 1, 15, padding=7, bias=False)
        wave = torch.cos(2 * torch.pi * torch.arange(15) / 8).expand(15, 15)
        with torch.no_grad():
            self.conv.weight.zero_()
            self.conv.weight[0, 0] = wave

    def forward(self, x: Tensor) -> Tensor:
        return self.conv(x)


def test_the_image_made_for_a_unit_is_what_it_wants() -> None:
    spec = InputSpec(32, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), torch.device("cpu"), torch.float32)
    steps: list[int] = []
    image, active = units.maximize(Stripes(), spec, "conv", 0, steps=60, progress=steps.append)
    assert steps == list(range(1, 61))
    assert image.shape == (3, 32, 32)
    assert 0 <= float(image.min()) <= float(image.max()) <= 1
    best = torch.cos(2 * torch.pi * torch.arange(15) / 8).expand(15, 15).abs().sum() * 2  # all pixels 0 or 1
    assert active > 0.7 * float(best)
    red = image[0, 8:24, 8:24] - image[0, 8:24, 8:24].mean()
    spectrum = torch.fft.rfft2(red).abs()
    assert int(spectrum.flatten().argmax()) == 2  # no waves downward, two across 16 pixels
    assert units.high_frequency_energy(image) < 0.3
    again, same = units.maximize(Stripes(), spec, "conv", 0, steps=60)
    assert torch.equal(again, image)
    assert same == active


class Sleeping(nn.Module):
    """A unit behind a ReLU that noise never wakes."""

    stages: ClassVar = {"relu": "relu"}

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.relu = nn.Conv2d(3, 1, 3, padding=1), nn.ReLU()
        nn.init.ones_(self.conv.weight)
        nn.init.constant_(self.conv.bias, -20.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.conv(x))


def test_a_silent_unit_wakes_up() -> None:
    spec = InputSpec(16, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), torch.device("cpu"), torch.float32)
    _, active = units.maximize(Sleeping(), spec, "relu", 0, steps=80)
    assert active > 5


def test_high_frequencies_are_those_above_half_the_nyquist_frequency() -> None:
    place = torch.arange(64.0)
    low, high = (torch.cos(2 * torch.pi * f * place).expand(3, 64, 64) for f in (0.125, 0.375))
    assert units.high_frequency_energy(low) < 1e-6
    assert units.high_frequency_energy(high) > 1 - 1e-6
    assert units.high_frequency_energy(low + high) == pytest.approx(0.5, abs=1e-4)


def test_the_strongest_activations_are_found_once(tmp_path: Path) -> None:
    trained = load_subject("decanet_s", torch.device("cpu"))
    data = load_data("digits", cache=tmp_path, report=Silent())
    data = replace(data, test=data.test[:12])
    values, places = units.strongest(trained, data, "block2", tmp_path, Silent())
    x = torch.cat(list(split_inputs(trained, data, Silent(), "")))
    with torch.inference_mode():
        maps = units.stage_output(trained.model, x, "block2")
    torch.testing.assert_close(values, maps.amax((2, 3)))
    assert int(places[3, 7]) == int(maps[3, 7].argmax())
    kept = units.strongest(trained, data, "block2", tmp_path, Silent())
    assert torch.equal(kept[0], values)


def test_a_crop_beyond_the_border_is_gray_there() -> None:
    pixels = torch.arange(3 * 6 * 6, dtype=torch.uint8).view(3, 6, 6)
    inside = units.crop_box((1, 2, 3, 5), pixels)
    assert torch.equal(inside, pixels[:, 1:4, 2:6])
    beyond = units.crop_box((-2, 4, 1, 7), pixels)
    assert beyond.shape == (3, 4, 4)
    assert (beyond[:, :2] == 128).all()
    assert (beyond[:, :, 2:] == 128).all()
    assert torch.equal(beyond[:, 2:, :2], pixels[:, :2, 4:])
