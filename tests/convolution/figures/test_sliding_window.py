"""The figure and the animation of the sliding window."""

import numpy as np
import pytest
from skimage.data import chelsea

from decanet.convolution.figures.explanation import draw_flip, draw_gradient
from decanet.convolution.figures.sliding_window import _sliding_frames, draw_sliding
from decanet.convolution.filtering import Setting
from decanet.convolution.kernel_lookup import find_kernel
from decanet.convolution.sliding_window import default_positions
from decanet.data.image_io import gray_of

CAT = gray_of(chelsea()[80:140, 150:230])


@pytest.mark.parametrize("kernel", ["sobel_x", "box", "gaussian:sigma=0.5", "emboss"])
def test_the_printed_products_add_up_to_the_printed_sum(kernel):
    setting = Setting()
    done = setting.result(kernel, CAT, find_kernel(kernel))
    figure = draw_sliding(CAT, done, default_positions(done), setting)
    rows = [figure.axes[i : i + 5] for i in range(0, 20, 5)]
    for _, patch, kernel_axes, products, total in rows:
        printed = [[float(t.get_text().replace("−", "-")) for t in axes.texts] for axes in (patch, products)]
        shown = float(total.texts[0].get_text().removeprefix("sum = ").replace("−", "-"))
        assert sum(printed[1]) == pytest.approx(shown, abs=1e-9)
        if kernel in ("sobel_x", "emboss"):
            weights = [float(t.get_text().replace("−", "-")) for t in kernel_axes.texts]
            np.testing.assert_allclose(np.array(printed[0]) * weights, printed[1], atol=1e-9)


def test_the_animation_ends_with_the_complete_result():
    done = Setting().result("sobel_x", CAT[:5, :7], find_kernel("sobel_x"))
    frames = _sliding_frames(CAT[:5, :7], done, [], Setting())
    assert len(frames) == 5 + 1
    gray = [int((abs(frame.astype(int) - 0xDD).max(axis=2) == 0).sum()) for frame in frames]
    assert gray == sorted(gray, reverse=True)  # what is still empty gets less
    assert gray[-1] < 0.01 * gray[0]


@pytest.mark.parametrize("which", ["sliding", "flip", "gradient"])
def test_figures_that_explain_obey_padding_stride_and_dilation(which):
    image = CAT[:20, :24]

    def shown(setting):
        """All arrays drawn, and the numbers written into them."""
        if which == "sliding":
            done = setting.result("emboss", image, find_kernel("emboss"))
            figure = draw_sliding(image, done, {(0, 0): ""}, setting)
        elif which == "flip":
            figure = draw_flip(image, "emboss", find_kernel("emboss"), setting)
        else:
            figure = draw_gradient(image, setting)
        axes = [one for part in (figure, *figure.subfigs) for one in part.axes]
        return b"".join(map_.get_array().tobytes() for one in axes for map_ in one.images)

    settings = [Setting(), Setting("reflect"), Setting(dilation=2)]
    if which != "sliding":  # the first position is the same for every stride
        settings.append(Setting(stride=2))
    assert len({shown(setting) for setting in settings}) == len(settings)
