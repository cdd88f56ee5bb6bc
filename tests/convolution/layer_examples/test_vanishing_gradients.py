"""Gradients of deep untrained networks."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from decanet.convolution.layer_examples.vanishing_gradients import VanishingGradients, compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import rows


@pytest.fixture(scope="module")
def measured() -> VanishingGradients:
    return compute(width=48, seed=3)


def test_norms_equal_those_of_autograd_in_the_same_network(measured):
    random = np.random.default_rng([3, 8])
    x, labels = torch.tensor(random.standard_normal((64, 48))), torch.tensor(random.integers(10, size=64))
    weights = [torch.tensor(random.standard_normal((48, 48)) * math.sqrt(2 / 48)) for _ in range(8)]
    head = torch.tensor(random.standard_normal((10, 48)) * math.sqrt(2 / 58))
    outputs = []
    for weight in weights:
        z = F.linear(x, weight.requires_grad_())
        z.retain_grad()
        outputs.append(z)
        x = torch.relu(z)
    nn.CrossEntropyLoss()(F.linear(x, head), labels).backward()
    expected = [z.grad.norm().item() for z in outputs]
    np.testing.assert_allclose(measured.norms["ReLU, He"][8], expected, rtol=1e-9)


def test_sigmoid_loses_three_quarters_a_layer_and_he_keeps_the_norm(measured):
    assert list(measured.norms) == ["sigmoid, Xavier", "tanh, Xavier", "ReLU, Xavier", "ReLU, He"]
    for depth in (8, 16, 32):
        assert 0.2 < measured.factor("sigmoid, Xavier", depth) <= 0.26
        assert measured.factor("ReLU, Xavier", depth) == pytest.approx(math.sqrt(0.5), rel=0.1)
        assert measured.factor("ReLU, He", depth) == pytest.approx(1, rel=0.1)
        assert 0.75 < measured.factor("tanh, Xavier", depth) < 1


def test_all_layers_are_drawn_and_the_ends_are_printed(measured):
    shown = text(measured)
    assert max(map(len, shown.splitlines())) <= 100
    panels = draw(measured).axes
    for axes, (name, by_depth) in zip(panels, measured.norms.items(), strict=True):
        assert axes.get_title().startswith(name)
        assert axes.get_yscale() == "log"
        for line, norms, printed in zip(axes.lines, by_depth.values(), rows(shown, name), strict=True):
            np.testing.assert_array_equal(line.get_ydata(), norms)
            assert printed[0] == len(norms) == len(line.get_xdata())
            np.testing.assert_allclose(printed[1:3], [norms[0], norms[-1]], rtol=5.1e-3)


@pytest.mark.parametrize("settings", [{"width": 9}, {"width": 513}, {"seed": -1}])
def test_settings_out_of_range_are_refused(settings):
    with pytest.raises(UsageError):
        compute(**settings)
