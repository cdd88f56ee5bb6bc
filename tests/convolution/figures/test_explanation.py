"""The flip, the gradient and the grid."""

import numpy as np
import pytest
from skimage.data import chelsea

from decanet.convolution.figures.explanation import draw_flip, draw_gradient, draw_padding_and_stride
from decanet.convolution.filtering import Setting
from decanet.convolution.kernel_lookup import find_kernel
from decanet.core.errors import UsageError
from decanet.data.image_io import gray_of

CAT = gray_of(chelsea()[80:140, 150:230])


def test_the_caption_notes_that_the_flip_of_sobel_only_changes_the_sign():
    assert (
        "only changes the sign"
        in draw_flip(CAT, "sobel_x", find_kernel("sobel_x"), Setting()).get_supxlabel()
    )
    assert (
        "only changes the sign"
        not in draw_flip(CAT, "emboss", find_kernel("emboss"), Setting()).get_supxlabel()
    )


def test_the_gradient_points_toward_brighter_pixels():
    y, x = np.mgrid[0:60, 0:80]
    figure = draw_gradient((x + 2 * (59 - y)) / 200, Setting("none"))  # brighter to the right and upwards
    (arrows,) = [one for axes in figure.axes for one in axes.collections if hasattr(one, "U")]
    assert (arrows.U > 0).all()
    np.testing.assert_allclose(arrows.V / arrows.U, 2, rtol=1e-4)
    assert len(arrows.U) < 250


@pytest.mark.parametrize(
    ("setting", "cases"),
    [
        (Setting(), [("none", 1, 1), ("zero", 1, 1), ("zero", 2, 1), ("zero", 1, 2)]),
        (Setting("reflect", 2, 2), [("none", 1, 1), ("reflect", 1, 1), ("reflect", 2, 1), ("reflect", 2, 2)]),
        (Setting("none", 2), [("none", 1, 1), ("none", 2, 1)]),
        (Setting("circular", 1, 3), [("none", 1, 1), ("circular", 1, 1), ("circular", 1, 3)]),
    ],
)
def test_the_grid_obeys_padding_stride_and_dilation(setting, cases):
    figure = draw_padding_and_stride(setting)
    image = np.random.default_rng(5).integers(1, 10, (5, 5)).astype(float)
    above, below = figure.axes[: len(cases)], figure.axes[len(cases) :]
    assert len(below) == len(cases)
    for (padding, stride, dilation), top, bottom in zip(cases, above, below):
        assert top.get_title().split() == f"padding {padding}, stride {stride}, dilation {dilation}".split()
        expected = Setting(padding, stride, dilation).apply(image, np.ones((3, 3)))
        assert [float(text.get_text()) for text in bottom.texts] == expected.ravel().tolist()
        assert bottom.get_title().endswith(f"= {len(expected)}")


def test_a_grid_that_is_too_small_for_its_dilation_is_refused():
    with pytest.raises(UsageError, match="dilation of up to 4"):
        draw_padding_and_stride(Setting(dilation=5))
