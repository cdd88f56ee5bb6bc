"""A kernel at one position."""

import numpy as np
import pytest
from skimage.data import chelsea

from decanet.convolution.filtering import Setting
from decanet.convolution.sliding_window import SlidingWindow, default_positions
from decanet.data.image_io import gray_of

CAT = gray_of(chelsea()[80:140, 150:230])


@pytest.mark.parametrize("setting", [Setting(), Setting("reflect", 2, 2, False), Setting("circular", 3)])
def test_the_sum_of_the_products_is_the_result(setting):
    image = np.random.default_rng(0).integers(0, 101, (11, 9)) / 100
    weights = np.array([[1.0, -2.0, 3.0], [0.0, 4.0, -1.0]])
    result = setting.apply(image, weights)
    window = SlidingWindow(image, weights, setting)
    for row, column in np.ndindex(*result.shape):
        assert window.products(row, column).sum() == pytest.approx(result[row, column])


def test_default_positions_are_the_extreme_responses_inside_the_image():
    image = np.zeros((20, 30))
    image[9, 17], image[12, 5] = 1.0, -1.0
    image[0] = 5.0  # stronger, where the padding joins in
    done = Setting().result("identity", image, np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0.0]]))
    positions = default_positions(done)
    assert list(positions) == [(9, 17), (12, 5), (0, 0), (10, 15)]
    assert "padding" in positions[0, 0]


def test_strides_and_dilations_may_differ_down_and_right():
    image, weights = np.random.default_rng(0).random((12, 14)), np.array([[1.0, -2.0], [3.0, 4.0]])
    setting = Setting("none", stride=(2, 3), dilation=(1, 4))
    window = SlidingWindow(image, weights, setting)
    done = setting.result("mine", image.round(2), weights)
    for place in ((0, 0), (2, 1), (4, 2)):
        assert window.products(*place).sum() == pytest.approx(done.values[place], abs=1e-9)
