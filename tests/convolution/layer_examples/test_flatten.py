"""The worked example of flattening."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from decanet.convolution.layer_examples.flatten import compute, draw, text
from decanet.core.errors import UsageError
from tests.convolution.layer_examples._printed import cells, check_sums, rows


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 4), st.integers(1, 6), st.integers(1, 4), st.integers(1, 4), st.integers(0, 99))
def test_rows_addresses_and_gradients_equal_torch(batch, channels, height, width, seed):
    if channels * height * width > 16:
        with pytest.raises(UsageError, match="at most 16 numbers"):
            compute(batch=batch, channels=channels, height=height, width=width)
        return
    r = compute(batch=batch, channels=channels, height=height, width=width, seed=seed)
    x = torch.tensor(r.x, requires_grad=True)
    y = torch.flatten(x, 1)
    y.backward(torch.tensor(r.grad_y))
    np.testing.assert_array_equal(r.y, y.detach().numpy())
    np.testing.assert_array_equal(r.grad_x, x.grad.numpy())
    assert r.y.shape == (batch, channels * height * width)
    np.testing.assert_array_equal(r.x.ravel(), np.arange(r.x.size))
    for array, layout in ((r.x, torch.contiguous_format), (r.nhwc, torch.channels_last)):
        stored = x.detach().contiguous(memory_format=layout)
        index = torch.tensor(np.indices(r.x.shape))
        strides = torch.tensor(torch.empty(r.x.shape).to(memory_format=layout).stride())
        address = (index * strides[:, None, None, None, None]).sum(0)
        np.testing.assert_array_equal(array, address.numpy())
        memory = torch.empty(0, dtype=stored.dtype).set_(stored.untyped_storage())
        if layout == torch.channels_last:
            np.testing.assert_array_equal(r.memory_nhwc, memory.numpy())
        np.testing.assert_array_equal(stored.flatten(1).numpy(), r.y)
    check_sums(text(r))


@pytest.mark.parametrize(
    "settings", [{}, {"batch": 4, "channels": 4, "seed": 1}, {"channels": 6, "height": 1}]
)
def test_all_numbers_are_printed_and_drawn(settings):
    r = compute(**settings)
    shown = text(r)
    assert max(map(len, shown.splitlines())) <= 100
    assert check_sums(shown.replace("row  ", "\n").replace("NCHW      ", "\n")) == 2
    batch = len(r.x)
    printed = [row for n in range(batch) for row in rows(shown, f"image {n} ")]
    for values in (r.y, r.memory_nhwc.reshape(batch, -1), r.grad_y):
        assert all(list(row) in printed for row in values)
    figure = draw(r)
    drawn = cells(figure, "").reshape(3, *r.y.shape)
    np.testing.assert_array_equal(drawn, [r.y, r.memory_nhwc.reshape(batch, -1), r.grad_y])
    images = np.array([cells(figure, f"channel {c}") for c in range(r.x.shape[1])])
    expected = np.stack([r.x, r.grad_x]).transpose(2, 0, 1, 3, 4)
    np.testing.assert_array_equal(images, expected.reshape(len(images), -1))
