"""The worked example of channels."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decanet.convolution.layer_examples.channels import CHANNELS, compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import cells, check_sums


@pytest.mark.parametrize("chosen", [{}, {"size": 6, "kernels": 4, "seed": 7}, {"size": 3, "kernels": 1}])
def test_maps_are_the_sums_of_the_partial_results_and_equal_torch(chosen):
    r = compute(**chosen)
    x, weight, bias = map(torch.tensor, (r.x[None], r.weight, r.bias))
    np.testing.assert_allclose(r.y, torch.nn.functional.conv2d(x, weight, bias)[0].numpy())
    for c in range(3):
        expected = torch.nn.functional.conv2d(x[:, c : c + 1], weight[:, c : c + 1])[0]
        np.testing.assert_allclose(r.partial[:, c], expected.numpy())
    shown = text(r)
    assert check_sums(shown, 1e-9) >= len(r.weight)
    assert f"{r.weight.size + r.bias.size:,} parameters" in shown
    figure = draw(r)
    for c, name in enumerate(CHANNELS):
        np.testing.assert_allclose(cells(figure, f"x, {name}"), r.x[c].ravel())
        np.testing.assert_allclose(cells(figure, f"kernel 0, {name}"), r.weight[0, c].ravel())
    np.testing.assert_allclose(cells(figure, "map 0"), r.y[0].ravel())


@settings(max_examples=25, deadline=None)
@given(size=st.integers(3, 6), kernels=st.integers(1, 4), seed=st.integers(0, 10**6))
def test_gradients_of_several_channels_equal_autograd(size, kernels, seed):
    r = compute(size=size, kernels=kernels, seed=seed)
    x, weight, bias = (torch.tensor(v, requires_grad=True) for v in (r.x[None], r.weight, r.bias))
    y = torch.nn.functional.conv2d(x, weight, bias)
    y.backward(torch.tensor(r.grad_y[None]))
    np.testing.assert_allclose(r.y, y[0].detach().numpy(), atol=1e-12)
    for ours, theirs in ((r.grad_weight, weight.grad), (r.grad_bias, bias.grad), (r.grad_x, x.grad[0])):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-12)
    assert max(map(len, text(r).splitlines())) <= 120
    assert "dL/dx, blue" in text(r)


def test_a_photograph_is_shown_by_channel():
    image = np.random.default_rng(0).random((20, 30, 3))
    r = compute(image=image)
    assert r.y.shape == (2, 18, 28)  # no padding, whose edge would be the strongest
    np.testing.assert_allclose(r.partial.sum(axis=1), r.y, atol=1e-12)
    titles = [axes.get_title() for axes in draw(r).axes if axes.images]
    assert titles[:4] == ["image", "x, red", "x, green", "x, blue"]
    assert titles.count("sum: the feature map") == 2
    gray = np.repeat(image[..., :1], 3, axis=2)
    assert abs(compute(image=gray).y[1]).max() < 1e-12, "no color, no answer of the kernel for color"


@pytest.mark.parametrize("chosen", [{"size": 2}, {"size": 7}, {"kernels": 0}, {"kernels": 5}, {"seed": -1}])
def test_impossible_settings_are_refused(chosen):
    with pytest.raises(UsageError):
        compute(**chosen)
