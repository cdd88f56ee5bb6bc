"""One image under one kernel."""

import numpy as np
import pytest

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
