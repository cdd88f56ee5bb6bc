"""One image under one kernel."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from decanet.convolution.filtering import Setting


@pytest.mark.parametrize("padding", ["zero", "reflect", "circular", "none"])
@pytest.mark.parametrize(("stride", "dilation"), [(1, 1), (2, 1), (3, 2)])
@pytest.mark.parametrize("correlated", [True, False])
def test_the_inner_part_does_not_depend_on_the_padding(padding, stride, dilation, correlated):
    setting = Setting(padding, stride, dilation, correlated)
    weights = np.ones((2, 4))
    done = setting.result("ones", np.ones((13, 17)), weights)
    # With zeros around it, a window of ones sums to its size exactly where it lies inside the image.
    zeros = Setting("none" if padding == "none" else "zero", stride, dilation, correlated)
    whole = zeros.apply(np.ones((13, 17)), weights) == weights.size
    expected = np.zeros_like(whole)
    expected[done.inner] = True
    np.testing.assert_array_equal(whole, expected)


@pytest.mark.parametrize("padding", ["zero", "none"])
def test_stride_and_dilation_may_differ_down_and_right(padding: str) -> None:
    image, weights = np.random.default_rng(0).random((13, 17)), np.random.default_rng(1).random((3, 3))
    setting = Setting(padding, stride=(2, 1), dilation=(1, 3))  # type: ignore[arg-type]
    done = setting.result("mine", image, weights)
    expected = F.conv2d(
        torch.from_numpy(image)[None, None], torch.from_numpy(weights)[None, None], stride=(2, 1), dilation=(1, 3),
        padding=(1, 3) if padding == "zero" else 0,
    )  # fmt: skip
    np.testing.assert_allclose(done.values, expected[0, 0].numpy(), atol=1e-12)
    assert setting.spans(weights) == [2, 6]
    inside = F.conv2d(
        torch.from_numpy(image)[None, None], torch.from_numpy(weights)[None, None], dilation=(1, 3)
    )[0, 0].numpy()
    assert set(np.round(done.inside.ravel(), 9)) <= set(np.round(inside.ravel(), 9))
    assert "stride 2 down and 1 right, dilation 1 down and 3 right" in setting.caption
