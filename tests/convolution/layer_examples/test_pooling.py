"""The worked example of maximum and average pooling."""

import numpy as np
import pytest
import torch
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from decanet.convolution.layer_examples.pooling import compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import cells

SETTINGS = st.fixed_dictionaries(
    {
        "size": st.integers(1, 8), "kernel": st.integers(1, 4), "stride": st.none() | st.integers(1, 4),
        "padding": st.integers(0, 2), "dilation": st.integers(1, 2), "ceil_mode": st.booleans(),
        "seed": st.integers(0, 10**6),
    }
)  # fmt: skip


def plain_mean(r):
    """The mean by its definition: padding counts as zeros, what lies beyond it does not count."""
    window, size = r.window, len(r.x)
    found = np.empty(r.maximum.shape)
    for u, v in np.ndindex(found.shape):
        values = []
        for i, j in np.ndindex(window.kernel, window.kernel):
            row, column = (
                n * window.stride - window.padding + k * window.dilation for n, k in ((u, i), (v, j))
            )
            if max(row, column) < size + window.padding:
                values.append(r.x[row, column] if min(row, column) >= 0 and max(row, column) < size else 0.0)
        found[u, v] = np.mean(values)
    return found


def test_the_pixels_that_a_dilated_window_reads_are_marked():
    r = compute(size=6, kernel=2, dilation=3, stride=1)
    marks = [line for line in draw(r).axes[0].lines if line.get_gid() == "read"]
    assert len(marks) == 2
    columns = np.unique(np.floor(marks[0].get_xdata()))
    assert list(np.diff(columns)) == [3]


@settings(max_examples=60, deadline=None)
@given(SETTINGS)
def test_outputs_and_gradients_equal_autograd(chosen):
    try:
        r = compute(**chosen)
    except UsageError:
        assume(False)
    window, settings_of_both = r.window, (r.window.kernel, r.window.stride, r.window.padding)
    x = torch.tensor(r.x[None, None], requires_grad=True)
    y = torch.nn.functional.max_pool2d(x, *settings_of_both, window.dilation, window.ceil_mode)
    y.backward(torch.tensor(r.grad_y[None, None]))
    np.testing.assert_allclose(r.maximum, y[0, 0].detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(r.grad_x_maximum, x.grad[0, 0].numpy(), atol=1e-12)
    if window.dilation > 1:  # PyTorch has no dilated average
        np.testing.assert_allclose(r.mean, plain_mean(r), atol=1e-12)
        return
    x = torch.tensor(r.x[None, None], requires_grad=True)
    y = torch.nn.functional.avg_pool2d(x, *settings_of_both, window.ceil_mode)
    y.backward(torch.tensor(r.grad_y[None, None]))
    np.testing.assert_allclose(r.mean, y[0, 0].detach().numpy(), atol=1e-12)
    np.testing.assert_allclose(r.grad_x_mean, x.grad[0, 0].numpy(), atol=1e-12)


def test_the_winners_get_the_gradient_and_are_drawn_bold():
    r = compute(size=5, kernel=3, stride=2)
    assert r.winners.sum() == r.maximum.size
    assert r.grad_x_maximum.sum() == r.grad_y.sum()
    assert (r.grad_x_maximum[r.winners == 0] == 0).all()
    figure = draw(r)
    bold = [t for t in figure.axes[0].texts if t.get_gid() == "x" and t.get_fontweight() == "bold"]
    assert sorted(int(t.get_text().replace("−", "-")) for t in bold) == sorted(r.x[r.winners > 0])
    np.testing.assert_allclose(cells(figure, "dL/dy"), np.tile(r.grad_y.ravel(), 2))


def test_an_overhanging_window_is_drawn_beyond_the_image():
    r = compute(size=6, kernel=3, stride=2, ceil_mode=True)
    assert "the last window reaches 1 pixel beyond the padding" in text(r)
    assert "without ceil_mode 2" in text(r)
    outlines = [p for p in draw(r).axes[0].patches if p.get_gid() == "window 2"]
    first = min(p.get_x() for p in draw(r).axes[0].patches if p.get_gid() == "window 0")
    assert outlines[0].get_x() + outlines[0].get_width() - first > 6.5


def test_a_window_that_would_begin_beyond_the_image_is_left_out():
    r = compute(size=3, kernel=1, stride=4, padding=0, ceil_mode=True)
    assert r.maximum.shape == (1, 1)
    assert "window 1 would begin beyond the image" in text(r)
    assert "the last 1 row and column are in no window" in text(compute(size=5, kernel=2))


def test_a_photograph_is_pooled_by_channel():
    image = np.random.default_rng(0).random((20, 31, 3))
    r = compute(image=image, kernel=3)
    assert r.maximum.shape == r.mean.shape == (6, 10, 3)
    np.testing.assert_allclose(r.maximum[0, 0], image[:3, :3].max(axis=(0, 1)))
    assert "(20, 31, 3) -> (6, 10, 3)" in text(r)
    assert [a.get_title().partition(",")[0] for a in draw(r).axes] == ["image", "maximum", "average"]


@pytest.mark.parametrize("chosen", [{"size": 9}, {"kernel": 0}, {"size": 1}, {"padding": 2}, {"stride": 0}])
def test_impossible_settings_are_refused(chosen):
    with pytest.raises(UsageError):
        compute(**chosen)
